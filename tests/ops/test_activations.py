"""Activations: values and derivatives against NumPy, a third party's from its scalar, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError, ScalarError, UnknownNameError

Array = np.ndarray[Any, Any]


def sigmoid(x: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-x))


RULES: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "relu": (lambda x: np.maximum(x, 0.0), lambda x: (x > 0).astype(x.dtype)),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * (1.0 - sigmoid(x))),
    "tanh": (np.tanh, lambda x: 1.0 - np.tanh(x) ** 2),
    "linear": (lambda x: x, np.ones_like),
}


def mish(x: float) -> float:
    return x * math.tanh(math.log1p(math.exp(x)))


def numpy_mish(x: Array) -> Array:
    return x * np.tanh(np.log1p(np.exp(x)))


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-13)])
def test_value_and_derivative_are_numpys(name: str, dtype: str, tolerance: float, rng: np.random.Generator) -> None:
    value, derivative = RULES[name]
    activation = getattr(tl.activations, name)
    x = rng.normal(scale=3.0, size=(5, 7)).astype(dtype)
    source = tl.asarray(x)
    with tl.GradientTape() as tape:
        tape.watch(source)
        outputs = activation(source) * 1.0
    gradient = tape.gradient(outputs, source)
    assert outputs.dtype == gradient.dtype == np.dtype(dtype)
    exact = x.astype("float64")
    np.testing.assert_allclose(outputs.numpy(), value(exact), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(gradient.numpy(), derivative(exact), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "softmax"])
def test_saturated_inputs_give_the_limits(name: str) -> None:
    x = tl.asarray([-1e4, 0.0, 1e4])
    expected = {
        "relu": [0.0, 0.0, 1e4],
        "sigmoid": [0.0, 0.5, 1.0],
        "tanh": [-1.0, 0.0, 1.0],
        "softmax": [0.0, 0.0, 1.0],
    }
    assert getattr(tl.activations, name)(x).tolist() == expected[name]


def test_softmax_sums_to_one_and_ignores_a_shift(rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 3, 5))
    outputs = tl.activations.softmax(x).numpy()
    expected = np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(outputs, expected, rtol=1e-13)
    np.testing.assert_allclose(tl.activations.softmax(x + 500.0).numpy(), expected, rtol=1e-10)
    np.testing.assert_allclose(outputs.sum(axis=-1), 1.0, rtol=1e-14)


def test_derivative_of_a_third_partys_scalar_is_found(rng: np.random.Generator) -> None:
    activation = tl.Activation(mish)
    x = rng.normal(size=(5, 3))
    step = 1e-5
    source = tl.Variable(x)
    with tl.GradientTape() as tape:
        outputs = activation(source)
    np.testing.assert_allclose(outputs.numpy(), numpy_mish(x), rtol=1e-12, atol=1e-14)
    expected = (numpy_mish(x + step) - numpy_mish(x - step)) / (2.0 * step)
    np.testing.assert_allclose(tape.gradient(outputs, source).numpy(), expected, rtol=1e-6, atol=1e-8)


def test_derivative_that_is_given_is_used(rng: np.random.Generator) -> None:
    def step(x: float) -> float:
        return 1.0 if x > 0 else 0.0

    def surrogate(x: float) -> float:
        return 1.0 / (1.0 + x * x)

    activation = tl.Activation(step, derivative=surrogate)
    x = rng.normal(size=(5, 3))
    source, flowing = tl.Variable(x), rng.normal(size=(5, 3))
    with tl.GradientTape() as tape:
        outputs = activation(source)
    assert np.array_equal(outputs.numpy(), (x > 0).astype("float64"))
    gradient = tape.gradient(outputs, source, output_gradients=tl.asarray(flowing))
    np.testing.assert_allclose(gradient.numpy(), flowing / (1.0 + x * x), rtol=1e-12)
    # And in the epilogue of a layer.
    layer = tl.layers.Dense(3, activation=activation, use_bias=False, dtype="float64")
    with tl.GradientTape() as tape:
        total = tl.sum(layer(x))
    product = x @ layer.get_weights()[0]
    expected = x.T @ (1.0 / (1.0 + product * product))
    np.testing.assert_allclose(tape.gradient(total, layer.kernel).numpy(), expected, rtol=1e-12)


def test_second_derivative(rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 3))
    source = tl.Variable(x)
    with tl.GradientTape() as outer:
        with tl.GradientTape() as inner:
            outputs = tl.activations.tanh(source)
        slope = inner.gradient(outputs, source)
    t = np.tanh(x)
    np.testing.assert_allclose(outer.gradient(slope, source).numpy(), -2.0 * t * (1.0 - t * t), rtol=1e-10, atol=1e-13)


def test_get_takes_a_name_an_object_a_function_or_none() -> None:
    def own(x: tl.Tensor) -> tl.Tensor:
        return x

    activation = tl.Activation(mish)
    assert tl.activations.get("relu") is tl.activations.relu
    assert tl.activations.get("ReLU") is tl.activations.relu
    assert tl.activations.get("tensorlab:relu") is tl.activations.relu
    assert tl.activations.get(activation) is activation
    assert tl.activations.get(own) is own
    for nothing in (None, "linear", tl.activations.linear):
        assert tl.activations.get(nothing) is tl.activations.linear


@pytest.mark.parametrize(("name", "near"), [("rellu", "'relu'"), ("sigmoidal", "'sigmoid'"), ("tangh", "'tanh'")])
def test_get_names_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UnknownNameError) as error:
        tl.activations.get(name)
    assert str(error.value).startswith(
        f"activation: expected the name of a registered activation, received {name!r}; did you mean "
    )
    assert near in error.value.hint


def test_get_lists_all_names_if_none_is_near() -> None:
    with pytest.raises(UnknownNameError) as error:
        tl.activations.get("zzzzz")
    assert error.value.hint.startswith("known names: ")
    assert {"linear", "relu", "sigmoid", "softmax", "tanh"} <= set(
        error.value.hint.removeprefix("known names: ").split(", ")
    )


def test_get_refuses_what_is_no_function() -> None:
    with pytest.raises(ArgumentTypeError) as error:
        tl.activations.get(3.5)
    assert str(error.value) == "activation: expected a name or a function, received 3.5"


def test_activation_refuses_what_is_no_function_of_one_number() -> None:
    def two(x: float, y: float) -> float:
        return x + y

    def pair(x: float) -> tuple[float, float]:
        return x, x

    cases: list[tuple[tuple[Any, ...], str]] = [
        (("relu",), "Activation: expected a forward function of one number, received 'relu'"),
        (
            (two,),
            "Activation of 'two': expected a forward function of one number, and of parameters with default ",
        ),
        (
            (pair,),
            "Activation of 'pair': expected a forward function of one number, and of parameters with default ",
        ),
        ((mish, 3.0), "Activation: expected a derivative function of one number, received 3.0"),
        (
            (mish, two),
            "Activation of 'two': expected a derivative function of one number, and of parameters with default ",
        ),
    ]
    for arguments, message in cases:
        with pytest.raises(ArgumentTypeError) as error:
            tl.Activation(*arguments)
        assert str(error.value).startswith(message)
        if message.endswith("default "):
            assert str(error.value).endswith(("received (x, y) with 1 result", "received (x) with 2 results"))


def test_activation_names_the_construct_that_cannot_be_lifted() -> None:
    def unliftable(x: float) -> float:
        return sorted([x])[0]

    with pytest.raises(ScalarError) as error:
        tl.Activation(unliftable)
    assert "unliftable" in str(error.value)
    assert "line" in str(error.value)
