"""Shared by the tests of layers: NumPy's activations, a custom activation, and a custom layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import tensorlab as tl
from tensorlab.layers import Dense, Layer

Array = np.ndarray[Any, Any]


def numpy_softmax(x: Array) -> Array:
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


NUMPY_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0.0),
    "sigmoid": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "softmax": numpy_softmax,
    "tanh": np.tanh,
}


def swish(x: float) -> float:
    return x / (1.0 + math.exp(-x))


def numpy_swish(x: Array) -> Array:
    return x / (1.0 + np.exp(-x))


class Block(Layer):
    """A user's layer that consists of other layers and a weight."""

    def __init__(self, units: int, scale: float = 2.0, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.scale = units, scale
        self.inner = [Dense(units, activation="tanh", dtype=self.dtype), Dense(units, dtype=self.dtype)]

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.gain = self.add_weight(shape=(self.units,), initializer="random_normal", name="gain")

    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        for layer in self.inner:
            inputs = layer(inputs)
        return inputs * self.gain * self.scale
