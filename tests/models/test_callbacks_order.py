"""The order of a callback's hooks and their logs, as in Keras, and runs that a callback starts."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.callbacks import Callback, LambdaCallback
from tensorlab.errors import ArgumentTypeError

LOGS = ["accuracy", "loss"]
VALIDATED = ["accuracy", "loss", "val_accuracy", "val_loss"]
TEST = [("on_test_begin", []), ("on_test_batch_begin", 0, []), ("on_test_batch_end", 0, LOGS), ("on_test_end", LOGS)]

# The calls of Keras 3.15: `fit` for 2 epochs of 5 samples in batches of 4, with 3 samples for validation. Keras's
# record has no logs of batches; they are added here.
FIT = [
    ("set_model", "Sequential"),
    ("set_params", {"verbose": 0, "epochs": 2, "steps": 2}),
    ("on_train_begin", []),
    ("on_epoch_begin", 0, []),
    ("on_train_batch_begin", 0, []),
    ("on_train_batch_end", 0, LOGS),
    ("on_train_batch_begin", 1, []),
    ("on_train_batch_end", 1, LOGS),
    *TEST,
    ("on_epoch_end", 0, VALIDATED),
    ("on_epoch_begin", 1, []),
    ("on_train_batch_begin", 0, []),
    ("on_train_batch_end", 0, LOGS),
    ("on_train_batch_begin", 1, []),
    ("on_train_batch_end", 1, LOGS),
    *TEST,
    ("on_epoch_end", 1, VALIDATED),
    ("on_train_end", VALIDATED),
]
EVALUATE = [
    ("set_model", "Sequential"),
    ("set_params", {"verbose": 0, "epochs": 1, "steps": 2}),
    ("on_test_begin", []),
    ("on_test_batch_begin", 0, []),
    ("on_test_batch_end", 0, LOGS),
    ("on_test_batch_begin", 1, []),
    ("on_test_batch_end", 1, LOGS),
    ("on_test_end", LOGS),
]
PREDICT = [
    ("set_model", "Sequential"),
    ("set_params", {"verbose": 0, "epochs": 1, "steps": 2}),
    ("on_predict_begin", []),
    ("on_predict_batch_begin", 0, []),
    ("on_predict_batch_end", 0, ["outputs"]),
    ("on_predict_batch_begin", 1, []),
    ("on_predict_batch_end", 1, ["outputs"]),
    ("on_predict_end", []),
]
NOTHING = [
    ("set_model", "Sequential"),
    ("set_params", {"verbose": 0, "epochs": 0, "steps": 2}),
    ("on_train_begin", []),
    ("on_train_end", []),
]
HOOKS = [name for name in vars(Callback) if name.startswith("on_") and "on_batch" not in name]


class Recorder(Callback):
    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self.seen.append(("set_model", type(model).__name__))

    def set_params(self, params: dict[str, Any]) -> None:
        self.seen.append(("set_params", params))


def _recording(name: str) -> Callable[..., None]:
    def hook(self: Recorder, *arguments: Any) -> None:
        *numbers, logs = arguments
        self.seen.append((name, *numbers, sorted(logs)))

    return hook


for _name in HOOKS:
    setattr(Recorder, _name, _recording(_name))


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.normal(size=(5, 3)).astype("float32"), rng.integers(0, 4, 5)


def network(metrics: Any = ("accuracy",)) -> tl.Sequential:
    model = tl.Sequential([tl.layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=list(metrics))
    return model


RUNS: dict[str, tuple[Callable[..., Any], list[tuple[Any, ...]]]] = {
    "fit": (
        lambda model, x, y, **given: model.fit(x, y, 4, epochs=2, validation_data=(x[:3], y[:3]), **given),
        FIT,
    ),
    "evaluate": (lambda model, x, y, **given: model.evaluate(x, y, 4, **given), EVALUATE),
    "predict": (lambda model, x, y, **given: model.predict(x, 4, **given), PREDICT),
    "no epoch": (lambda model, x, y, **given: model.fit(x, y, 4, epochs=0, **given), NOTHING),
}


@pytest.mark.parametrize("run", RUNS)
def test_hooks_are_called_in_the_order_of_keras(run: str, data: Any) -> None:
    recorder = Recorder()
    call, expected = RUNS[run]
    call(network(), *data, verbose=0, callbacks=[recorder])
    assert recorder.seen == expected


def test_callbacks_may_be_a_name_one_object_or_nested_lists(data: Any) -> None:
    recorder = Recorder()
    network().fit(*data, verbose=0, callbacks=recorder)
    assert recorder.seen[-1][0] == "on_train_end"
    network().fit(*data, verbose=0, callbacks="TerminateOnNaN")
    network().fit(*data, verbose=0, callbacks=[[recorder, "TerminateOnNaN"]])  # Keras takes nested lists
    history = tl.callbacks.History()
    assert network().fit(*data, verbose=0, callbacks=history) is history
    assert history.epoch == [0]
    with pytest.raises(ArgumentTypeError, match="evaluate callbacks: expected a list of Callbacks or names"):
        network().evaluate(*data, verbose=0, callbacks=3)


def test_old_names_of_batch_hooks_are_called(data: Any) -> None:
    class Old(Callback):
        begun, losses = 0, ()

        def on_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.begun += 1

        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            self.losses = (*self.losses, logs["loss"])

    old = Old()
    network().fit(*data, batch_size=2, verbose=0, callbacks=old)
    assert old.begun == len(old.losses) == 3


def test_values_added_to_logs_reach_later_callbacks_and_history(data: Any) -> None:
    seen = []
    adding = LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(rate=0.5 + epoch),
        on_train_batch_end=lambda batch, logs: logs.update(batch=1.0),
    )
    following = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs["rate"]))
    history = network().fit(*data, epochs=2, verbose=0, callbacks=[adding, following]).history
    assert seen == history["rate"] == [0.5, 1.5]
    assert list(history) == ["loss", "accuracy", "rate"]


@pytest.mark.parametrize(
    ("moment", "steps", "epochs"),
    [("on_train_batch_end", 2, 1), ("on_epoch_end", 3, 1), ("on_epoch_begin", 1, 1), ("on_train_begin", 3, 3)],
)
def test_stop_training_ends_a_run(moment: str, steps: int, epochs: int, data: Any) -> None:
    model = network()

    def stop(*arguments: Any) -> None:
        if moment != "on_train_batch_end" or arguments[0] == 1:
            model.stop_training = True

    if moment == "on_train_begin":  # the run clears the flag when it starts
        model.stop_training, callback = True, LambdaCallback()
    else:
        callback = LambdaCallback(**{moment: stop})
    ended: list[Any] = []
    last = LambdaCallback(on_train_end=ended.append)
    history = model.fit(*data, batch_size=2, epochs=3, verbose=0, callbacks=[callback, last])
    assert len(history.epoch) == epochs
    assert model.optimizer.iterations == (steps if epochs == 1 else 9)
    assert len(ended) == 1
    assert history is model.history


def test_evaluate_and_predict_can_be_stopped(data: Any) -> None:
    model, recorder = network(), Recorder()

    def stop(batch: int, logs: Any) -> None:
        model.stop_evaluating = model.stop_predicting = True

    stopping = LambdaCallback(on_test_batch_begin=stop, on_predict_batch_end=stop)
    model.evaluate(*data, batch_size=2, verbose=0, callbacks=[stopping, recorder])
    assert [name for name, *_ in recorder.seen[2:]] == [name for name, *_ in TEST]
    assert model.predict(data[0], batch_size=2, callbacks=stopping).shape == (2, 4)
    assert model.predict(data[0], batch_size=2).shape == (5, 4)


INSIDE: dict[str, Callable[[Any, Any, Any], Any]] = {
    "evaluate": lambda model, x, y: model.evaluate(x[:3], y[:3], verbose=0),
    "test_on_batch": lambda model, x, y: model.test_on_batch(x[:3], y[:3]),
    "fit": lambda model, x, y: model.fit(x, y, epochs=2, verbose=0, callbacks=tl.callbacks.EarlyStopping("loss")),
    "train_on_batch": lambda model, x, y: model.train_on_batch(x[:3], y[:3]),
}


@pytest.mark.parametrize("inside", INSIDE)
@pytest.mark.parametrize("moment", ["on_train_batch_end", "on_train_batch_begin", "on_epoch_end"])
def test_nested_run_does_not_change_metrics_of_the_outer_run(inside: str, moment: str, data: Any) -> None:
    class Listing(tl.metrics.Metric):
        """A metric with a Variable, an attribute and an inner metric as its state."""

        def __init__(self) -> None:
            super().__init__()
            self.sum, self.parts = self.add_weight(name="sum"), []
            self.mean = tl.metrics.Mean()

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.sum.assign_add(float(len(y_true)))
            self.parts.append(len(y_true))
            self.mean.update_state(2.0)

        def reset_state(self) -> None:
            super().reset_state()
            self.parts = []
            self.mean.reset_state()

        def result(self) -> float:
            return float(self.sum) + 10 * len(self.parts) + 100 * self.mean.result()

    def run(*callbacks: Callback) -> dict[str, list[float]]:
        model = network(["accuracy", Listing()])
        model.compile(tl.optimizers.SGD(0.0), model.loss, metrics=model.metrics[1:])  # steps do not change the weights
        model.build((None, 3))
        model.set_weights([np.arange(12.0).reshape(3, 4) / 10, np.zeros(4)])
        return model.fit(*data, 2, epochs=2, verbose=0, callbacks=list(callbacks), shuffle=False).history

    def call(*arguments: Any) -> None:
        INSIDE[inside](probe.model, *data)

    probe = LambdaCallback(**{moment: call})
    expected = run()
    assert run(probe) == expected
    assert expected["listing"] == [5 + 30 + 200] * 2


def test_copy_made_during_a_run_is_outside_of_the_run(data: Any) -> None:
    copies: list[Any] = []
    copying = LambdaCallback(on_epoch_end=lambda epoch, logs: copies.append(copy.deepcopy(copying.model)))
    network().fit(*data, verbose=0, callbacks=copying)
    loss, accuracy = copies[0].evaluate(*data, verbose=0)
    assert [metric.result() for metric in copies[0].metrics] == [loss, accuracy]


def test_metrics_keep_their_results_after_evaluate(data: Any) -> None:
    model = network()
    loss, accuracy = model.evaluate(*data, verbose=0)
    assert [metric.result() for metric in model.metrics] == [loss, accuracy]


def test_callback_can_recompile_during_a_run(data: Any) -> None:
    model = network()

    def recompile(epoch: int, logs: Any) -> None:
        model.compile(tl.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=["acc"])

    history = model.fit(*data, epochs=2, verbose=0, callbacks=LambdaCallback(on_epoch_end=recompile)).history
    assert {name: len(values) for name, values in history.items()} == {"loss": 2, "accuracy": 1, "acc": 1}
    with pytest.raises(tl.errors.ShapeError, match="for labels that are integers use sparse_categorical"):
        model.fit(*data, epochs=2, verbose=0, callbacks=LambdaCallback(on_epoch_end=lambda e, logs: _other(model)))


def _other(model: tl.Sequential) -> None:
    """Compile with a loss that does not fit the targets."""
    model.compile("sgd", "categorical_crossentropy")


def test_interrupted_run_keeps_its_progress(data: Any) -> None:
    model = network()
    model.build((None, 3))
    before = model.get_weights()

    def interrupt(epoch: int, logs: Any) -> None:
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(*data, epochs=5, verbose=0, callbacks=LambdaCallback(on_epoch_begin=interrupt))
    assert model.optimizer.iterations == 1
    assert not np.array_equal(model.get_weights()[0], before[0])
    assert len(model.history.history["loss"]) == 1
    model.fit(*data, verbose=0)  # training can continue
    assert model.optimizer.iterations == 2


def test_lambda_callback_rejects_a_misspelled_hook() -> None:
    with pytest.raises(ArgumentTypeError) as error:
        LambdaCallback(on_epoch_ends=print)
    assert str(error.value).startswith("LambdaCallback: expected arguments among: on_train_begin, ")
    assert ", received the unknown argument 'on_epoch_ends'; did you mean 'on_epoch_end'" in str(error.value)
