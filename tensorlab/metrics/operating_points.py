"""The best value of one rate of the confusion matrix among thresholds at which another rate is large enough."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tensorlab.metrics.confusion import Array, OfClasses, ratio
from tensorlab.rules import finite, integer


def _sensitivity(tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
    return ratio(tp, tp + fn)


def _specificity(tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
    return ratio(tn, tn + fp)


def _precision(tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
    return ratio(tp, tp + fp)


class _At(OfClasses):
    """The base of these metrics.

    Args:
        label: the name of the argument that has the smallest allowed value.
        least: the value, from 0 to 1.
        num_thresholds: how many thresholds, evenly spaced from 0 to 1; a single one is 0.5.
        class_id: as in `Precision`.
        name: the name in logs.
        dtype: as in `Metric`.

    Raises:
        ArgumentError: for a value out of range, fewer than 1 threshold, or a negative ``class_id``.
    """

    rates: ClassVar[Any]
    """The rate that is reported, and the one that must be large enough."""

    def __init__(self, label: str, least: Any, num_thresholds: Any, class_id: Any, name: Any, dtype: Any) -> None:
        who = name if isinstance(name, str) and name else self.name
        self.least = finite(f"{who} {label}", least, 0.0, 1.0)
        count = integer(f"{who} num_thresholds", num_thresholds, 1)
        super().__init__(0.5 if count == 1 else np.arange(count) / (count - 1), None, class_id, name, dtype)
        self.num_thresholds, self._one = count, True

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

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__("specificity", specificity, num_thresholds, class_id, name, dtype)


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

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__("sensitivity", sensitivity, num_thresholds, class_id, name, dtype)


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

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__("recall", recall, num_thresholds, class_id, name, dtype)


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

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__("precision", precision, num_thresholds, class_id, name, dtype)
