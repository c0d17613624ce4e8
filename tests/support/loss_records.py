"""Losses with their arguments, targets and outputs, whose results in Keras `record_losses.py` writes to a file."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def numbers(name: str, shape: tuple[int, ...]) -> Array:
    """Return numbers from -2 to 2 that depend on a name only, away from 0."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return (rng.uniform(0.2, 2.0, shape) * rng.choice([-1.0, 1.0], shape)).astype("float32")


def shares(name: str, shape: tuple[int, ...]) -> Array:
    unit = abs(numbers(name, shape))
    return unit / unit.sum(-1, keepdims=True)


def unit(name: str, shape: tuple[int, ...]) -> Array:
    return (abs(numbers(name, shape)) / 2.2).astype("float32")


def labels(name: str, shape: tuple[int, ...], classes: int = 3) -> Array:
    return np.random.default_rng(zlib.crc32(name.encode())).integers(0, classes, shape)


R, Y = numbers("outputs", (6, 3)), numbers("targets", (6, 3))
P, S, L = unit("outputs", (6, 3)), shares("shares", (6, 3)), labels("labels", (6,))
T = labels("binary", (6, 3), 2).astype("float32")
H = np.eye(3, dtype="float32")[L]
IMAGE, MASK = unit("image", (4, 5, 5, 1)), labels("mask", (4, 5, 5, 1), 2).astype("float32")
CUBE, CUBE_H = shares("cube", (4, 3, 5)).swapaxes(1, 2), np.eye(3, dtype="float32")[labels("cube", (4, 5))]
E = numbers("embeddings", (6, 4)) / np.linalg.norm(numbers("embeddings", (6, 4)), axis=1, keepdims=True)
IGNORED = np.array([0, -1, 2, 1, -1, 0])
PIXELS = np.where(labels("pixels", (4, 5), 4) == 3, 255, labels("pixels", (4, 5), 4))

Case = tuple[str, dict[str, Any], Array, Array]

CASES: dict[str, Case] = {
    "mse": ("MeanSquaredError", {}, Y, R),
    "mae": ("MeanAbsoluteError", {}, Y, R),
    "mape": ("MeanAbsolutePercentageError", {}, Y, R),
    "msle": ("MeanSquaredLogarithmicError", {}, abs(Y), abs(R)),
    "huber": ("Huber", {"delta": 0.7}, Y, R),
    "log_cosh": ("LogCosh", {}, Y, R),
    "poisson": ("Poisson", {}, abs(Y), abs(R)),
    "cosine": ("CosineSimilarity", {}, Y, R),
    "cosine axis 0": ("CosineSimilarity", {"axis": 0}, numbers("square", (3, 3)), R[:3]),
    "hinge": ("Hinge", {}, T, R),
    "hinge of signs": ("Hinge", {}, 2 * T - 1, R),
    "squared hinge": ("SquaredHinge", {}, T, R),
    "categorical hinge": ("CategoricalHinge", {}, H, R),
    "kl": ("KLDivergence", {}, shares("other", (6, 3)), S),
    "binary": ("BinaryCrossentropy", {}, T, P),
    "binary logits": ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, T, R),
    "binary axis": ("BinaryCrossentropy", {"axis": 0}, T[:3], P[:3]),
    "binary axes": ("BinaryCrossentropy", {"axis": 1}, MASK, IMAGE),
    "binary focal": ("BinaryFocalCrossentropy", {}, T, P),
    "binary focal balanced": ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.7}, T, P),
    "binary focal logits": ("BinaryFocalCrossentropy", {"from_logits": True, "gamma": 1.5}, T, R),
    "binary focal smooth": ("BinaryFocalCrossentropy", {"label_smoothing": 0.2, "gamma": 3.0}, T, P),
    "binary focal axis": ("BinaryFocalCrossentropy", {"axis": 1}, MASK, IMAGE),
    "binary focal gamma 0": ("BinaryFocalCrossentropy", {"gamma": 0.0}, T, P),
    "categorical": ("CategoricalCrossentropy", {}, H, P),
    "categorical logits": ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, H, R),
    "categorical axis": ("CategoricalCrossentropy", {"axis": 1}, CUBE_H.swapaxes(1, 2), CUBE.swapaxes(1, 2)),
    "categorical focal": ("CategoricalFocalCrossentropy", {}, H, P),
    "categorical focal smooth": ("CategoricalFocalCrossentropy", {"label_smoothing": 0.1, "gamma": 1.0}, H, S),
    "categorical focal logits": ("CategoricalFocalCrossentropy", {"from_logits": True, "alpha": 0.5}, H, R),
    "categorical focal axis": ("CategoricalFocalCrossentropy", {"axis": 1}, CUBE_H.swapaxes(1, 2), CUBE.swapaxes(1, 2)),
    "sparse": ("SparseCategoricalCrossentropy", {}, L, P),
    "sparse logits": ("SparseCategoricalCrossentropy", {"from_logits": True}, L, R),
    "sparse ignoring": ("SparseCategoricalCrossentropy", {"ignore_class": -1}, IGNORED, P),
    "sparse pixels": (
        "SparseCategoricalCrossentropy",
        {"ignore_class": 255, "from_logits": True},
        PIXELS,
        CUBE,
    ),
    "sparse all ignored": ("SparseCategoricalCrossentropy", {"ignore_class": 1}, np.ones(6, "int64"), P),
    "dice": ("Dice", {}, MASK, IMAGE),
    "dice axis": ("Dice", {"axis": (1, 2, 3)}, MASK, IMAGE),
    "dice of rows": ("Dice", {"axis": 1}, T, P),
    "tversky": ("Tversky", {"alpha": 0.3, "beta": 0.7}, MASK, IMAGE),
    "tversky axis": ("Tversky", {"alpha": 0.8, "axis": [1, 2, 3]}, MASK, IMAGE),
    "circle": ("Circle", {"gamma": 8.0}, L, E),
    "circle with diagonal": ("Circle", {"gamma": 4.0, "margin": 0.25, "remove_diagonal": False}, L, E),
    "circle of different": ("Circle", {"gamma": 4.0}, np.array([0, 0, 1, 2, 3, 4]), E),
    "generalized": ("CategoricalGeneralizedCrossEntropy", {}, L, S),
    "generalized q": ("CategoricalGeneralizedCrossEntropy", {"q": 0.8}, L, S),
}

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", None)


def weights(shape: tuple[int, ...]) -> Array:
    """Return sample weights of a shape, 0 among them."""
    return np.round(abs(numbers("weights", shape)) - 0.2, 1).astype("float32")
