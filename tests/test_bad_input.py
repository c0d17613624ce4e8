"""Typical mistakes of users: one clear error each, and no change of state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DTypeError,
    NonFiniteError,
    ShapeError,
    StateError,
    TensorlabError,
    UnknownNameError,
)
from tensorlab.layers import Dense, Dropout
from tensorlab.registry import registries

Array = np.ndarray[Any, Any]
Snapshot = tuple[Any, ...]


def snapshot(model: tl.Sequential) -> Snapshot:
    """Return everything that a failed call must not change."""
    state = None if model.optimizer is None else model.optimizer.get_state()
    names = {kind: [(entry.name, id(entry.thing)) for entry in registry] for kind, registry in registries.items()}
    weights = [weight.tobytes() for weight in model.get_weights()]
    slots = state and [[slot.tobytes() for slot in slots.values()] for slots in state["slots"]]
    return (model.built, weights, [layer.built for layer in model.layers], state and state["iterations"], slots, names)


def refused(model: tl.Sequential, call: Callable[[], Any], kind: type[TensorlabError]) -> str:
    """Return the message of a call that must fail and change nothing."""
    before = snapshot(model)
    with pytest.raises(kind) as error:
        call()
    assert snapshot(model) == before
    message = str(error.value)
    if kind is not StateError:  # StateError states the problem instead
        assert ": expected " in message
        assert ", received " in message
    assert error.value.__cause__ is None
    return message


def digits(rng: np.random.Generator, count: int = 40) -> tuple[Array, Array]:
    return rng.uniform(size=(count, 784)).astype("float32"), rng.integers(0, 10, count)


def network(optimizer: Any = "rmsprop", activation: Any = "relu") -> tl.Sequential:
    model = tl.Sequential(
        [Dense(16, activation=activation, name="hidden"), Dense(10, activation="softmax")], name="net"
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(params=["fresh", "trained"])
def model(request: pytest.FixtureRequest, rng: np.random.Generator) -> tl.Sequential:
    """A new model, and a trained one."""
    made = network()
    if request.param == "trained":
        made.fit(*digits(rng), batch_size=16, verbose=0)
    return made


def calls(model: tl.Sequential, x: Any, y: Any) -> list[tuple[str, Callable[[], Any]]]:
    return [
        ("fit", lambda: model.fit(x, y, verbose=0)),
        ("evaluate", lambda: model.evaluate(x, y, verbose=0)),
        ("train_on_batch", lambda: model.train_on_batch(x, y)),
    ]


def test_wrong_input_shape_is_rejected(rng: np.random.Generator) -> None:
    x, y = digits(rng)
    trained = network()
    trained.fit(x, y, batch_size=16, verbose=0)
    images = x.reshape(-1, 28, 28)
    for name, call in [*calls(trained, images, y), ("predict", lambda: trained.predict(images))]:
        message = refused(trained, call, ShapeError)
        assert message == (
            "Dense 'hidden': expected inputs of shape (batch, 784), received (40, 28, 28); "
            "add a Flatten layer or reshape to (40, 784)"
        ), name
    assert "received (40, 783)" in refused(trained, lambda: trained.fit(x[:, 1:], y, verbose=0), ShapeError)


def test_wrong_input_shape_does_not_build_a_model(rng: np.random.Generator) -> None:
    x, y = digits(rng)
    fresh = network()
    for _, call in calls(fresh, x.reshape(-1, 28, 28), y):
        message = refused(fresh, call, ShapeError)
        assert message == "SparseCategoricalCrossentropy: expected labels of shape (40, 28), received (40,)"
    fresh.fit(x, y, verbose=0)  # the correct shape works
    assert fresh.count_params() == 784 * 16 + 16 + 16 * 10 + 10


@pytest.mark.parametrize("label", [10, -1, 255])
def test_label_out_of_range_is_rejected(model: tl.Sequential, label: int, rng: np.random.Generator) -> None:
    x, y = digits(rng)
    y[33] = label  # in the second batch, but found before the first
    for _, call in calls(model, x, y):
        assert refused(model, call, ArgumentError) == (
            f"SparseCategoricalCrossentropy: expected labels from 0 to 9 for 10 outputs, received {label} at position "
            "33; correct the labels, or give the last layer more units"
        )


def test_label_out_of_range_in_the_validation_data_is_rejected(model: tl.Sequential, rng: np.random.Generator) -> None:
    x, y = digits(rng)
    bad = y.copy()
    bad[0] = 10
    message = refused(model, lambda: model.fit(x, y, verbose=0, validation_data=(x, bad)), ArgumentError)
    assert "received 10 at position 0" in message


UNKNOWN: list[tuple[str, Callable[[tl.Sequential], Any], str]] = [
    ("layer", lambda model: registries["layer"].get("Dens"), "'Dens'; did you mean 'Dense'"),
    (
        "layer",
        lambda model: tl.Sequential.from_config(
            {"layers": [{"class_name": "Dropot", "kind": "layer", "config": {"rate": 0.5}}]}
        ),
        "'Dropot'; did you mean 'Dropout'",
    ),
    ("activation", lambda model: Dense(3, activation="rellu"), "'rellu'; did you mean 'relu'"),
    ("activation", lambda model: tl.layers.Activation("softmx"), "'softmx'; did you mean 'softmax'"),
    ("loss", lambda model: model.compile("sgd", "crossentropy"), "'crossentropy'; did you mean "),
    ("optimizer", lambda model: model.compile("rms_prob", "mse"), "'rms_prob'; did you mean 'rmsprop'"),
    ("metric", lambda model: model.compile("sgd", "mse", metrics=["acuracy"]), "'acuracy'; did you mean 'accuracy'"),
    ("initializer", lambda model: Dense(3, kernel_initializer="one"), "'one'; did you mean 'ones'"),
    ("backend", lambda model: tl.asarray(1.0, device="cuda:7"), "'cuda:7'; "),
]


@pytest.mark.parametrize(("kind", "call", "words"), UNKNOWN, ids=[f"{k}-{n}" for n, (k, _, _) in enumerate(UNKNOWN)])
def test_unknown_name_is_rejected(
    kind: str, call: Callable[[tl.Sequential], Any], words: str, model: tl.Sequential
) -> None:
    message = refused(model, lambda: call(model), UnknownNameError)
    assert message.startswith(f"{kind}: expected the name of a registered {kind}, received {words}")


def test_training_before_compile_is_rejected(rng: np.random.Generator) -> None:
    x, y = digits(rng)
    model = tl.Sequential([Dense(10)], name="net")
    for name, call in calls(model, x, y):
        assert refused(model, call, StateError) == (
            f"Sequential 'net'.{name}: the model is not compiled; call compile(optimizer=..., loss=...) first"
        )
    model.compile("sgd")
    assert refused(model, lambda: model.fit(x, y), StateError) == (
        "Sequential 'net'.fit: the model is compiled without a loss; call compile(optimizer=..., loss=...) first"
    )


def test_different_lengths_are_rejected(model: tl.Sequential, rng: np.random.Generator) -> None:
    x, y = digits(rng)
    for name, call in calls(model, x, y[:39]):
        assert refused(model, call, ShapeError) == (
            f"Sequential 'net'.{name}: expected x and y of one length, received x of shape (40, 784) and y of shape "
            "(39,); give one target for each sample"
        )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_x_is_rejected(model: tl.Sequential, value: float, rng: np.random.Generator) -> None:
    x, y = digits(rng)
    x[35, 700] = value
    for name, call in [*calls(model, x, y), ("predict", lambda: model.predict(x))]:
        assert refused(model, call, NonFiniteError) == (
            f"Sequential 'net'.{name} x: expected finite numbers, received {value} at (35, 700); clean the data first"
        )


def test_non_finite_y_is_rejected(rng: np.random.Generator) -> None:
    x = rng.normal(size=(8, 3)).astype("float32")
    y = rng.normal(size=(8, 2)).astype("float32")
    y[5, 1] = np.nan
    regression = tl.Sequential([Dense(2)], name="net")
    regression.compile("sgd", "mse")
    for name, call in calls(regression, x, y):
        assert refused(regression, call, NonFiniteError) == (
            f"Sequential 'net'.{name} y: expected finite numbers, received nan at (5, 1); clean the data first"
        )


# The learning rates are so small that no output saturates; the gradient of a clipped probability is 0.
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: tl.optimizers.SGD(1e-4, momentum=0.9),
    "rmsprop": lambda: tl.optimizers.RMSprop(1e-4, momentum=0.5),
    "adam": lambda: tl.optimizers.Adam(1e-4),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("trained", [False, True])
def test_loss_that_explodes_during_fit_restores_the_model(name: str, trained: bool, rng: np.random.Generator) -> None:
    x, y = digits(rng, 64)
    model = network(OPTIMIZERS[name](), activation=None)
    model.build((None, 784))
    if trained:
        model.fit(x, y, batch_size=16, verbose=0)

    class Explode(tl.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
            self.steps = batch + 1
            if batch == 1:
                self.model.optimizer.learning_rate = 1e30

    watch = Explode()
    before = snapshot(model)
    message = refused(
        model, lambda: model.fit(x, y, epochs=3, batch_size=16, verbose=0, callbacks=[watch]), NonFiniteError
    )
    assert watch.steps >= 3  # steps were executed and rolled back
    assert message.startswith(f"Sequential 'net' loss: expected a finite number, received nan at step {before[3] + 4}")
    assert message.endswith("; lower the learning rate or scale the inputs")
    model.optimizer.learning_rate = 1e-4
    model.fit(x, y, batch_size=16, verbose=0)  # training is possible again
    assert model.optimizer.iterations == before[3] + 4


def test_loss_that_explodes_in_train_on_batch_restores_the_model(rng: np.random.Generator) -> None:
    x, y = digits(rng)
    model = network(tl.optimizers.SGD(1e30, momentum=0.9), activation=None)
    model.train_on_batch(x, y)
    assert "Sequential 'net' loss: expected a finite number" in refused(
        model, lambda: model.train_on_batch(x, y), NonFiniteError
    )


def test_loss_or_metric_that_fails_during_fit_restores_the_model(rng: np.random.Generator) -> None:
    x, y = digits(rng)

    def picky(y_true: tl.Tensor, y_pred: tl.Tensor) -> tl.Tensor:
        if y_true.shape[0] != 16:
            raise ShapeError("picky", "16 samples", str(y_true.shape[0]))
        return tl.sum(y_pred, axis=-1)

    for loss, metrics in ((picky, None), ("sparse_categorical_crossentropy", [picky])):
        model = network()
        model.compile("rmsprop", loss, metrics=metrics)
        model.build((None, 784))
        message = refused(model, lambda model=model: model.fit(x, y, batch_size=16, verbose=0), ShapeError)
        assert message == "picky: expected 16 samples, received 8"


@pytest.mark.parametrize("x", [np.zeros((0, 784), "float32"), [], np.float32(3.0)])
def test_empty_data_is_rejected(model: tl.Sequential, x: Any) -> None:
    y = np.zeros(0, "int64")
    shape = np.shape(x)
    for name, call in [*calls(model, x, y), ("predict", lambda: model.predict(x))]:
        assert refused(model, call, ShapeError) == (
            f"Sequential 'net'.{name} x: expected at least one sample, received shape {shape}"
        )


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.array([["a", "b"]]), "<U1 data"),
        (["seven", "two"], "<U5 data"),
        (np.array([[1, None]], dtype=object), "objects (ndarray)"),
        (np.ones((2, 784), "complex64"), "complex64 data"),
        ([[1.0, 2.0], [3.0]], "list"),
    ],
)
def test_data_without_numbers_is_rejected(model: tl.Sequential, x: Any, words: str) -> None:
    y = np.zeros(len(x), "int64")
    for name, call in [*calls(model, x, y), ("predict", lambda: model.predict(x))]:
        message = refused(model, call, DTypeError)
        assert message.startswith(f"Sequential 'net'.{name} x: expected ")
        assert f", received {words}; " in message


def test_strings_as_labels_are_rejected(model: tl.Sequential, rng: np.random.Generator) -> None:
    x, _ = digits(rng, 2)
    for name, call in calls(model, x, ["seven", "two"]):
        message = refused(model, call, DTypeError)
        assert message.startswith(f"Sequential 'net'.{name} y: expected data of bool, ")
        assert ", received <U5 data; convert it to numbers first" in message


@pytest.mark.parametrize("missing", ["x", "y"])
def test_missing_data_is_rejected(model: tl.Sequential, missing: str, rng: np.random.Generator) -> None:
    x, y = digits(rng, 2)
    for name, call in calls(model, None if missing == "x" else x, None if missing == "y" else y):
        message = refused(model, call, ArgumentTypeError)
        assert message.startswith(f"Sequential 'net'.{name} {missing}: expected a ta" if missing == "y" else "Seq")
        assert ", received None" in message


@pytest.mark.parametrize("shape", [(40, 10), (40, 2)])
def test_one_hot_targets_are_rejected(model: tl.Sequential, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    x, _ = digits(rng)
    y = np.eye(shape[1])[rng.integers(0, shape[1], 40)]
    for _, call in calls(model, x, y):
        message = refused(model, call, ShapeError)
        hint = "; for one-hot targets use categorical_crossentropy" if shape == (40, 10) else ""
        assert message == f"SparseCategoricalCrossentropy: expected labels of shape (40,), received {shape}{hint}"


def test_invalid_layers_have_no_side_effects() -> None:
    model = tl.Sequential([Dense(3)], name="net")
    for make in (lambda: Dense(0), lambda: Dropout(1.5)):
        refused(model, make, ArgumentError)
    assert len(model.layers) == 1


def test_metrics_without_a_rule_are_rejected(model: tl.Sequential) -> None:
    def compiling(*metrics: object) -> Callable[[], object]:
        return lambda: model.compile("sgd", "mse", metrics=list(metrics))

    class WithoutRule(tl.metrics.Metric):
        pass

    for metric, name in (("mean", "mean"), (tl.metrics.Sum(), "sum"), (WithoutRule, "without_rule")):
        message = refused(model, compiling(metric), ArgumentTypeError)
        assert message == (
            f"Sequential 'net'.compile metrics: expected metrics of targets and outputs, received '{name}'; "
            "implement call(y_true, y_pred), or update_state(y_true, y_pred) and result()"
        )
