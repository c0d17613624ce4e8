"""`fit`, `evaluate` and `predict`: validation splits, epochs and frequencies as in Keras, and data of every type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from weights import same

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError, NonFiniteError, ShapeError
from tensorlab.layers import Dense

Array = np.ndarray[Any, Any]


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[Array, Array]:
    x = rng.normal(size=(5, 3)).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


def network() -> tl.Sequential:
    model = tl.Sequential([Dense(1, kernel_initializer="ones")], name="net")
    model.compile("sgd", "mse")
    return model


# Arguments, and the result of Keras 3.15 for 5 samples: the epochs, and the number of values of each metric
RUNS: list[tuple[dict[str, Any], list[int], dict[str, int]]] = [
    ({"batch_size": None}, [0], {"loss": 1}),
    ({"verbose": False}, [0], {"loss": 1}),
    ({"epochs": 0}, [], {}),
    ({"initial_epoch": 1, "epochs": 3}, [1, 2], {"loss": 2}),
    ({"initial_epoch": 5, "epochs": 3}, [], {}),
    ({"validation_split": 0.4}, [0], {"loss": 1, "val_loss": 1}),
    ({"validation_split": np.float32(0.4), "batch_size": np.int64(2)}, [0], {"loss": 1, "val_loss": 1}),
    ({"validation_split": None}, [0], {"loss": 1}),
    ({"validation_split": 0.01}, [0], {"loss": 1, "val_loss": 1}),
    ({"validation_freq": 2, "epochs": 4, "validation_data": True}, [0, 1, 2, 3], {"loss": 4, "val_loss": 2}),
    ({"validation_freq": [1, 3], "epochs": 4, "validation_data": True}, [0, 1, 2, 3], {"loss": 4, "val_loss": 2}),
    ({"steps_per_epoch": 1, "batch_size": 2, "epochs": 3}, [0, 1, 2], {"loss": 3}),
    ({"validation_split": 0.4, "validation_data": True}, [0], {"loss": 1, "val_loss": 1}),
    ({"validation_batch_size": 2, "validation_data": True}, [0], {"loss": 1, "val_loss": 1}),
]


@pytest.mark.parametrize(("arguments", "epochs", "counts"), RUNS)
def test_arguments_of_fit(
    arguments: dict[str, Any], epochs: list[int], counts: dict[str, int], data: tuple[Array, Array]
) -> None:
    if "validation_data" in arguments:
        arguments = {**arguments, "validation_data": data}
    history = network().fit(*data, **{"verbose": 0, **arguments})
    assert history.epoch == epochs
    assert {name: len(values) for name, values in history.history.items()} == counts


def test_steps_per_epoch_limits_the_steps(data: tuple[Array, Array]) -> None:
    model = network()
    with pytest.warns(UserWarning, match="the data ended after 1 of 2 steps of epoch 2; give more batches") as caught:
        model.fit(*data, batch_size=2, epochs=3, steps_per_epoch=2, verbose=0)
    assert caught[0].filename == __file__
    assert model.optimizer.iterations == 2 + 1 + 2  # the second epoch has one batch left
    assert model.history.params["steps"] == 2


@pytest.mark.parametrize(("split", "first"), [(0.4, 3), (0.5, 2), (0.01, 4), (0.1, 4)])
def test_validation_split_takes_the_last_samples(split: float, first: int, data: tuple[Array, Array]) -> None:
    x, y = data
    model, other = network(), network()
    kept = model.fit(x, y, 2, epochs=2, verbose=0, shuffle=False, validation_split=split).history
    validation = x[first:], y[first:]
    expected = other.fit(x[:first], y[:first], 2, epochs=2, verbose=0, shuffle=False, validation_data=validation)
    assert kept == expected.history
    assert same(model.get_weights(), other.get_weights())


class Frame:
    """The part of a pandas object that NumPy needs."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return np.array(self.array, dtype)

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Any:
        return iter("abc")  # column names


@pytest.mark.parametrize("form", [lambda a: a.tolist(), Frame, tl.asarray, lambda a: np.asfortranarray(a)])
def test_data_of_every_type(form: Callable[[Array], Any], data: tuple[Array, Array]) -> None:
    x, y = data
    model, other = network(), network()
    model.fit(form(x), form(y), shuffle=False, verbose=0)
    other.fit(x, y, shuffle=False, verbose=0)
    assert same(model.get_weights(), other.get_weights())
    assert model.evaluate(form(x), form(y), verbose=0) == other.evaluate(x, y, verbose=0)
    assert np.array_equal(model.predict(form(x)), other.predict(x))


def test_vector_is_treated_as_samples_of_one_feature(data: tuple[Array, Array]) -> None:
    x, y = data[0][:, 0], data[1]
    model, other = network(), network()
    for each, inputs in ((model, x), (other, x[:, None])):
        each.build((None, 1))
        each.fit(inputs, y, epochs=2, batch_size=2, shuffle=False, verbose=0, validation_split=0.4)
    assert same(model.get_weights(), other.get_weights())
    assert model.predict(x).shape == (5, 1)
    assert model.train_on_batch(x, y) == other.train_on_batch(x[:, None], y)
    assert model.evaluate(x.tolist(), y, verbose=0) == other.evaluate(x[:, None], y, verbose=0)


CALLS: dict[str, Callable[..., Any]] = {
    "fit": lambda model, x, y: model.fit(x, y, verbose=0),
    "evaluate": lambda model, x, y: model.evaluate(x, y, verbose=0),
    "predict": lambda model, x, y: model.predict(x, batch_size=2),
    "train_on_batch": lambda model, x, y: model.train_on_batch(x, y),
    "predict_on_batch": lambda model, x, y: model.predict_on_batch(x),
    "test_on_batch": lambda model, x, y: model.test_on_batch(x, y),
}
NAMED = {"predict_on_batch": "predict", "test_on_batch": "evaluate"}


@pytest.mark.parametrize("name", CALLS)
def test_errors_report_the_shape_that_was_passed(name: str, data: tuple[Array, Array]) -> None:
    model = network()
    model.build((None, 3))
    with pytest.raises(ShapeError) as error:
        CALLS[name](model, data[0][0], data[1][:3])
    assert str(error.value) == (
        f"Sequential 'net'.{NAMED.get(name, name)} x: expected inputs of shape (batch, 3), received shape (3,); for 3 "
        "samples of one number pass x[:, None], for one sample of 3 numbers x[None]"
    )
    for shape in ((5, 4), (5, 1, 2)):
        with pytest.raises(
            ShapeError, match=rf"expected inputs of shape \(batch, 3\), received \({str(shape)[1:-1]}\)"
        ):
            CALLS[name](model, np.zeros(shape, "float32"), data[1])


@pytest.mark.parametrize("name", CALLS)
def test_vector_does_not_build_a_model(name: str, data: tuple[Array, Array]) -> None:
    model = network()
    with pytest.raises(ShapeError) as error:
        CALLS[name](model, data[0][:, 0], data[1])
    assert str(error.value) == (
        f"Sequential 'net'.{NAMED.get(name, name)} x: expected inputs of shape (batch, features), received shape (5,); "
        "for 5 samples of one number pass x[:, None], for one sample of 5 numbers x[None]"
    )
    model.fit(*data, verbose=0)  # three features


def test_custom_model_receives_vectors_unchanged() -> None:
    shapes = []

    class Twice(tl.Model):
        def call(self, inputs: Any) -> Any:
            shapes.append(inputs.shape)
            return 2.0 * inputs

    model = Twice()
    model.compile("sgd", "mse")
    x = np.arange(4, dtype="float32")
    assert model.predict(x).tolist() == [0.0, 2.0, 4.0, 6.0]
    assert model.evaluate(x, 2 * x, verbose=0) == 0.0
    assert set(shapes) == {(1,), (4,)}


@pytest.mark.parametrize("name", CALLS)
def test_invalid_data_is_rejected(name: str, data: tuple[Array, Array]) -> None:
    model = network()
    if name.endswith("on_batch"):
        for wrong in (((x, y) for x, y in [data]), iter([data[0]]), map(abs, [1.0])):
            with pytest.raises(ArgumentTypeError) as error:
                CALLS[name](model, wrong, data[1])
            assert str(error.value) == (
                f"Sequential 'net'.{name} x: expected an array of all samples, received {type(wrong).__name__}; give x "
                "as an array; fit, evaluate and predict also take batches (x, y) as x"
            )
    with pytest.raises(ArgumentTypeError, match="expected an array of all samples, received a dict; the model has one"):
        CALLS[name](model, {"x": data[0]}, data[1])
    if name in ("fit", "evaluate", "train_on_batch"):
        with pytest.raises(ShapeError, match=r"received x of shape \(2, 5, 3\) .*; a list of arrays is taken as one"):
            CALLS[name](model, [data[0], data[0]], data[1])
    with pytest.raises(ShapeError, match=r"x: expected at least one sample, received shape \(0, 3\)"):
        CALLS[name](model, np.zeros((0, 3)), np.zeros((0, 1)))
    assert not model.built


def test_evaluate_raises_for_non_finite_weights(data: tuple[Array, Array]) -> None:
    model = network()
    model.build((None, 3))
    model.set_weights([np.full((3, 1), np.nan), np.zeros(1)])
    with pytest.raises(NonFiniteError) as error:
        model.evaluate(*data, verbose=0)
    assert str(error.value) == (
        f"Sequential 'net'.evaluate loss: expected a finite number, received nan; the weight "
        f"{model.weights[0].name!r} is not finite"
    )
    model.set_weights([np.full((3, 1), 1e30), np.zeros(1)])
    with pytest.raises(NonFiniteError, match="received inf; scale the inputs"):
        model.evaluate(*data, verbose=0)


def test_return_dict_selects_a_dict_or_a_list(data: tuple[Array, Array]) -> None:
    model = network()
    model.compile(tl.optimizers.SGD(0.0), "mse", metrics=["mae"])
    logs = model.test_on_batch(*data, return_dict=True)
    assert list(logs) == ["loss", "mae"]
    assert model.train_on_batch(*data, return_dict=True) == logs
    assert model.train_on_batch(*data) == list(logs.values())
    assert model.test_on_batch(*data) == list(logs.values())
    assert np.array_equal(model.predict_on_batch(data[0]), model.predict(data[0]))
    model.compile("sgd", "mse")
    assert type(model.test_on_batch(*data)) is float


def test_trained_model_can_be_part_of_another_model(data: tuple[Array, Array]) -> None:
    inner = network()
    inner.compile("sgd", "mse", metrics=["mae"])
    outer = tl.Sequential([inner, Dense(1)])
    outer.compile("sgd", "mse", metrics=["mae"])
    history = outer.fit(*data, epochs=2, verbose=0).history
    assert list(history) == ["loss", "mae"]
    assert list(inner.fit(*data, verbose=0).history) == ["loss", "mae"]


def test_step_that_writes_to_its_batch_does_not_change_the_samples() -> None:
    """A batch of all samples must also be a copy."""
    seen = []

    class Clearing(tl.Sequential):
        def train_step(self, data):
            x, y = data
            seen.append((x.numpy().copy(), y.numpy().copy()))
            logs = super().train_step(data)
            x[...], y[...] = 0.0, 0.0
            return logs

    model = Clearing([Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.full((4, 3), 2.0, np.float32), np.full((4, 1), 3.0, np.float32)
    model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    assert [(a == 2.0).all() and (b == 3.0).all() for a, b in seen] == [True, True]
    assert (x == 2.0).all()
    assert (y == 3.0).all()


def test_variables_can_be_samples() -> None:
    model = tl.Sequential([Dense(1)])
    model.compile("sgd", "mse")
    x, y = tl.Variable(np.ones((4, 3), np.float32)), np.ones((4, 1), np.float32)
    model.fit(x, y, batch_size=8, shuffle=False, verbose=0)  # a warning is an error here
    assert x.tolist() == [[1.0] * 3] * 4
