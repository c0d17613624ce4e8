"""Dense: outputs against NumPy, activations, initializers, dtypes, and errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from layer_cases import NUMPY_ACTIVATIONS, numpy_softmax, numpy_swish, swish

import tensorlab as tl
from tensorlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    ShapeError,
    UnknownNameError,
)
from tensorlab.layers import Dense

Array = np.ndarray[Any, Any]


@pytest.mark.parametrize("name", NUMPY_ACTIVATIONS)
def test_dense_matches_numpy(name: str, rng: np.random.Generator) -> None:
    layer = Dense(5, activation=name, dtype="float64")
    x = rng.normal(size=(7, 3))
    kernel, bias = rng.normal(size=(3, 5)), rng.normal(size=5)
    layer.build((None, 3))
    layer.set_weights([kernel, bias])
    expected = NUMPY_ACTIVATIONS[name](x @ kernel + bias)
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (None, lambda x: x),
        (tl.Activation(swish), numpy_swish),
        (lambda x: x * x, np.square),
        (tl.ops.softmax, numpy_softmax),
        (tl.activations.relu, NUMPY_ACTIVATIONS["relu"]),
    ],
    ids=["None", "Activation", "lambda", "ops.softmax", "activations.relu"],
)
def test_dense_accepts_activations_of_any_kind(
    activation: Any, expected: Callable[[Array], Array], rng: np.random.Generator
) -> None:
    layer = Dense(5, activation=activation, dtype="float64")
    x = rng.normal(size=(7, 3))
    outputs = layer(x).numpy()
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(outputs, expected(x @ kernel + bias), rtol=1e-12, atol=1e-14)


def test_dense_without_bias_has_one_weight(rng: np.random.Generator) -> None:
    layer = Dense(5, use_bias=False, activation="tanh", dtype="float64")
    x = rng.normal(size=(7, 3))
    outputs = layer(x).numpy()
    assert [weight.name for weight in layer.weights] == [f"{layer.name}/kernel"]
    np.testing.assert_allclose(outputs, np.tanh(x @ layer.get_weights()[0]), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("lead", [(), (4,), (2, 1, 3), (0,), (2, 0)])
def test_dense_applies_to_the_last_axis(lead: tuple[int, ...], rng: np.random.Generator) -> None:
    layer = Dense(5, activation="relu", dtype="float64")
    x = rng.normal(size=(*lead, 3))
    outputs = layer(x).numpy()
    kernel, bias = layer.get_weights()
    assert outputs.shape == (*lead, 5)
    np.testing.assert_allclose(outputs, np.maximum(x @ kernel + bias, 0.0), rtol=1e-12, atol=1e-14)


def test_dense_accepts_strided_views(rng: np.random.Generator) -> None:
    layer = Dense(5, activation="relu", dtype="float64")
    base = rng.normal(size=(6, 14))
    outputs = layer(base[:, ::-2].T[:6].T[::2]).numpy()
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(outputs, np.maximum(base[:, ::-2][::2, :6] @ kernel + bias, 0.0), rtol=1e-12, atol=1e-14)


def test_dense_computes_in_its_own_dtype(rng: np.random.Generator) -> None:
    x = rng.normal(size=(7, 3))
    single, double = Dense(5, activation="relu"), Dense(5, activation="relu", dtype=tl.float64)
    assert single(x).dtype == tl.float32
    assert double(x.astype("float32")).dtype == tl.float64
    assert [weight.dtype for weight in single.weights] == [tl.float32] * 2
    assert [weight.dtype for weight in double.weights] == [tl.float64] * 2
    single.set_weights(double.get_weights())
    np.testing.assert_allclose(single(x).numpy(), double(x).numpy(), rtol=1e-5, atol=1e-6)


def test_dense_accepts_uint8(rng: np.random.Generator) -> None:
    layer = Dense(5)
    x = rng.integers(0, 256, (7, 3)).astype("uint8")
    outputs = layer(x)
    kernel, bias = layer.get_weights()
    assert outputs.dtype == tl.float32
    np.testing.assert_allclose(outputs.numpy(), x.astype("float64") @ kernel + bias, rtol=1e-5, atol=1e-4)


def test_dense_default_initializers() -> None:
    layer = Dense(300)
    layer.build((None, 200))
    kernel, bias = layer.get_weights()
    limit = math.sqrt(6.0 / 500.0)
    assert np.abs(kernel).max() <= limit
    assert np.abs(kernel).max() > 0.999 * limit
    assert abs(kernel.mean()) < limit / 50.0
    assert not bias.any()


def test_dense_accepts_initializers_of_any_kind() -> None:
    def counting(shape: tuple[int, ...], dtype: Any = None) -> tl.Tensor:
        return tl.asarray(np.arange(math.prod(shape)).reshape(shape), dtype=dtype)

    layer = Dense(2, kernel_initializer=counting, bias_initializer=tl.initializers.Constant(3.0))
    layer.build((None, 3))
    kernel, bias = layer.get_weights()
    assert kernel.tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    assert bias.tolist() == [3.0, 3.0]


@pytest.mark.parametrize("units", [0, -1, 2.5, "3", True, None, np.array([3, 4])])
def test_dense_rejects_invalid_units(units: Any) -> None:
    with pytest.raises(ArgumentError) as error:
        Dense(units, name="hidden")
    assert str(error.value) == f"Dense 'hidden' units: expected an integer of at least 1, received {units!r}"


def test_dense_suggests_similar_activations() -> None:
    with pytest.raises(UnknownNameError) as error:
        Dense(3, activation="rleu")
    assert str(error.value).startswith("activation: expected the name of a registered activation, received 'rleu'; ")
    assert "'relu'" in error.value.hint


def test_dense_rejects_an_invalid_activation() -> None:
    with pytest.raises(ArgumentTypeError) as error:
        Dense(3, activation=7)
    assert str(error.value) == "activation: expected a name or a function, received 7"


def test_dense_suggests_similar_initializers() -> None:
    with pytest.raises(UnknownNameError) as error:
        Dense(3, kernel_initializer="glorot_unifrom")
    assert error.value.hint == "did you mean 'glorot_uniform' or 'glorot_normal' or 'random_uniform'?"


@pytest.mark.parametrize(
    ("shape", "hint"),
    [((32, 28, 28), "; add a Flatten layer or reshape to (32, 784)"), ((32, 783), ""), ((784, 32), "")],
)
def test_dense_reports_the_expected_inputs(shape: tuple[int, ...], hint: str) -> None:
    layer = Dense(4, name="hidden")
    layer.build((None, 784))
    before = layer.get_weights()
    with pytest.raises(ShapeError) as error:
        layer(np.zeros(shape, "float32"))
    assert str(error.value) == f"Dense 'hidden': expected inputs of shape (batch, 784), received {shape}{hint}"
    for weight, value in zip(layer.get_weights(), before, strict=True):
        assert np.array_equal(weight, value)


def test_dense_rejects_a_number() -> None:
    layer = Dense(4, name="hidden")
    with pytest.raises(ShapeError) as error:
        layer(3.0)
    assert str(error.value) == (
        "Dense 'hidden': expected inputs of shape (batch, features), received (); add an axis with expand_dims"
    )
    assert not layer.built
    assert layer.weights == []
