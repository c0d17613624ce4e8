"""Losses of margins: how far an output is on the wrong side of its class."""

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
    """The mean over the last axis of ``max(1 - t·p, 0)``. Targets that are all 0 or 1 count as -1 and 1.

    Source: Keras, ``keras.losses.Hinge``.
    """

    term = _hinge

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        targets, outputs = matched(y_true, y_pred)
        binary = ops.all(ops.equal(targets * targets, targets))  # not read: the device may be busy
        return super().call(ops.where(binary, 2.0 * targets - 1.0, targets), outputs)


class SquaredHinge(Hinge):
    """The mean over the last axis of ``max(1 - t·p, 0)²``. Targets that are all 0 or 1 count as -1 and 1.

    Source: Keras, ``keras.losses.SquaredHinge``.
    """

    term = _squared_hinge


class CategoricalHinge(PairedLoss):
    """``max(max((1 - t)·p) - Σ t·p + 1, 0)`` over the last axis, for one-hot targets.

    Source: Keras, ``keras.losses.CategoricalHinge``.
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        targets, outputs = matched(y_true, y_pred)
        wrong = ops.max((1.0 - targets) * outputs, axis=-1)
        return ops.maximum(wrong - ops.sum(targets * outputs, axis=-1) + 1.0, 0.0)
