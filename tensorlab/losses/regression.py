"""Losses for regression."""

from __future__ import annotations

import math
from typing import Any

from tensorlab import ops
from tensorlab.losses.base import EPSILON, ElementwiseLoss, PairedLoss, matched
from tensorlab.ops.lift import elementwise
from tensorlab.rules import finite
from tensorlab.shapes import normalize_axis
from tensorlab.tensor import Tensor


@elementwise
def _squared_error(y_true: float, y_pred: float) -> float:
    return (y_pred - y_true) * (y_pred - y_true)


@elementwise
def _absolute_error(y_true: float, y_pred: float) -> float:
    return abs(y_true - y_pred)


@elementwise
def _percentage(y_true: float, y_pred: float) -> float:
    return 100.0 * abs((y_true - y_pred) / max(abs(y_true), EPSILON))


@elementwise
def _logarithmic(y_true: float, y_pred: float) -> float:
    difference = math.log(max(y_pred, EPSILON) + 1.0) - math.log(max(y_true, EPSILON) + 1.0)
    return difference * difference


@elementwise
def _huber(y_true: float, y_pred: float, delta: float) -> float:
    error = abs(y_pred - y_true)
    return 0.5 * error * error if error <= delta else delta * (error - 0.5 * delta)


@elementwise
def _log_cosh(y_true: float, y_pred: float) -> float:
    error = abs(y_pred - y_true)
    return error + math.log1p(math.exp(-2.0 * error)) - math.log(2.0)


@elementwise
def _poisson(y_true: float, y_pred: float) -> float:
    return y_pred - y_true * math.log(y_pred + EPSILON)


class MeanSquaredError(ElementwiseLoss):
    """Compute the mean over the last axis of ``(y_true - y_pred)²``.

    Source: Keras, ``keras.losses.MeanSquaredError``.

    Example:
        >>> float(tl.losses.MeanSquaredError()([[0.0, 1.0]], [[1.0, 1.0]]))
        0.5
    """

    term = _squared_error


class MeanAbsoluteError(ElementwiseLoss):
    """Compute the mean over the last axis of ``|y_true - y_pred|``.

    Source: Keras, ``keras.losses.MeanAbsoluteError``.
    """

    term = _absolute_error


class MeanAbsolutePercentageError(ElementwiseLoss):
    """Compute the mean over the last axis of ``100 |y_true - y_pred| / max(|y_true|, 1e-7)``.

    Source: Keras, ``keras.losses.MeanAbsolutePercentageError``.
    """

    term = _percentage


class MeanSquaredLogarithmicError(ElementwiseLoss):
    """Compute the mean over the last axis of ``(ln(1 + y_true) - ln(1 + y_pred))²``.

    Targets and outputs below 1e-7 are replaced by 1e-7.

    Source: Keras, ``keras.losses.MeanSquaredLogarithmicError``.
    """

    term = _logarithmic


class Huber(ElementwiseLoss):
    """Compute the mean over the last axis of ``e² / 2`` where ``|e| ≤ delta``, else ``delta (|e| - delta / 2)``.

    Here ``e = y_pred - y_true``.

    Args:
        delta: the absolute error at which the loss becomes linear.
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.

    Raises:
        ArgumentError: for a delta that is negative or not finite.

    Source: Huber, "Robust Estimation of a Location Parameter", 1964; Keras, ``keras.losses.Huber``.

    Example:
        >>> float(tl.losses.Huber(delta=1.0)([[0.0, 0.0]], [[0.5, 3.0]]))
        1.3125
    """

    term = _huber

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.delta = finite("Huber delta", delta, 0.0)

    def _extra_arguments(self) -> tuple[float, ...]:
        return (self.delta,)


class LogCosh(ElementwiseLoss):
    """Compute the mean over the last axis of ``ln cosh(y_pred - y_true)``.

    Source: Keras, ``keras.losses.LogCosh``.
    """

    term = _log_cosh


class Poisson(ElementwiseLoss):
    """Compute the mean over the last axis of ``y_pred - y_true ln(y_pred + 1e-7)``.

    Source: Keras, ``keras.losses.Poisson``.
    """

    term = _poisson


class CosineSimilarity(PairedLoss):
    """Compute ``-Σ t·p / (|t| |p|)``, the negative cosine of the angle between targets and outputs.

    Args:
        axis: the axis of the vectors.
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.

    Raises:
        ShapeError: in a call, for an axis that is out of range.

    Source: Keras, ``keras.losses.CosineSimilarity``.
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each vector."""
        targets, outputs = matched(y_true, y_pred)
        axis = normalize_axis(self.name, self.axis, outputs.ndim)
        return -ops.sum(_unit(targets, axis) * _unit(outputs, axis), axis=axis)


def _unit(vectors: Tensor, axis: int) -> Tensor:
    # Clamp before the square root, whose derivative at 0 is infinite.
    squares = ops.sum(vectors * vectors, axis=axis, keepdims=True)
    return vectors / ops.sqrt(ops.maximum(squares, EPSILON * EPSILON))
