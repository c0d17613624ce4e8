"""Activation, Flatten, Reshape, Rescaling and Input against NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from layer_cases import NUMPY_ACTIVATIONS

import tensorlab as tl
from tensorlab.errors import (
    ShapeError,
    UnknownNameError,
)
from tensorlab.layers import Activation, Flatten, Input, InputLayer, Rescaling, Reshape

Array = np.ndarray[Any, Any]


@pytest.mark.parametrize("name", NUMPY_ACTIVATIONS)
def test_activation_layer_applies_the_function(name: str, rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 2, 3))
    outputs = Activation(name, dtype="float64")(x).numpy()
    np.testing.assert_allclose(outputs, NUMPY_ACTIVATIONS[name](x), rtol=1e-12, atol=1e-14)


def test_activation_layer_suggests_similar_names() -> None:
    with pytest.raises(UnknownNameError) as error:
        Activation("sigmiod")
    assert error.value.hint == "did you mean 'sigmoid' or 'log_sigmoid' or 'hard_sigmoid'?"


@pytest.mark.parametrize("shape", [(5,), (5, 1), (2, 3, 4), (0, 3, 2), (3, 0, 2), (2, 3, 1, 5)])
def test_flatten_keeps_the_batch(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    x = rng.normal(size=shape).astype("float32")
    expected = x.reshape(shape[0], math.prod(shape[1:]))
    outputs = Flatten()(x).numpy()
    assert outputs.shape == expected.shape
    assert np.array_equal(outputs, expected)


@pytest.mark.parametrize("target", [(6,), (3, 2), (-1,), (2, -1, 1), [1, 6]])
def test_reshape_keeps_the_batch(target: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(5, 2, 3)).astype("float32")
    expected = x.reshape(5, *target)
    outputs = Reshape(target)(x).numpy()
    assert outputs.shape == expected.shape
    assert np.array_equal(outputs, expected)


def test_reshape_reports_a_wrong_size() -> None:
    with pytest.raises(ShapeError) as error:
        Reshape((4,))(np.zeros((5, 2, 3), "float32"))
    assert "a shape of 30 elements, received (5, 4); the tensor has shape (5, 2, 3)" in str(error.value)


def test_rescaling_maps_bytes_to_the_unit_interval(rng: np.random.Generator) -> None:
    x = rng.integers(0, 256, (5, 4, 4)).astype("uint8")
    outputs = Rescaling(1.0 / 255.0)(x)
    assert outputs.dtype == tl.float32
    np.testing.assert_allclose(outputs.numpy(), x / 255.0, rtol=1e-6, atol=0.0)
    np.testing.assert_allclose(Rescaling(2.0 / 255.0, -1.0)(x).numpy(), x / 127.5 - 1.0, rtol=0.0, atol=1e-6)


def test_input_returns_its_inputs(rng: np.random.Generator) -> None:
    x = rng.normal(size=(5, 4)).astype("float32")
    assert np.array_equal(InputLayer((4,))(x).numpy(), x)
    assert InputLayer(4).shape == (4,)
    with pytest.raises(ShapeError) as error:
        Input((4, -1), name="images")
    assert str(error.value) == "Input 'images' shape: expected lengths of at least 0, received (4, -1)"
