"""The best value of one rate of the confusion matrix among thresholds at which another rate is large enough."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tensorlab.arguments import followed_by
from tensorlab.errors import ArgumentError, short_repr
from tensorlab.metrics.confusion import Array, OfClasses, ratio
from tensorlab.rules import finite, integer

_MAX_THRESHOLDS = 1 << 20
"""The maximum number of thresholds; each has four counts."""


def _sensitivity(tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
    return ratio(tp, tp + fn)


def _specificity(tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
    return ratio(tn, tn + fp)


def _precision(tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
    return ratio(tp, tp + fp)


class _At(OfClasses):
    """The base of these metrics.

    Args:
        num_thresholds: how many thresholds, evenly spaced from 0 to 1; a single one is 0.5.
        class_id: as in `Precision`.
        name: the name in logs.
        dtype: as in `Metric`.

    Raises:
        ArgumentError: for fewer than 1 or more than 2²⁰ thresholds, or a negative ``class_id``.
    """

    rates: ClassVar[Any]
    """The rate that is reported, and the one that must be large enough."""

    def __init__(
        self, num_thresholds: int = 200, class_id: int | None = None, name: str | None = None, dtype: Any = None
    ) -> None:
        who = name if isinstance(name, str) and name else self.name
        count = integer(f"{who} num_thresholds", num_thresholds, 1)
        if count > _MAX_THRESHOLDS:
            raise ArgumentError(f"{who} num_thresholds", f"at most {_MAX_THRESHOLDS:,}", short_repr(num_thresholds))
        super().__init__(0.5 if count == 1 else np.arange(count) / (count - 1), None, class_id, name, dtype)
        self.num_thresholds, self._one = count, True

    def _require(self, rate: str, least: Any) -> None:
        """Set the smallest allowed value of the rate that must be large enough.

        Raises:
            ArgumentError: unless it is from 0 to 1.
        """
        self.least = finite(f"{self.name} {rate}", least, 0.0, 1.0)

    def _of(self, tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
        reported, constrained = (rate(tp, fp, tn, fn) for rate in self.rates)
        return np.array([np.max(np.where(constrained >= self.least, reported, 0.0))])


class SensitivityAtSpecificity(_At):
    """The largest sensitivity ``TP / (TP + FN)`` at thresholds with a specificity ``TN / (TN + FP)`` that is given.

    Args:
        specificity: the smallest specificity, from 0 to 1.
        num_thresholds: how many thresholds, evenly spaced from 0 to 1; a single one is 0.5.
        class_id: as in `Precision`.
        name: the name in logs.
        dtype: as in `Metric`.

    Raises:
        ArgumentError: for a value out of range, fewer than 1 threshold, or a negative ``class_id``.

    Source: Keras, ``keras.metrics.SensitivityAtSpecificity``.

    Example:
        >>> metric = tl.metrics.SensitivityAtSpecificity(0.5)
        >>> metric.update_state([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
        >>> metric.result()
        0.5
    """

    rates = _sensitivity, _specificity

    @followed_by(_At)
    def __init__(self, specificity: float, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._require("specificity", specificity)


class SpecificityAtSensitivity(_At):
    """The largest specificity ``TN / (TN + FP)`` at thresholds with a sensitivity ``TP / (TP + FN)`` that is given.

    Args:
        sensitivity: the smallest sensitivity, from 0 to 1.
        num_thresholds: as in `SensitivityAtSpecificity`.
        class_id: as in `Precision`.
        name: the name in logs.
        dtype: as in `Metric`.

    Source: Keras, ``keras.metrics.SpecificityAtSensitivity``.
    """

    rates = _specificity, _sensitivity

    @followed_by(_At)
    def __init__(self, sensitivity: float, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._require("sensitivity", sensitivity)


class PrecisionAtRecall(_At):
    """The largest precision ``TP / (TP + FP)`` at thresholds with a recall ``TP / (TP + FN)`` that is given.

    Args:
        recall: the smallest recall, from 0 to 1.
        num_thresholds: as in `SensitivityAtSpecificity`.
        class_id: as in `Precision`.
        name: the name in logs.
        dtype: as in `Metric`.

    Source: Keras, ``keras.metrics.PrecisionAtRecall``.
    """

    rates = _precision, _sensitivity

    @followed_by(_At)
    def __init__(self, recall: float, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._require("recall", recall)


class RecallAtPrecision(_At):
    """The largest recall ``TP / (TP + FN)`` at thresholds with a precision ``TP / (TP + FP)`` that is given.

    Args:
        precision: the smallest precision, from 0 to 1.
        num_thresholds: as in `SensitivityAtSpecificity`.
        class_id: as in `Precision`.
        name: the name in logs.
        dtype: as in `Metric`.

    Source: Keras, ``keras.metrics.RecallAtPrecision``.
    """

    rates = _sensitivity, _precision

    @followed_by(_At)
    def __init__(self, precision: float, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._require("precision", precision)
