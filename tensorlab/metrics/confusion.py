"""Metrics of the confusion matrix: counts of correct and wrong outputs at thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.losses.base import matched
from tensorlab.metrics.base import Metric
from tensorlab.ops.dispatch import as_tensor, device_of
from tensorlab.rules import integer

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
        p, labels = self._counted(outputs.numpy().astype(float), targets.numpy().astype(bool))
        if not ((p >= 0) & (p <= 1) | (p == -2.0)).all():
            hint = "apply a sigmoid or softmax to logits"
            raise ArgumentError(f"{self.name} y_pred", "outputs from 0 to 1", f"{p.min():g} to {p.max():g}", hint)
        weight = np.broadcast_to(self._weights(sample_weight, p.shape), p.shape)
        # In the precision of the outputs, as in Keras: an output of 0.1 in float32 is not above the threshold 0.1.
        limits = np.array(self.thresholds, outputs.numpy().dtype)
        above = p > limits.reshape(-1, *(1,) * p.ndim)
        parts = (above & labels, above & ~labels, ~above & ~labels, ~above & labels)
        self._counts = self._counts + np.stack([self._sums(chosen, weight) for chosen in parts])

    def _sums(self, chosen: Array, weight: Array) -> Array:
        """Return the sum of the weights of the chosen outputs at each threshold."""
        return chosen.reshape(len(chosen), -1) @ weight.ravel()

    def _counted(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """Return the outputs and targets that are counted: all."""
        return outputs, targets

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


def ratio(above: Array, below: Array) -> Array:
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


class OfClasses(Confusion):
    """The base of metrics that may count only the k largest outputs of a sample, or those of one class.

    Args:
        thresholds: as in `Confusion`; if ``top_k`` is given and this is not, all of the k outputs are positive.
        top_k: how many outputs of each sample may be positive; all if None.
        class_id: the index of the only class that is counted; all if None.
        name: the name in logs.
        dtype: as in `Metric`.

    Raises:
        ArgumentError: for a ``top_k`` below 1, a negative ``class_id``, or thresholds that are not from 0 to 1.
    """

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(thresholds, name, dtype)
        self.top_k = None if top_k is None else integer(f"{self.name} top_k", top_k, 1)
        self.class_id = None if class_id is None else integer(f"{self.name} class_id", class_id, 0)
        if thresholds is None and top_k is not None:
            self.thresholds = [-1.0]  # below all outputs; those that are not among the k largest are put below it

    def _counted(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        if self.top_k is not None:
            order = np.argsort(-outputs, axis=-1, kind="stable")[..., self.top_k :]
            outputs = outputs.copy()
            np.put_along_axis(outputs, order, -2.0, axis=-1)
        if self.class_id is not None:
            if self.class_id >= outputs.shape[-1]:
                expected = f"a class from 0 to {outputs.shape[-1] - 1}"
                raise ArgumentError(f"{self.name} class_id", expected, str(self.class_id))
            outputs, targets = outputs[..., self.class_id], targets[..., self.class_id]
        return outputs, targets


class Precision(OfClasses):
    """The fraction of positive outputs whose samples are positive: ``TP / (TP + FP)``.

    Source: Keras, ``keras.metrics.Precision``.
    """

    def _of(self, tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
        return ratio(tp, tp + fp)


class Recall(OfClasses):
    """The fraction of positive samples whose outputs are positive: ``TP / (TP + FN)``.

    Source: Keras, ``keras.metrics.Recall``.
    """

    def _of(self, tp: Array, fp: Array, tn: Array, fn: Array) -> Array:
        return ratio(tp, tp + fn)
