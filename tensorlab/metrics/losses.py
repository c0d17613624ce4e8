"""Losses as metrics: the mean over all samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

from tensorlab import losses, ops
from tensorlab.errors import ShapeError
from tensorlab.losses import Loss, LossRule
from tensorlab.metrics.base import Metric, real
from tensorlab.ops.lift import elementwise
from tensorlab.tensor import Tensor

_EPSILON = 1e-7  # Keras's


def _percentage(y_true: float, y_pred: float) -> float:
    return 100.0 * abs((y_true - y_pred) / max(abs(y_true), _EPSILON))


def _logarithmic(y_true: float, y_pred: float) -> float:
    difference = math.log(max(y_pred, _EPSILON) + 1.0) - math.log(max(y_true, _EPSILON) + 1.0)
    return difference * difference


def _log_cosh(y_true: float, y_pred: float) -> float:
    error = abs(y_pred - y_true)
    return error + math.log1p(math.exp(-2.0 * error)) - math.log(2.0)


def _poisson(y_true: float, y_pred: float) -> float:
    return y_pred - y_true * math.log(y_pred + _EPSILON)


def _hinge(y_true: float, y_pred: float) -> float:
    return max(1.0 - y_true * y_pred, 0.0)


def _squared_hinge(y_true: float, y_pred: float) -> float:
    return max(1.0 - y_true * y_pred, 0.0) * max(1.0 - y_true * y_pred, 0.0)


@elementwise
def _divergence(y_true: float, y_pred: float) -> float:
    t, p = min(max(y_true, _EPSILON), 1.0), min(max(y_pred, _EPSILON), 1.0)
    return t * math.log(t / p)


class LossMetric(Metric):
    """The base of metrics that are the mean of a loss.

    Args:
        name: the name in logs.
        dtype: as in `Metric`.
    """

    loss: ClassVar[Callable[..., Loss]]
    _direction = "down"

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self._loss = type(self).loss(reduction="none", **self._options())
        self._loss.name = self.name

    def _options(self) -> dict[str, Any]:
        """Return further arguments of the loss."""
        return {}

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return self._loss(y_true, real(y_pred))


class MeanSquaredError(LossMetric):
    """The mean of `losses.MeanSquaredError`. Source: Keras, ``keras.metrics.MeanSquaredError``."""

    loss = losses.MeanSquaredError


class MeanAbsoluteError(LossMetric):
    """The mean of `losses.MeanAbsoluteError`. Source: Keras, ``keras.metrics.MeanAbsoluteError``."""

    loss = losses.MeanAbsoluteError


class MeanAbsolutePercentageError(LossMetric):
    """The mean of ``100 |t - p| / max(|t|, 1e-7)``. Source: Keras, ``keras.metrics.MeanAbsolutePercentageError``."""

    loss = LossRule(_percentage)


class MeanSquaredLogarithmicError(LossMetric):
    """The mean of ``(ln(1 + p) - ln(1 + t))²``. Source: Keras, ``keras.metrics.MeanSquaredLogarithmicError``."""

    loss = LossRule(_logarithmic)


class LogCoshError(LossMetric):
    """The mean of ``ln cosh(p - t)``. Source: Keras, ``keras.metrics.LogCoshError``."""

    loss = LossRule(_log_cosh)
    name = "logcosh"


class _Crossentropy(LossMetric):
    """The base of crossentropies.

    Args:
        name: the name in logs.
        dtype: as in `Metric`.
        from_logits: whether the outputs are logits.
    """

    def __init__(self, name: str | None = None, dtype: Any = None, from_logits: bool = False) -> None:
        self.from_logits = from_logits
        super().__init__(name, dtype)

    def _options(self) -> dict[str, Any]:
        return {"from_logits": self.from_logits}


class BinaryCrossentropy(_Crossentropy):
    """The mean of `losses.BinaryCrossentropy`. Source: Keras, ``keras.metrics.BinaryCrossentropy``."""

    loss = losses.BinaryCrossentropy


class CategoricalCrossentropy(_Crossentropy):
    """The mean of `losses.CategoricalCrossentropy`. Source: Keras, ``keras.metrics.CategoricalCrossentropy``."""

    loss = losses.CategoricalCrossentropy


class SparseCategoricalCrossentropy(_Crossentropy):
    """The mean of `losses.SparseCategoricalCrossentropy`.

    Source: Keras, ``keras.metrics.SparseCategoricalCrossentropy``.
    """

    loss = losses.SparseCategoricalCrossentropy


class Poisson(LossMetric):
    """The mean of ``p - t ln(p + 1e-7)``. Source: Keras, ``keras.metrics.Poisson``."""

    loss = LossRule(_poisson)


class Hinge(LossMetric):
    """The mean of ``max(1 - t·p, 0)``; targets that are 0 and 1 count as -1 and 1.

    Source: Keras, ``keras.metrics.Hinge``.
    """

    loss = LossRule(_hinge)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        if bool(ops.all(ops.equal(y_true * y_true, y_true))):
            y_true = real(y_true) * 2.0 - 1.0
        return super().call(y_true, y_pred)


class SquaredHinge(Hinge):
    """The mean of ``max(1 - t·p, 0)²``; targets that are 0 and 1 count as -1 and 1.

    Source: Keras, ``keras.metrics.SquaredHinge``.
    """

    loss = LossRule(_squared_hinge)


class CategoricalHinge(Metric):
    """The mean of ``max(max((1 - t)·p) - Σ t·p + 1, 0)`` over the last axis.

    Source: Keras, ``keras.metrics.CategoricalHinge``.
    """

    _direction = "down"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        targets, outputs = pair(self.name, y_true, y_pred)
        wrong = ops.max((1.0 - targets) * outputs, axis=-1)
        return ops.maximum(wrong - ops.sum(targets * outputs, axis=-1) + 1.0, 0.0)


class KLDivergence(Metric):
    """The mean of ``Σ t ln(t / p)`` over the last axis, of numbers kept between 1e-7 and 1.

    Source: Keras, ``keras.metrics.KLDivergence``.
    """

    name = "kl_divergence"
    _direction = "down"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the divergence of each sample."""
        return ops.sum(_divergence(*pair(self.name, y_true, y_pred)), axis=-1)


class RootMeanSquaredError(Metric):
    """The square root of the mean of ``(t - p)²``.

    Source: Keras, ``keras.metrics.RootMeanSquaredError``.
    """

    _direction = "down"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the squared errors."""
        targets, outputs = pair(self.name, y_true, y_pred)
        return (targets - outputs) * (targets - outputs)

    def result(self) -> float:
        """Return the root of the mean so far."""
        return math.sqrt(super().result())


class CosineSimilarity(Metric):
    """The mean cosine of the angle between targets and outputs: ``Σ t·p / (|t| |p|)``.

    Args:
        name: the name in logs.
        dtype: as in `Metric`.
        axis: of the vectors.

    Source: Keras, ``keras.metrics.CosineSimilarity``.
    """

    _direction = "up"

    def __init__(self, name: str | None = None, dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name, dtype)
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the cosine of each sample."""
        targets, outputs = pair(self.name, y_true, y_pred)
        return ops.sum(self._unit(targets) * self._unit(outputs), axis=self.axis)

    def _unit(self, vectors: Tensor) -> Tensor:
        length = ops.sqrt(ops.sum(vectors * vectors, axis=self.axis, keepdims=True))
        return vectors / ops.maximum(length, _EPSILON)


def pair(who: str, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Return targets and outputs as floats of one dtype and shape.

    Raises:
        ShapeError: for targets that are not one for each output.
    """
    if y_true.shape != y_pred.shape:
        raise ShapeError(who, f"targets of the outputs' shape {y_pred.shape}", str(y_true.shape))
    outputs = real(y_pred)
    return y_true.astype(outputs.dtype), outputs
