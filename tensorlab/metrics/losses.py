"""Losses as metrics: the mean over all samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

from tensorlab import losses
from tensorlab.errors import ShapeError
from tensorlab.losses import Loss
from tensorlab.metrics.base import Metric, real
from tensorlab.tensor import Tensor


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
    """The mean of `losses.MeanAbsolutePercentageError`.

    Source: Keras, ``keras.metrics.MeanAbsolutePercentageError``.
    """

    loss = losses.MeanAbsolutePercentageError


class MeanSquaredLogarithmicError(LossMetric):
    """The mean of `losses.MeanSquaredLogarithmicError`.

    Source: Keras, ``keras.metrics.MeanSquaredLogarithmicError``.
    """

    loss = losses.MeanSquaredLogarithmicError


class LogCoshError(LossMetric):
    """The mean of `losses.LogCosh`. Source: Keras, ``keras.metrics.LogCoshError``."""

    loss = losses.LogCosh
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


class _SmoothCrossentropy(_Crossentropy):
    """The base of crossentropies of probabilities.

    Args:
        name: the name in logs.
        dtype: as in `Metric`.
        from_logits: whether the outputs are logits.
        label_smoothing: as in the loss.
    """

    def __init__(
        self, name: str | None = None, dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0.0
    ) -> None:
        self.label_smoothing = label_smoothing
        super().__init__(name, dtype, from_logits)

    def _options(self) -> dict[str, Any]:
        return super()._options() | {"label_smoothing": self.label_smoothing}


class BinaryCrossentropy(_SmoothCrossentropy):
    """The mean of `losses.BinaryCrossentropy`. Source: Keras, ``keras.metrics.BinaryCrossentropy``."""

    loss = losses.BinaryCrossentropy


class CategoricalCrossentropy(_SmoothCrossentropy):
    """The mean of `losses.CategoricalCrossentropy`.

    Args:
        name: the name in logs.
        dtype: as in `Metric`.
        from_logits: whether the outputs are logits.
        label_smoothing: as in the loss.
        axis: the axis of classes.

    Source: Keras, ``keras.metrics.CategoricalCrossentropy``.
    """

    loss = losses.CategoricalCrossentropy

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> None:
        self.axis = axis
        super().__init__(name, dtype, from_logits, label_smoothing)

    def _options(self) -> dict[str, Any]:
        return super()._options() | {"axis": self.axis}


class SparseCategoricalCrossentropy(_Crossentropy):
    """The mean of `losses.SparseCategoricalCrossentropy`.

    Args:
        name: the name in logs.
        dtype: as in `Metric`.
        from_logits: whether the outputs are logits.
        axis: the axis of classes.

    Source: Keras, ``keras.metrics.SparseCategoricalCrossentropy``.
    """

    loss = losses.SparseCategoricalCrossentropy

    def __init__(self, name: str | None = None, dtype: Any = None, from_logits: bool = False, axis: int = -1) -> None:
        self.axis = axis
        super().__init__(name, dtype, from_logits)

    def _options(self) -> dict[str, Any]:
        return super()._options() | {"axis": self.axis}


class Poisson(LossMetric):
    """The mean of `losses.Poisson`. Source: Keras, ``keras.metrics.Poisson``."""

    loss = losses.Poisson


class Hinge(LossMetric):
    """The mean of `losses.Hinge`. Source: Keras, ``keras.metrics.Hinge``."""

    loss = losses.Hinge


class SquaredHinge(LossMetric):
    """The mean of `losses.SquaredHinge`. Source: Keras, ``keras.metrics.SquaredHinge``."""

    loss = losses.SquaredHinge


class CategoricalHinge(LossMetric):
    """The mean of `losses.CategoricalHinge`. Source: Keras, ``keras.metrics.CategoricalHinge``."""

    loss = losses.CategoricalHinge


class KLDivergence(LossMetric):
    """The mean of `losses.KLDivergence`. Source: Keras, ``keras.metrics.KLDivergence``."""

    loss = losses.KLDivergence
    name = "kl_divergence"


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


class CosineSimilarity(LossMetric):
    """The mean cosine of the angle between targets and outputs: minus `losses.CosineSimilarity`.

    Args:
        name: the name in logs.
        dtype: as in `Metric`.
        axis: of the vectors.

    Source: Keras, ``keras.metrics.CosineSimilarity``.
    """

    loss = losses.CosineSimilarity
    _direction = "up"

    def __init__(self, name: str | None = None, dtype: Any = None, axis: int = -1) -> None:
        self.axis = axis
        super().__init__(name, dtype)

    def _options(self) -> dict[str, Any]:
        return {"axis": self.axis}

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the cosine of each sample."""
        return -super().call(y_true, y_pred)


def pair(who: str, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Return targets and outputs as floats of one dtype and shape.

    Raises:
        ShapeError: for targets that are not one for each output.
    """
    if y_true.shape != y_pred.shape:
        raise ShapeError(who, f"targets of the outputs' shape {y_pred.shape}", str(y_true.shape))
    outputs = real(y_pred)
    return y_true.astype(outputs.dtype), outputs
