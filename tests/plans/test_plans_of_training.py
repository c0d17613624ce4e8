"""Steps that run a plan give the same bits as steps in Python, for every kind of model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.plan_cases import LABELS, STEPS, TARGETS, X, compare, count_runs, model, train

import tensorlab as tl
from tensorlab.layers import Dense

PLANNED = 2 * STEPS - 3
"""The steps of two epochs that run a plan: the first one runs in Python, the next two are recorded."""


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "adamw", "nadam", "adagrad", "adadelta", "adamax"])
def test_optimizers(optimizer: str) -> None:
    _, planned = compare(lambda: model(Dense(5, activation="relu"), optimizer=optimizer))
    assert planned.runs == PLANNED


@pytest.mark.parametrize(
    "layer",
    [
        lambda: tl.layers.Dropout(0.4),
        lambda: tl.layers.Dropout(0.4, seed=7),
        lambda: tl.layers.GaussianNoise(0.3),
        lambda: tl.layers.BatchNormalization(),
        lambda: tl.layers.Flatten(),
        lambda: tl.layers.Rescaling(0.5, 0.1),
        lambda: tl.layers.Activation("tanh"),
        lambda: Dense(4, activation="relu", kernel_regularizer="l2", use_bias=False),
        lambda: tl.Sequential([Dense(4, activation="sigmoid"), Dense(4)]),
    ],
)
def test_layers(layer: Any) -> None:
    _, planned = compare(lambda: model(layer(), optimizer="adam"))
    assert planned.reason == ""
    assert planned.runs == PLANNED


def test_metrics_and_weights() -> None:
    weights = np.linspace(0.1, 2.0, len(X)).astype(np.float32)
    _, planned = compare(lambda: model(metrics=["accuracy", tl.metrics.SparseCategoricalAccuracy()]))
    assert planned.runs == PLANNED
    _, planned = compare(lambda: model(metrics=["accuracy"]), sample_weight=weights)
    assert planned.runs == PLANNED
    _, planned = compare(lambda: model(weighted_metrics=["accuracy"]), sample_weight=weights)
    assert planned.runs == PLANNED
    crossentropy = ["sparse_categorical_crossentropy", tl.losses.SparseCategoricalCrossentropy()]
    _, planned = compare(lambda: model(metrics=crossentropy, weighted_metrics=crossentropy[:1]), sample_weight=weights)
    assert planned.runs == PLANNED
    _, planned = compare(lambda: model(metrics=["sparse_top_k_categorical_accuracy"]))
    assert planned.runs == PLANNED

    def largest(targets: tl.Tensor, outputs: tl.Tensor) -> tl.Tensor:
        return tl.asarray(outputs.numpy().max(axis=-1))

    _, planned = compare(lambda: model(metrics=[largest]))
    assert planned.reason == "it reads the elements of a tensor"


def test_regression_without_shuffling() -> None:
    def make() -> tl.Model:
        made = tl.Sequential([Dense(4, activation="relu"), Dense(3)])
        made.compile("rmsprop", "mse", metrics=["mae"])
        return made

    _, planned = compare(make, y=TARGETS, shuffle=False)
    assert planned.runs == PLANNED


def test_optimizers_with_clipping_and_validation() -> None:
    def make() -> tl.Model:
        return model(optimizer=tl.optimizers.Adam(clipvalue=0.01, amsgrad=True))

    _, planned = compare(make, validation_data=(X[:16], LABELS[:16]))
    assert planned.runs == PLANNED


def test_last_batch_of_another_size_is_not_planned() -> None:
    _, planned = compare(lambda: model(), validation_split=0.05)
    assert [plan.runs for plan in planned.model.training_plan.plans] == [PLANNED - 2]


def test_weights_that_are_read_between_epochs_keep_their_values() -> None:
    kept: list[tuple[Any, np.ndarray]] = []

    class Keep(tl.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            value = self.model.weights[0].value
            kept.append((value, value.numpy().copy()))

    _, planned = compare(lambda: model(), callbacks=[Keep()], epochs=3)
    assert planned.runs == PLANNED + STEPS
    for value, copied in kept:
        assert value.numpy().tobytes() == copied.tobytes()


def test_learning_rate_is_read_in_every_step() -> None:
    class Decay(tl.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.1 / (epoch + 1)

    _, planned = compare(lambda: model(), callbacks=[Decay()], epochs=3)
    assert planned.runs == PLANNED + STEPS


def test_threads_give_the_same_bits() -> None:
    threads = tl.get_num_threads()
    states = []
    try:
        for count in (1, 2, 3):
            tl.set_num_threads(count)
            states.append(train(lambda: model(Dense(40, activation="relu"), optimizer="adam"), True).state)
    finally:
        tl.set_num_threads(threads)
    for state in states[1:]:
        assert [a.tobytes() for a in state] == [b.tobytes() for b in states[0]]


def test_switches() -> None:
    assert train(lambda: model(), False).reason == "disable_jit is in effect"
    eager = train(lambda: model(run_eagerly=True), True)
    assert (eager.runs, eager.reason) == (0, "run_eagerly is set")
    with pytest.raises(tl.errors.ArgumentError, match="run_eagerly: expected True or False, received 'yes'"):
        model(run_eagerly="yes")


def test_explain_prints_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    train(lambda: model(optimizer="rmsprop"), True).model.training_plan.explain()
    text = capsys.readouterr().out
    for word in ("matmul", "(8,6) (6,3)", "update", f"runs: {PLANNED}"):
        assert word in text
    train(lambda: model(), False).model.training_plan.explain()
    assert capsys.readouterr().out == "no plan: disable_jit is in effect\n"


def test_copies_of_a_model_have_no_plan() -> None:
    import copy
    import pickle

    trained = train(lambda: model(), True).model
    assert copy.deepcopy(trained).training_plan is None
    assert pickle.loads(pickle.dumps(trained)).training_plan is None


def test_train_on_batch_runs_a_plan() -> None:
    def outcome(runs: int) -> tuple[list[float], list[bytes]]:
        tl.utils.set_random_seed(3)
        trained = model(tl.layers.Dropout(0.3), metrics=["accuracy"])
        losses = []
        for step in range(12):
            rows = slice(8 * step, 8 * step + 8)
            losses.append(trained.train_on_batch(X[rows], LABELS[rows], return_dict=True)["loss"])
            if step == 6:
                trained.layers[0].rate = 0.6
        assert sum(plan.runs for plan in trained.training_plan.plans) == runs
        return losses, [weight.numpy().tobytes() for weight in trained.weights]

    planned = outcome(2)  # since the change
    with tl.disable_jit():
        assert outcome(0) == planned


def test_evaluation() -> None:
    trained = train(lambda: model(tl.layers.BatchNormalization(), metrics=["accuracy"]), True).model
    weights = np.linspace(0.0, 2.0, 96)

    def results() -> list[Any]:
        found = [trained.evaluate(X[:n], LABELS[:n], batch_size=1, verbose=0) for n in (8, 60, 96)]
        return [*found, trained.evaluate(X, LABELS, batch_size=2, verbose=0, sample_weight=weights)]

    with tl.disable_jit():
        expected = results()
    with count_runs() as runs:
        assert results() == expected
        assert len(runs) == 58 + 96 + 45  # the first 8 batches are too few
        assert results() == expected
    assert len(runs) == 58 + 96 + 45 + 8 + 60 + 96 + 48


def test_few_steps_are_taken_in_python() -> None:
    few = train(lambda: model(), True, epochs=1)
    assert (few.runs, few.reason) == (0, "there are fewer than 16 steps")
