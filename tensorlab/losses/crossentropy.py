"""Losses between probabilities."""

from __future__ import annotations

import math

import numpy as np

from tensorlab import ops
from tensorlab.errors import ArgumentError, DTypeError, ShapeError
from tensorlab.losses.base import ElementwiseLoss, Loss
from tensorlab.ops.lift import Elementwise, elementwise
from tensorlab.tensor import Tensor, asarray

# Keras's epsilon: probabilities are kept this far from 0 and 1 before their logarithm is taken.
_EPSILON = 1e-7


def _clipped(p: float) -> float:
    return min(max(p, _EPSILON), 1.0 - _EPSILON)


@elementwise
def _binary_term(y_true: float, y_pred: float) -> float:
    p = _clipped(y_pred)
    return -(y_true * math.log(p) + (1.0 - y_true) * math.log(1.0 - p))


@elementwise
def _binary_term_from_logits(y_true: float, y_pred: float) -> float:
    return max(y_pred, 0.0) - y_pred * y_true + math.log1p(math.exp(-abs(y_pred)))


@elementwise
def _categorical_term(y_true: float, y_pred: float) -> float:
    return -y_true * math.log(_clipped(y_pred))


@elementwise
def _product(y_true: float, y_pred: float) -> float:
    return -y_true * y_pred


@elementwise
def _sparse_term(y_true: float, y_pred: float, label: float) -> float:
    return -math.log(_clipped(y_pred)) if y_true == label else 0.0


@elementwise
def _sparse_product(y_true: float, y_pred: float, label: float) -> float:
    return -y_pred if y_true == label else 0.0


class BinaryCrossentropy(ElementwiseLoss):
    """The mean over the last axis of ``-(t ln p + (1 - t) ln(1 - p))``.

    Args:
        from_logits: whether the outputs are ``x`` with ``p = 1 / (1 + e⁻ˣ)``, and not ``p``.
        reduction: as in `Loss`.

    Source: Keras, ``keras.losses.BinaryCrossentropy``.
    """

    def __init__(self, from_logits: bool = False, reduction: str | None = "sum_over_batch_size") -> None:
        super().__init__(reduction)
        self.from_logits = from_logits

    @property
    def term(self) -> Elementwise:  # type: ignore[override]
        """The scalar function of target and output."""
        return _binary_term_from_logits if self.from_logits else _binary_term


class CategoricalCrossentropy(Loss):
    """``-Σ t ln p`` over the last axis, for targets that are probabilities, such as one-hot rows.

    Args:
        from_logits: whether the outputs are logits, to which softmax has not been applied. Otherwise they are divided
        by
            their sum.
        reduction: as in `Loss`.

    Source: Keras, ``keras.losses.CategoricalCrossentropy``.
    """

    def __init__(self, from_logits: bool = False, reduction: str | None = "sum_over_batch_size") -> None:
        super().__init__(reduction)
        self.from_logits = from_logits

    def check(self, y_true: Tensor, output_shape: tuple[int, ...]) -> None:
        """Raise unless the targets have the outputs' shape."""
        if y_true.shape != output_shape:
            hint = "for labels that are integers use sparse_categorical_crossentropy" if y_true.ndim < 2 else ""
            raise ShapeError(self.name, f"targets of the outputs' shape {output_shape}", str(y_true.shape), hint)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each sample."""
        targets = y_true.astype(y_pred.dtype)
        if self.from_logits:
            return ops.sum(_product(targets, ops.log_softmax(y_pred)), axis=-1)
        shares = y_pred / ops.sum(y_pred, axis=-1, keepdims=True)
        return ops.sum(_categorical_term(targets, shares), axis=-1)


class SparseCategoricalCrossentropy(Loss):
    """``-ln p[label]``, for targets that are labels from 0 to the number of outputs less 1.

    Args:
        from_logits: whether the outputs are logits, to which softmax has not been applied.
        reduction: as in `Loss`.

    Source: Keras, ``keras.losses.SparseCategoricalCrossentropy``.
    """

    def __init__(self, from_logits: bool = False, reduction: str | None = "sum_over_batch_size") -> None:
        super().__init__(reduction)
        self.from_logits = from_logits

    def check(self, y_true: Tensor, output_shape: tuple[int, ...]) -> None:
        """Raise unless there is one label a sample, each that of an output."""
        if y_true.shape not in (output_shape[:-1], (*output_shape[:-1], 1)):
            hint = "for one-hot targets use categorical_crossentropy" if y_true.shape == output_shape else ""
            raise ShapeError(self.name, f"labels of shape {output_shape[:-1]}", str(y_true.shape), hint)
        host = y_true.numpy()
        if host.dtype.kind == "b" or (host.dtype.kind == "f" and not np.array_equal(host, np.floor(host))):
            raise DTypeError(self.name, "labels that are whole numbers", str(host.dtype))
        wrong = np.flatnonzero((host < 0) | (host >= output_shape[-1]))
        if wrong.size:
            value = host.ravel()[wrong[0]]
            raise ArgumentError(
                self.name,
                f"labels from 0 to {output_shape[-1] - 1} for {output_shape[-1]} outputs",
                f"{value} at position {wrong[0]}" + (f", and {wrong.size - 1} more" if wrong.size > 1 else ""),
                "correct the labels, or give the last layer more units",
            )

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each sample."""
        targets = y_true.astype(y_pred.dtype)
        if targets.ndim < y_pred.ndim:
            targets = ops.expand_dims(targets, axis=targets.ndim)
        labels = asarray(np.arange(y_pred.shape[-1], dtype=y_pred.dtype), device=y_pred.device)
        if self.from_logits:
            return ops.sum(_sparse_product(targets, ops.log_softmax(y_pred), labels), axis=-1)
        return ops.sum(_sparse_term(targets, y_pred, labels), axis=-1)
