"""Check values and derivatives of activations against NumPy, custom activations, and errors."""

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


def bell(x: Array) -> Array:
    return np.exp(-0.5 * x**2) / np.sqrt(2.0 * np.pi)


def below(x: Array) -> Array:
    """Return the normal distribution function."""
    return 0.5 * (1.0 + np.vectorize(math.erf)(x / np.sqrt(2.0)))


SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772

RULES: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "elu": (lambda x: np.where(x > 0, x, np.expm1(x)), lambda x: np.where(x > 0, 1.0, np.exp(x))),
    "exponential": (np.exp, np.exp),
    "gelu": (lambda x: x * below(x), lambda x: below(x) + x * bell(x)),
    "hard_sigmoid": (lambda x: np.clip(x / 6 + 0.5, 0.0, 1.0), lambda x: np.where(abs(x) < 3, 1 / 6, 0.0)),
    "leaky_relu": (lambda x: np.where(x > 0, x, 0.2 * x), lambda x: np.where(x > 0, 1.0, 0.2)),
    "relu6": (lambda x: np.clip(x, 0.0, 6.0), lambda x: ((x > 0) & (x < 6)).astype(x.dtype)),
    "selu": (
        lambda x: SCALE * np.where(x > 0, x, ALPHA * np.expm1(x)),
        lambda x: SCALE * np.where(x > 0, 1.0, ALPHA * np.exp(x)),
    ),
    "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x)))),
    "softplus": (lambda x: np.log1p(np.exp(x)), sigmoid),
    "softsign": (lambda x: x / (1 + abs(x)), lambda x: (1 + abs(x)) ** -2),
    "relu": (lambda x: np.maximum(x, 0.0), lambda x: (x > 0).astype(x.dtype)),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * (1.0 - sigmoid(x))),
    "tanh": (np.tanh, lambda x: 1.0 - np.tanh(x) ** 2),
    "linear": (lambda x: x, np.ones_like),
    "celu": (lambda x: np.where(x > 0, x, np.expm1(x)), lambda x: np.where(x > 0, 1.0, np.exp(x))),
    "hard_shrink": (lambda x: np.where(abs(x) > 0.5, x, 0.0), lambda x: np.where(abs(x) > 0.5, 1.0, 0.0)),
    "hard_silu": (
        lambda x: x * np.clip(x / 6 + 0.5, 0.0, 1.0),
        lambda x: np.where(abs(x) < 3, x / 3 + 0.5, (x > 0).astype(x.dtype)),
    ),
    "hard_tanh": (lambda x: np.clip(x, -1.0, 1.0), lambda x: np.where(abs(x) < 1, 1.0, 0.0)),
    "log_sigmoid": (lambda x: -np.log1p(np.exp(-x)), lambda x: sigmoid(-x)),
    "mish": (
        lambda x: x * np.tanh(np.log1p(np.exp(x))),
        lambda x: np.tanh(np.log1p(np.exp(x))) + x * sigmoid(x) * (1.0 - np.tanh(np.log1p(np.exp(x))) ** 2),
    ),
    "soft_shrink": (
        lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0.0),
        lambda x: np.where(abs(x) > 0.5, 1.0, 0.0),
    ),
    "sparse_plus": (
        lambda x: np.where(x <= -1, 0.0, np.where(x >= 1, x, (x + 1) ** 2 / 4)),
        lambda x: np.clip((x + 1) / 2, 0.0, 1.0),
    ),
    "sparse_sigmoid": (lambda x: np.clip((x + 1) / 2, 0.0, 1.0), lambda x: np.where(abs(x) < 1, 0.5, 0.0)),
    "squareplus": (lambda x: (x + np.sqrt(x**2 + 4)) / 2, lambda x: (1 + x / np.sqrt(x**2 + 4)) / 2),
    "tanh_shrink": (lambda x: x - np.tanh(x), lambda x: np.tanh(x) ** 2),
    "threshold": (lambda x: np.where(x > 0, x, 0.0), lambda x: (x > 0).astype(x.dtype)),
}


def mish(x: float) -> float:
    return x * math.tanh(math.log1p(math.exp(x)))


def numpy_mish(x: Array) -> Array:
    return x * np.tanh(np.log1p(np.exp(x)))


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-13)])
def test_values_and_derivatives_match_numpy(name: str, dtype: str, tolerance: float, rng: np.random.Generator) -> None:
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


POINTS = [-8.0, -3.0, -1.0, -0.25, 0.0, 0.25, 1.0, 3.0, 8.0]
# Values of keras.activations at these points, from Keras 3.15.
KERAS = {
    "elu": [-0.9996645, -0.950213, -0.6321205, -0.2211992, 0.0, 0.25, 1.0, 3.0, 8.0],
    "exponential": [0.0003354626, 0.04978707, 0.3678795, 0.7788008, 1.0, 1.284025, 2.718282, 20.08554, 2980.958],
    "gelu": [-4.976774e-15, -0.004049696, -0.1586553, -0.1003234, 0.0, 0.1496766, 0.8413447, 2.99595, 8.0],
    "hard_sigmoid": [0.0, 0.0, 0.3333333, 0.4583333, 0.5, 0.5416667, 0.6666667, 1.0, 1.0],
    "leaky_relu": [-1.6, -0.6, -0.2, -0.05, 0.0, 0.25, 1.0, 3.0, 8.0],
    "log_softmax": [
        -16.00878,
        -11.00878,
        -9.008779,
        -8.258779,
        -8.008779,
        -7.758779,
        -7.008779,
        -5.008779,
        -0.008778906,
    ],
    "relu6": [0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 1.0, 3.0, 6.0],
    "selu": [-1.75751, -1.670569, -1.111331, -0.3888902, 0.0, 0.2626753, 1.050701, 3.152103, 8.405608],
    "silu": [-0.002682801, -0.1422776, -0.2689414, -0.1094559, 0.0, 0.1405441, 0.7310585, 2.857722, 7.997317],
    "softplus": [0.0003354064, 0.04858736, 0.3132617, 0.5759395, 0.6931472, 0.8259394, 1.313262, 3.048587, 8.000336],
    "softsign": [-0.8888889, -0.75, -0.5, -0.2, 0.0, 0.2, 0.5, 0.75, 0.8888889],
}


@pytest.mark.parametrize("name", KERAS)
def test_values_match_keras(name: str) -> None:
    np.testing.assert_allclose(tl.activations.get(name)(POINTS).numpy(), KERAS[name], rtol=1e-6, atol=1e-6)


def test_hyperparameters_can_be_changed() -> None:
    assert str(tl.activations.elu.__doc__).startswith("Compute ``x`` where it is above 0")  # not of Activation
    assert tl.Activation(tl.activations.elu, alpha=0.5)([-100.0, 2.0]).tolist() == [-0.5, 2.0]
    assert tl.Activation(tl.activations.leaky_relu, negative_slope=0.5)([-2.0, 2.0]).tolist() == [-1.0, 2.0]


@pytest.mark.parametrize("name", ["elu", "gelu", "relu", "sigmoid", "silu", "softplus", "tanh", "softmax"])
def test_saturated_inputs_reach_the_limits(name: str) -> None:
    x = tl.asarray([-1e4, 0.0, 1e4])
    expected = {
        "elu": [-1.0, 0.0, 1e4],
        "gelu": [0.0, 0.0, 1e4],
        "relu": [0.0, 0.0, 1e4],
        "silu": [0.0, 0.0, 1e4],
        "softplus": [0.0, pytest.approx(math.log(2.0)), 1e4],
        "sigmoid": [0.0, 0.5, 1.0],
        "tanh": [-1.0, 0.0, 1.0],
        "softmax": [0.0, 0.0, 1.0],
    }
    assert getattr(tl.activations, name)(x).tolist() == expected[name]


def test_softmax_sums_to_one_and_is_invariant_to_shifts(rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 3, 5))
    outputs = tl.activations.softmax(x).numpy()
    expected = np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(outputs, expected, rtol=1e-13)
    np.testing.assert_allclose(tl.activations.softmax(x + 500.0).numpy(), expected, rtol=1e-10)
    np.testing.assert_allclose(outputs.sum(axis=-1), 1.0, rtol=1e-14)


def test_custom_activation_is_differentiated(rng: np.random.Generator) -> None:
    activation = tl.Activation(mish)
    x = rng.normal(size=(5, 3))
    step = 1e-5
    source = tl.Variable(x)
    with tl.GradientTape() as tape:
        outputs = activation(source)
    np.testing.assert_allclose(outputs.numpy(), numpy_mish(x), rtol=1e-12, atol=1e-14)
    expected = (numpy_mish(x + step) - numpy_mish(x - step)) / (2.0 * step)
    np.testing.assert_allclose(tape.gradient(outputs, source).numpy(), expected, rtol=1e-6, atol=1e-8)


def test_explicit_derivative_is_used(rng: np.random.Generator) -> None:
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
    # The same in the epilogue of a layer.
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


def test_get_accepts_names_activations_functions_and_none() -> None:
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
def test_get_suggests_similar_names(name: str, near: str) -> None:
    with pytest.raises(UnknownNameError) as error:
        tl.activations.get(name)
    assert str(error.value).startswith(
        f"activation: expected the name of a registered activation, received {name!r}; did you mean "
    )
    assert near in error.value.hint


def test_get_lists_all_names_if_none_is_similar() -> None:
    with pytest.raises(UnknownNameError) as error:
        tl.activations.get("zzzzz")
    assert error.value.hint.startswith("known names: ")
    assert {"linear", "relu", "sigmoid", "softmax", "tanh"} <= set(
        error.value.hint.removeprefix("known names: ").split(", ")
    )


def test_get_rejects_numbers() -> None:
    with pytest.raises(ArgumentTypeError) as error:
        tl.activations.get(3.5)
    assert str(error.value) == "activation: expected a name or a function, received 3.5"


def test_activation_rejects_other_than_functions_of_one_number() -> None:
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


def test_activation_error_names_the_unsupported_function() -> None:
    def unliftable(x: float) -> float:
        return sorted([x])[0]

    with pytest.raises(ScalarError) as error:
        tl.Activation(unliftable)
    assert "unliftable" in str(error.value)
    assert "line" in str(error.value)
