"""Hinge losses, which penalize outputs that are within a margin or on the wrong side of the decision boundary."""

from __future__ import annotations

from tensorlab import ops
from tensorlab.losses.base import ElementwiseLoss, PairedLoss, matched
from tensorlab.ops.lift import elementwise
from tensorlab.tensor import Tensor


@elementwise
def _hinge(y_true: float, y_pred: float) -> float:
    return max(1.0 - y_true * y_pred, 0.0)


@elementwise
def _squared_hinge(y_true: float, y_pred: float) -> float:
    return max(1.0 - y_true * y_pred, 0.0) * max(1.0 - y_true * y_pred, 0.0)


class Hinge(ElementwiseLoss):
    """Compute the mean over the last axis of ``max(1 - t·p, 0)``. Targets of only 0 and 1 are converted to -1 and 1.

    Source: Keras, ``keras.losses.Hinge``.
    """

    term = _hinge

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        targets, outputs = matched(y_true, y_pred)
        binary = ops.all(ops.equal(targets * targets, targets))  # a tensor: a bool would synchronize
        return super().call(ops.where(binary, 2.0 * targets - 1.0, targets), outputs)


class SquaredHinge(Hinge):
    """Compute the mean over the last axis of ``max(1 - t·p, 0)²``. Targets of only 0 and 1 are converted to -1 and 1.

    Source: Keras, ``keras.losses.SquaredHinge``.
    """

    term = _squared_hinge


class CategoricalHinge(PairedLoss):
    """Compute ``max(max((1 - t)·p) - Σ t·p + 1, 0)`` over the last axis, for one-hot targets.

    Source: Keras, ``keras.losses.CategoricalHinge``.
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        targets, outputs = matched(y_true, y_pred)
        wrong = ops.max((1.0 - targets) * outputs, axis=-1)
        return ops.maximum(wrong - ops.sum(targets * outputs, axis=-1) + 1.0, 0.0)
