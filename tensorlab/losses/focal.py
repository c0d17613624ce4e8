"""Focal crossentropies, in which samples that the model is certain of have little weight."""

from __future__ import annotations

import math
from typing import Any

from tensorlab import ops
from tensorlab.arguments import followed_by
from tensorlab.losses.base import EPSILON, ElementwiseLoss
from tensorlab.losses.crossentropy import CategoricalCrossentropy, Crossentropy, smoothed
from tensorlab.ops import crossentropy
from tensorlab.ops.lift import Elementwise, elementwise
from tensorlab.rules import finite
from tensorlab.tensor import Tensor

_SMALLEST = 1e-30
"""The smallest base of powers: the derivative of a root at 0 is infinite."""


def _weight(y_true: float, p: float, gamma: float, alpha: float, balanced: float) -> float:
    balance = y_true * alpha + (1.0 - y_true) * (1.0 - alpha) if balanced != 0 else 1.0
    return balance * math.pow(max(1.0 - y_true * p - (1.0 - y_true) * (1.0 - p), _SMALLEST), gamma)


@elementwise
def _binary(y_true: float, y_pred: float, gamma: float, alpha: float, balanced: float) -> float:
    p = min(max(y_pred, EPSILON), 1.0 - EPSILON)
    crossentropy = -(y_true * math.log(p) + (1.0 - y_true) * math.log(1.0 - p))
    return _weight(y_true, y_pred, gamma, alpha, balanced) * crossentropy


@elementwise
def _binary_from_logits(y_true: float, y_pred: float, gamma: float, alpha: float, balanced: float) -> float:
    tail = math.exp(-abs(y_pred))
    p = (1.0 if y_pred >= 0 else tail) / (1.0 + tail)
    crossentropy = max(y_pred, 0.0) - y_pred * y_true + math.log1p(tail)
    return _weight(y_true, p, gamma, alpha, balanced) * crossentropy


@elementwise
def _categorical(y_true: float, y_pred: float, gamma: float, alpha: float) -> float:
    p = min(max(y_pred, EPSILON), 1.0 - EPSILON)
    return -y_true * alpha * math.pow(1.0 - p, gamma) * math.log(p)


@elementwise
def _categorical_from_logits(y_true: float, log_p: float, gamma: float, alpha: float) -> float:
    if y_true == 0:  # avoids 0 · ∞ where a class that is not the target has logit -∞
        return 0.0
    return -y_true * alpha * math.pow(max(-math.expm1(log_p), _SMALLEST), gamma) * log_p


class _Focal(Crossentropy):
    """The base of both losses: the arguments that they add to those of a crossentropy."""

    @followed_by(Crossentropy)
    def __init__(self, alpha: float = 0.25, gamma: float = 2.0, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.alpha, self.gamma = finite(f"{self.name} alpha", alpha), finite(f"{self.name} gamma", gamma)


class BinaryFocalCrossentropy(_Focal, ElementwiseLoss):
    """Compute the mean over an axis of ``(1 - q)^γ`` times the binary crossentropy, with ``q = t p + (1 - t)(1 - p)``.

    Args:
        apply_class_balancing: whether to multiply by ``α`` where the target is 1 and by ``1 - α`` where it is 0.
        alpha: α.
        gamma: γ, how strongly certain outputs lose weight.
        from_logits: as in `BinaryCrossentropy`.
        label_smoothing: as in `BinaryCrossentropy`.
        axis: the axis of the mean.
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.

    Raises:
        ArgumentError: for a number that is not finite, a ``label_smoothing`` out of range, or another reduction.
        ShapeError: in a call, for an axis that is out of range.

    Source: Keras, ``keras.losses.BinaryFocalCrossentropy``; Lin et al., "Focal Loss for Dense Object Detection",
    arXiv:1708.02002.

    Example:
        >>> loss = tl.losses.BinaryFocalCrossentropy(gamma=2.0)
        >>> round(float(loss([[1.0]], [[0.5]])), 4)
        0.1733
    """

    @followed_by(_Focal)
    def __init__(self, apply_class_balancing: bool = False, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.apply_class_balancing = apply_class_balancing

    @property
    def term(self) -> Elementwise:  # type: ignore[override]
        """The scalar function of target and output."""
        return _binary_from_logits if self.from_logits else _binary

    def _extra_arguments(self) -> tuple[float, ...]:
        return self.gamma, self.alpha, float(bool(self.apply_class_balancing))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        logits = crossentropy.logits_or_none(self.name, self.from_logits, "sigmoid", y_pred)
        outputs = y_pred if logits is None else logits
        term = _binary if logits is None else _binary_from_logits
        targets = smoothed(y_true.astype(outputs.dtype), self.label_smoothing, 2)
        return self._mean(term(targets, outputs, *self._extra_arguments()))


class CategoricalFocalCrossentropy(_Focal, CategoricalCrossentropy):
    """Compute ``-Σ α (1 - p)^γ t ln p`` along an axis, for targets that are probabilities, such as one-hot rows.

    Args:
        alpha: α.
        gamma: γ, how strongly certain outputs lose weight.
        from_logits: as in `CategoricalCrossentropy`.
        label_smoothing: as in `CategoricalCrossentropy`.
        axis: the axis of classes.
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.

    Raises:
        ArgumentError: for a number that is not finite, a ``label_smoothing`` out of range, or another reduction.
        ShapeError: in a call, for an axis that is out of range.

    Source: Keras, ``keras.losses.CategoricalFocalCrossentropy``; Lin et al., "Focal Loss for Dense Object Detection",
    arXiv:1708.02002.
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        targets, outputs = self._with_classes_last(y_true, y_pred)
        logits = crossentropy.logits_or_none(self.name, self.from_logits, "softmax", outputs)
        if logits is not None:
            terms = _categorical_from_logits(targets, ops.log_softmax(logits), self.gamma, self.alpha)
        else:
            shares = outputs / ops.sum(outputs, axis=-1, keepdims=True)
            terms = _categorical(targets, shares, self.gamma, self.alpha)
        return ops.sum(terms, axis=-1)
