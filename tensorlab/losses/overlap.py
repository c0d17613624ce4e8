"""Losses of the overlap of a mask with another one, for segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tensorlab import ops
from tensorlab.losses.base import EPSILON, PairedLoss, matched
from tensorlab.rules import finite
from tensorlab.shapes import normalize_axes
from tensorlab.tensor import Tensor


class Tversky(PairedLoss):
    """Compute ``1 - Σ t·p / (Σ t·p + α Σ t (1 - p) + β Σ p (1 - t) + 1e-7)``.

    Args:
        alpha: α, the weight of targets that the outputs miss.
        beta: β, the weight of outputs where there is no target.
        reduction: as in `Loss`.
        name: as in `Loss`.
        axis: the axes of the sums, such as ``(1, 2, 3)`` for a loss of each image; None for a single loss of the whole
            batch, which is multiplied by the mean of the sample weights.
        dtype: as in `Loss`.

    Raises:
        ArgumentError: for a number that is not finite, or another reduction.
        ShapeError: in a call, for an axis that is out of range.

    Source: Keras, ``keras.losses.Tversky``; Salehi et al., "Tversky loss function for image segmentation using 3D fully
    convolutional deep networks", arXiv:1706.05721.
    """

    of_batch = True

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        axis: int | Sequence[int] | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.alpha, self.beta = finite(f"{self.name} alpha", alpha), finite(f"{self.name} beta", beta)
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample, or that of the batch."""
        targets, outputs = matched(y_true, y_pred)
        axes = normalize_axes(self.name, self.axis, outputs.ndim)
        both, missed, extra = (
            ops.sum(part, axis=axes)
            for part in (targets * outputs, targets * (1.0 - outputs), outputs * (1.0 - targets))
        )
        return 1.0 - both / (both + missed * self.alpha + extra * self.beta + EPSILON)


class Dice(PairedLoss):
    """Compute ``1 - 2 Σ t·p / (Σ t + Σ p + 1e-7)``.

    Args:
        reduction: as in `Loss`.
        name: as in `Loss`.
        axis: as in `Tversky`.
        dtype: as in `Loss`.

    Raises:
        ShapeError: in a call, for an axis that is out of range.

    Source: Keras, ``keras.losses.Dice``; Milletari et al., "V-Net: Fully Convolutional Neural Networks for Volumetric
    Medical Image Segmentation", arXiv:1606.04797.

    Example:
        >>> loss = tl.losses.Dice(axis=1)
        >>> loss.reduction = None
        >>> loss([[1.0, 0.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]).numpy().round(4)
        array([0.    , 0.3333], dtype=float32)
    """

    of_batch = True

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        axis: int | Sequence[int] | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample, or that of the batch."""
        targets, outputs = matched(y_true, y_pred)
        axes = normalize_axes(self.name, self.axis, outputs.ndim)
        both, all_targets, all_outputs = (ops.sum(part, axis=axes) for part in (targets * outputs, targets, outputs))
        return 1.0 - 2.0 * both / (all_targets + all_outputs + EPSILON)
