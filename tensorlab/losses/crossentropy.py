"""Losses between probabilities.

Outputs of `softmax` or `sigmoid` that nothing else was applied to remember their logits. The losses compute from these,
whatever ``from_logits`` is: so they are exact, and have gradients, where the outputs are 0 or 1. Other outputs are
clipped to ``[1e-7, 1 - 1e-7]``.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

from tensorlab import autodiff, dtypes, ops
from tensorlab.errors import ArgumentError, DTypeError, ShapeError, levels_to_the_user
from tensorlab.losses.base import ElementwiseLoss, Loss, matched
from tensorlab.ops.lift import Elementwise, elementwise
from tensorlab.ops.probabilities import logits_of
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
def _categorical_cost(y_true: float, log_p: float) -> float:
    return 0.0 if y_true == 0 else -y_true * log_p  # 0 where an output that is -∞ is not the target


@elementwise
def _categorical_slope(gradient: float, p: float, y_true: float, total: float) -> float:
    return gradient * (p * total - y_true)


@elementwise
def _sparse_term(y_true: float, y_pred: float, total: float, label: float) -> float:
    return -math.log(_clipped(y_pred / total)) if y_true == label else 0.0


@elementwise
def _sparse_cost(y_true: float, log_p: float, label: float) -> float:
    return -log_p if y_true == label else 0.0


@elementwise
def _sparse_slope(gradient: float, p: float, y_true: float, label: float) -> float:
    return gradient * (p - 1.0 if y_true == label else p)


def _logits(name: str, from_logits: bool, source: str, outputs: Tensor) -> Tensor | None:
    """The logits to compute from: the outputs, or what they were made of; None if there are none."""
    made_of = logits_of(source, outputs)
    if made_of is not None and from_logits:
        warnings.warn(
            f"{name}: from_logits=True, but the outputs are those of a {source}; its inputs are taken as the logits",
            stacklevel=levels_to_the_user(),
        )
    return outputs if from_logits and made_of is None else made_of


def _column(gradient: Tensor) -> Tensor:
    return ops.expand_dims(gradient, axis=gradient.ndim)


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

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each sample."""
        targets, outputs = matched(y_true, y_pred)
        logits = _logits(self.name, self.from_logits, "sigmoid", outputs)
        terms = _binary_term(targets, outputs) if logits is None else _binary_term_from_logits(targets, logits)
        return ops.mean(terms, axis=-1) if terms.ndim else terms


class CategoricalCrossentropy(Loss):
    """``-Σ t ln p`` over the last axis, for targets that are probabilities, such as one-hot rows.

    Args:
        from_logits: whether the outputs are logits, to which softmax has not been applied. Otherwise they are divided
            by their sum.
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
        logits = _logits(self.name, self.from_logits, "softmax", y_pred)
        if logits is not None:
            return _categorical_from_logits(targets, logits, None if logits is y_pred else y_pred.snapshot())
        shares = y_pred / ops.sum(y_pred, axis=-1, keepdims=True)
        return ops.sum(_categorical_term(targets, shares), axis=-1)


class SparseCategoricalCrossentropy(Loss):
    """``-ln p[label]``, for targets that are labels from 0 to the number of outputs less 1.

    Args:
        from_logits: whether the outputs are logits, to which softmax has not been applied. Otherwise they are divided
            by their sum.
        reduction: as in `Loss`.

    Source: Keras, ``keras.losses.SparseCategoricalCrossentropy``.
    """

    def __init__(self, from_logits: bool = False, reduction: str | None = "sum_over_batch_size") -> None:
        super().__init__(reduction)
        self.from_logits = from_logits

    def check(self, y_true: Tensor, output_shape: tuple[int, ...]) -> None:
        """Raise unless there is one label a sample, each that of an output."""
        if not output_shape:
            raise ShapeError(
                self.name, "outputs with an axis of classes", "a number", "the shape is (samples, classes)"
            )
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

    def _matched(self, targets: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
        return targets, outputs if outputs.dtype.kind == "f" else outputs.astype(dtypes.default_float)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each sample."""
        targets = y_true.astype(y_pred.dtype)
        if targets.ndim < y_pred.ndim:
            targets = ops.expand_dims(targets, axis=targets.ndim)
        labels = asarray(np.arange(y_pred.shape[-1], dtype=y_pred.dtype), device=y_pred.device)
        logits = _logits(self.name, self.from_logits, "softmax", y_pred)
        if logits is not None:
            return _sparse_from_logits(targets, logits, labels, None if logits is y_pred else y_pred.snapshot())
        return ops.sum(_sparse_term(targets, y_pred, ops.sum(y_pred, axis=-1, keepdims=True), labels), axis=-1)


# The gradient by the logits is that of softmax and logarithm together, p - t, which loses nothing anywhere.


def _categorical_from_logits(targets: Tensor, logits: Tensor, p: Tensor | None) -> Tensor:
    """``-Σ t ln softmax(x)`` over the last axis; ``p`` is the softmax, if it is known."""
    with autodiff.no_grad():
        each = ops.sum(_categorical_cost(targets, ops.log_softmax(logits)), axis=-1)

    def by_logits(gradient: Tensor) -> Tensor:
        shares = ops.softmax(logits) if p is None else p
        return _categorical_slope(_column(gradient), shares, targets, ops.sum(targets, axis=-1, keepdims=True))

    def by_targets(gradient: Tensor) -> Tensor:
        return -_column(gradient) * ops.log_softmax(logits)

    autodiff.record((logits, targets), (each,), (by_logits, by_targets))
    return each


def _sparse_from_logits(targets: Tensor, logits: Tensor, labels: Tensor, p: Tensor | None) -> Tensor:
    """``-ln softmax(x)[label]`` over the last axis; ``p`` is the softmax, if it is known."""
    with autodiff.no_grad():
        each = ops.sum(_sparse_cost(targets, ops.log_softmax(logits), labels), axis=-1)

    def by_logits(gradient: Tensor) -> Tensor:
        return _sparse_slope(_column(gradient), ops.softmax(logits) if p is None else p, targets, labels)

    autodiff.record((logits,), (each,), (by_logits,))
    return each
