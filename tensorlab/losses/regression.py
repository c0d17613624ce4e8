"""Losses between numbers."""

from __future__ import annotations

from tensorlab.losses.base import ElementwiseLoss
from tensorlab.ops.lift import elementwise


@elementwise
def _squared_error(y_true: float, y_pred: float) -> float:
    return (y_pred - y_true) * (y_pred - y_true)


@elementwise
def _absolute_error(y_true: float, y_pred: float) -> float:
    return abs(y_true - y_pred)


class MeanSquaredError(ElementwiseLoss):
    """The mean over the last axis of ``(y_true - y_pred)²``.

    Source: Keras, ``keras.losses.MeanSquaredError``.
    """

    term = _squared_error


class MeanAbsoluteError(ElementwiseLoss):
    """The mean over the last axis of ``|y_true - y_pred|``.

    Source: Keras, ``keras.losses.MeanAbsoluteError``.
    """

    term = _absolute_error
