"""Every loss, its formula in NumPy with float64, and suitable targets and outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)

Array = np.ndarray[Any, Any]
EPSILON = 1e-7  # Keras's


def clipped(p: Array) -> Array:
    return np.clip(p, EPSILON, 1.0 - EPSILON)


def log_softmax(x: Array) -> Array:
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax(x: Array) -> Array:
    return np.exp(log_softmax(x))


# The formulas return the loss of each sample.
def binary(t: Array, p: Array) -> Array:
    p = clipped(p)
    return -(t * np.log(p) + (1.0 - t) * np.log(1.0 - p)).mean(axis=-1)


def binary_from_logits(t: Array, x: Array) -> Array:
    p = 1.0 / (1.0 + np.exp(-x))
    return -(t * np.log(p) + (1.0 - t) * np.log(1.0 - p)).mean(axis=-1)


def categorical(t: Array, p: Array) -> Array:
    return -(t * np.log(clipped(p / p.sum(axis=-1, keepdims=True)))).sum(axis=-1)


def categorical_from_logits(t: Array, x: Array) -> Array:
    return -(t * log_softmax(x)).sum(axis=-1)


def sparse(t: Array, p: Array) -> Array:
    p = p / p.sum(axis=-1, keepdims=True)
    return -np.log(clipped(np.take_along_axis(p, t.astype(int)[..., None], axis=-1)[..., 0]))


def sparse_from_logits(t: Array, x: Array) -> Array:
    return -np.take_along_axis(log_softmax(x), t.astype(int)[..., None], axis=-1)[..., 0]


Sampler = Callable[[np.random.Generator, tuple[int, ...]], Array]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.normal(size=shape)


def apart(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return numbers outside of [-1, 1], away from the kink of an absolute difference to a probability."""
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(1.1, 3.0, shape)


def shares(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return distributions with probabilities of at least 0.002; below, differences of the logarithm are inaccurate."""
    return softmax(rng.uniform(-2.0, 2.0, shape))


def probabilities(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(0.02, 0.98, shape)


def labels(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.integers(0, shape[-1], shape[:-1])


CASES: dict[str, tuple[Loss, Callable[[Array, Array], Array], Sampler, Sampler]] = {
    "mse": (MeanSquaredError(), lambda t, p: ((t - p) ** 2).mean(axis=-1), normal, normal),
    "mae": (MeanAbsoluteError(), lambda t, p: np.abs(t - p).mean(axis=-1), probabilities, apart),
    "binary": (BinaryCrossentropy(), binary, probabilities, probabilities),
    "binary logits": (BinaryCrossentropy(from_logits=True), binary_from_logits, probabilities, normal),
    "categorical": (CategoricalCrossentropy(), categorical, shares, probabilities),
    "categorical logits": (CategoricalCrossentropy(from_logits=True), categorical_from_logits, shares, normal),
    "sparse": (SparseCategoricalCrossentropy(), sparse, labels, probabilities),
    "sparse logits": (SparseCategoricalCrossentropy(from_logits=True), sparse_from_logits, labels, normal),
}
