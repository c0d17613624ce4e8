"""`AUC`: the area under a curve over thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import ops
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.loading import check_count
from tensorlab.metrics.confusion import Confusion, ratio
from tensorlab.rules import finite, integer

Array = np.ndarray[Any, Any]


def _weights_of_labels(given: Any) -> list[float]:
    """Return the weights of labels as a list, after checking them."""
    try:
        values = np.asarray(given).ravel().tolist()
    except (TypeError, ValueError):  # lists of different lengths, or an object that is no array
        values = [given]
    return [finite("auc label_weights", each, 0.0) for each in values]


class AUC(Confusion):
    """The area under a curve over thresholds.

    Args:
        num_thresholds: how many thresholds, evenly spaced from 0 to 1; at least 2.
        curve: "ROC" for recall over the rate of false positives, "PR" for precision over recall, "PRGAIN" for the gains
            of both.
        summation_method: "interpolation" for the trapezoidal rule and, for "PR", an interpolation of the counts;
            "minoring" or "majoring" for the smaller or larger height between two thresholds.
        name: the name in logs.
        dtype: as in `Metric`.
        thresholds: the thresholds, in place of ``num_thresholds``; 0 and 1 are added.
        multi_label: whether to compute the area of each label, a column of the outputs, and return the mean of them.
        num_labels: the number of labels, with ``multi_label``; that of the first outputs if None.
        label_weights: a weight for each label; with ``multi_label`` that of its area, otherwise that of its outputs.
        from_logits: whether to apply a sigmoid to the outputs first.

    Raises:
        ArgumentError: for fewer than 2 thresholds, thresholds that are not from 0 to 1, an unknown curve or method, and
            for ``num_labels`` without ``multi_label``.
        ShapeError: in `update_state`, for outputs that do not have the labels as columns.

    Source: Keras, ``keras.metrics.AUC``; Flach and Kull, "Precision-Recall-Gain Curves: PR Analysis Done Right", 2015;
    Davis and Goadrich, "The Relationship Between Precision-Recall and ROC
    Curves", 2006.
    """

    name = "auc"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        if thresholds is None:
            if not isinstance(num_thresholds, int) or num_thresholds < 2:
                raise ArgumentError("auc num_thresholds", "an integer of at least 2", short_repr(num_thresholds))
            check_count("auc num_thresholds", num_thresholds, _MAX_THRESHOLDS)
            inner = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
        else:
            inner = sorted(Confusion(thresholds, "auc").thresholds)
        for label, value, known in (("curve", curve, _CURVES), ("summation_method", summation_method, _METHODS)):
            if not isinstance(value, str) or value.lower() not in known:
                raise ArgumentError(f"auc {label}", f"one of {', '.join(map(repr, known))}", short_repr(value))
        if not isinstance(multi_label, (bool, np.bool_)):
            raise ArgumentError("auc multi_label", "True or False", short_repr(multi_label))
        if num_labels is not None and not multi_label:
            raise ArgumentError("auc num_labels", "None, without multi_label=True", short_repr(num_labels))
        self.multi_label, self.num_labels = bool(multi_label), num_labels
        if num_labels is not None:
            integer("auc num_labels", num_labels, 1)
        self.label_weights = None if label_weights is None else _weights_of_labels(label_weights)
        super().__init__([0.0, *inner, 1.0], name, dtype)
        # So that outputs of exactly 0 and 1 are on the inner side of the outermost thresholds, as in Keras.
        self.thresholds[0], self.thresholds[-1] = -1e-7, 1.0 + 1e-7
        self.num_thresholds, self._one = len(self.thresholds), True
        self.curve, self.summation_method, self.from_logits = curve.upper(), summation_method.lower(), from_logits

    def reset_state(self) -> None:
        """Set all counts to 0."""
        super().reset_state()
        if self.multi_label:
            self._counts = self._counts[..., None]  # a column for each label, as soon as their number is known

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch, as `Confusion` does."""
        super().update_state(y_true, ops.sigmoid(y_pred) if self.from_logits else y_pred, sample_weight)

    def _counted(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        labels = self.num_labels
        if labels is None and self.label_weights is not None:
            labels = len(self.label_weights)
        if labels is None and self.multi_label and self._counts.any():
            labels = self._counts.shape[-1]
        wrong = labels is not None and outputs.shape[-1:] != (labels,)
        if wrong or (self.multi_label and outputs.ndim != 2):
            expected = f"outputs of shape (samples, {'labels' if labels is None else labels})"
            raise ShapeError(self.name, expected, str(outputs.shape))
        return outputs, targets

    def _weights(self, sample_weight: Any, shape: tuple[int, ...]) -> Array:
        weights = super()._weights(sample_weight, shape)
        return weights if self.multi_label or self.label_weights is None else weights * np.array(self.label_weights)

    def _sums(self, chosen: Array, weight: Array) -> Array:
        return np.einsum("tnl,nl->tl", chosen, weight) if self.multi_label else super()._sums(chosen, weight)

    def _of(self, tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
        areas = self._areas(tp, fp, tn, fn)
        if not self.multi_label or self.label_weights is None:
            return np.array([areas.mean()])
        weights = np.array(self.label_weights)
        return ratio(np.array([np.sum(areas * weights)]), np.array([weights.sum()]))

    def _areas(self, tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
        """Return the area of each label, or one for all together."""
        if self.curve == "PR" and self.summation_method == "interpolation":
            return _interpolated(tp, fp, fn)
        recall = ratio(tp, tp + fn)
        if self.curve == "ROC":
            x, y = ratio(fp, fp + tn), recall
        elif self.curve == "PR":
            x, y = recall, ratio(tp, tp + fp)
        else:
            scale = ratio(tp + fn, tn + fp)
            x = np.maximum(np.where(tp == 0, 0.0, 1.0 - scale * ratio(fn, tp)), 0.0)
            y = np.where(tp == 0, 1.0, 1.0 - scale * ratio(fp, tp))
        heights = {
            "interpolation": (y[:-1] + y[1:]) / 2.0,
            "minoring": np.minimum(y[:-1], y[1:]),
            "majoring": np.maximum(y[:-1], y[1:]),
        }[self.summation_method]
        return np.asarray(np.sum((x[:-1] - x[1:]) * heights, axis=0))


_CURVES, _METHODS = ("roc", "pr", "prgain"), ("interpolation", "minoring", "majoring")
_MAX_THRESHOLDS = 1 << 20
"""The number of thresholds above which a file is refused. Each is a Python number, and an element of four variables."""


def _interpolated(tp: Array, fp: Array, fn: Array) -> Array:
    """Return the area under the curve of precision over recall, with counts that are linear between thresholds."""
    positive = tp + fp
    gained, slope = tp[:-1] - tp[1:], ratio(tp[:-1] - tp[1:], np.maximum(positive[:-1] - positive[1:], 0.0))
    intercept = tp[1:] - slope * positive[1:]
    both = (positive[:-1] > 0) & (positive[1:] > 0)
    quotient = np.divide(positive[:-1], positive[1:], out=np.ones_like(gained), where=both)
    return np.asarray(ratio(slope * (gained + intercept * np.log(quotient)), tp[1:] + fn[1:]).sum(axis=0))
