"""Correlations of targets and outputs."""

from __future__ import annotations

from typing import Any

from tensorlab import ops
from tensorlab.errors import ShapeError
from tensorlab.losses.base import EPSILON
from tensorlab.metrics.base import Metric
from tensorlab.metrics.losses import pair
from tensorlab.shapes import normalize_axis
from tensorlab.tensor import Tensor


class PearsonCorrelation(Metric):
    """The mean of the correlation ``mean((t - t̄)(p - p̄)) / (σₜ σₚ)`` of each sample, with the standard deviations σ.

    Args:
        name: the name in logs.
        dtype: as in `Metric`.
        axis: the axis of the means.

    Raises:
        ShapeError: in `update_state`, for targets that are not one for each output, or an axis out of range.

    Source: Keras, ``keras.metrics.PearsonCorrelation``.

    Example:
        >>> metric = tl.metrics.PearsonCorrelation()
        >>> metric.update_state([[0.0, 1.0, 0.5], [1.0, 1.0, 0.2]], [[0.1, 0.9, 0.5], [1.0, 0.9, 0.2]])
        >>> round(metric.result(), 4)
        0.9967
    """

    _direction = "up"

    def __init__(self, name: str | None = None, dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name, dtype)
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the correlation of each sample."""
        targets, outputs, axis = self._checked(y_true, y_pred)
        t, p = (each - ops.mean(each, axis=axis, keepdims=True) for each in (targets, outputs))
        return ops.mean(t * p, axis=axis) / ops.sqrt(ops.mean(t * t, axis=axis) * ops.mean(p * p, axis=axis))

    def _checked(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor, int]:
        targets, outputs = pair(self.name, y_true, y_pred)
        if not outputs.ndim:
            raise ShapeError(self.name, "outputs with an axis", "a number")
        return targets, outputs, normalize_axis(self.name, self.axis, outputs.ndim)


class ConcordanceCorrelation(PearsonCorrelation):
    """The mean of ``mean(2 (t - p̄)(p - p̄)) / (σₜ² + σₚ² + (t̄ - p̄)² + 1e-7)`` of each sample.

    Args:
        name: the name in logs.
        dtype: as in `Metric`.
        axis: the axis of the means.

    Source: Keras, ``keras.metrics.ConcordanceCorrelation``; Lin, "A concordance correlation coefficient to evaluate
    reproducibility", 1989.
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the correlation of each sample."""
        targets, outputs, axis = self._checked(y_true, y_pred)
        t_mean, p_mean = (ops.mean(each, axis=axis, keepdims=True) for each in (targets, outputs))
        norm = ops.var(targets, axis=axis) + ops.var(outputs, axis=axis)
        distance = ops.squeeze(t_mean - p_mean, axis=axis)
        covariance = ops.mean((targets - p_mean) * (outputs - p_mean), axis=axis)
        return 2.0 * covariance / (norm + distance * distance + EPSILON)
