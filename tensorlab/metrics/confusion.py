"""Metrics of the confusion matrix: counts of correct and wrong outputs at thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.losses.base import matched
from tensorlab.metrics.base import Metric
from tensorlab.ops.dispatch import as_tensor, device_of

Array = np.ndarray[Any, Any]


class Confusion(Metric):
    """The base of these metrics: counts at each threshold, with sample weights, in float64 on the host.

    Args:
        thresholds: an output above one counts as positive; a number or a list of numbers from 0 to 1; 0.5 if None.
        name: the name in logs.
        dtype: as in `Metric`.

    Raises:
        ArgumentError: for thresholds that are not numbers from 0 to 1.
    """

    _direction = "up"

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
        given = 0.5 if thresholds is None else thresholds
        try:
            values = np.atleast_1d(np.asarray(given))
        except ValueError:  # lists of different lengths
            values = np.array([None])
        if values.dtype.kind not in "iuf" or values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
            raise ArgumentError(f"{self.name} thresholds", "numbers from 0 to 1", short_repr(thresholds))
        self.thresholds: list[float] = values.astype(float).tolist()
        self._one = np.ndim(given) == 0
        self.reset_state()

    def reset_state(self) -> None:
        """Set all counts to 0."""
        super().reset_state()
        self._counts = np.zeros((4, len(self.thresholds)))  # true and false positives, true and false negatives

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch.

        Args:
            y_true: targets, 0 or 1, one for each output.
            y_pred: outputs from 0 to 1.
            sample_weight: a weight for each sample or output.

        Raises:
            ShapeError: for targets or weights that do not fit the outputs.
            ArgumentError: for an output outside of 0 to 1, as logits are.
        """
        device = device_of((y_pred, y_true))
        outputs, targets = as_tensor(y_pred, self.name, device), as_tensor(y_true, self.name, device)
        targets, outputs = matched(targets, outputs)
        if targets.shape != outputs.shape:
            raise ShapeError(self.name, f"targets of the outputs' shape {outputs.shape}", str(targets.shape))
        p, t = outputs.numpy().astype(float), targets.numpy().astype(bool).ravel()
        if not ((p >= 0) & (p <= 1)).all():
            hint = "apply a sigmoid or softmax to logits"
            raise ArgumentError(f"{self.name} y_pred", "outputs from 0 to 1", f"{p.min():g} to {p.max():g}", hint)
        weight = np.broadcast_to(self._weights(sample_weight, p.shape), p.shape).ravel()
        above = p.ravel() > np.array(self.thresholds)[:, None]
        for row, chosen in enumerate((above & t, above & ~t, ~above & ~t, ~above & t)):
            self._counts[row] += chosen @ weight

    def _weights(self, sample_weight: Any, shape: tuple[int, ...]) -> Array:
        if sample_weight is None:
            return np.ones(())
        weight = as_tensor(sample_weight, f"{self.name} sample_weight").numpy().astype(float)
        padded = weight.reshape(*weight.shape, *(1,) * (len(shape) - weight.ndim))
        if padded.ndim > len(shape) or any(w not in (1, n) for w, n in zip(padded.shape, shape, strict=True)):
            raise ShapeError(f"{self.name} sample_weight", f"weights for outputs of shape {shape}", str(weight.shape))
        return padded

    def _value(self, values: Array) -> Any:
        return float(values[0]) if self._one else values

    def result(self) -> Any:
        """Return the value so far: a number, or an array with one for each of several thresholds."""
        tp, fp, tn, fn = self._counts
        return self._value(self._of(tp, fp, tn, fn))

    def _of(self, tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
        raise NotImplementedError


def _ratio(above: Array, below: Array) -> Array:
    """Return the quotient, 0 where the denominator is 0."""
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)


class TruePositives(Confusion):
    """The number of positive samples with positive outputs. Source: Keras, ``keras.metrics.TruePositives``."""

    def _of(self, tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
        return tp


class FalsePositives(Confusion):
    """The number of negative samples with positive outputs. Source: Keras, ``keras.metrics.FalsePositives``."""

    _direction = "down"

    def _of(self, tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
        return fp


class TrueNegatives(Confusion):
    """The number of negative samples with negative outputs. Source: Keras, ``keras.metrics.TrueNegatives``."""

    def _of(self, tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
        return tn


class FalseNegatives(Confusion):
    """The number of positive samples with negative outputs. Source: Keras, ``keras.metrics.FalseNegatives``."""

    _direction = "down"

    def _of(self, tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
        return fn


class Precision(Confusion):
    """The fraction of positive outputs whose samples are positive: ``TP / (TP + FP)``.

    Source: Keras, ``keras.metrics.Precision``, without ``top_k`` and ``class_id``.
    """

    def _of(self, tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
        return _ratio(tp, tp + fp)


class Recall(Confusion):
    """The fraction of positive samples whose outputs are positive: ``TP / (TP + FN)``.

    Source: Keras, ``keras.metrics.Recall``, without ``top_k`` and ``class_id``.
    """

    def _of(self, tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
        return _ratio(tp, tp + fn)


class AUC(Confusion):
    """The area under the ROC curve, by the trapezoidal rule over thresholds.

    Args:
        num_thresholds: how many thresholds, evenly spaced from 0 to 1; at least 2.
        name: the name in logs.
        dtype: as in `Metric`.

    Raises:
        ArgumentError: for fewer than 2 thresholds.

    Source: Keras, ``keras.metrics.AUC`` with ``curve="ROC"``.
    """

    def __init__(self, num_thresholds: int = 200, name: str | None = None, dtype: Any = None) -> None:
        if not isinstance(num_thresholds, int) or num_thresholds < 2:
            raise ArgumentError("auc num_thresholds", "an integer of at least 2", short_repr(num_thresholds))
        super().__init__([i / (num_thresholds - 1) for i in range(num_thresholds)], name, dtype)
        # So that outputs of exactly 0 and 1 are on the inner side of the outermost thresholds, as in Keras.
        self.thresholds[0], self.thresholds[-1] = -1e-7, 1.0 + 1e-7
        self.num_thresholds, self._one = num_thresholds, True

    name = "auc"

    def _of(self, tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
        x, y = _ratio(fp, fp + tn), _ratio(tp, tp + fn)
        return np.array([np.sum((x[:-1] - x[1:]) * (y[:-1] + y[1:]) / 2.0)])
