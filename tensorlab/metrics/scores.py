"""Scores of classes and of regressions, accumulated in float64 on the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.losses.base import matched
from tensorlab.metrics.base import Metric
from tensorlab.ops.dispatch import as_tensor, device_of
from tensorlab.rules import finite, integer

Array = np.ndarray[Any, Any]

_EPSILON = 1e-7


class Sums(Metric):
    """The base of metrics whose state is an array of sums over samples."""

    _direction = "up"
    _sums: Array | None = None

    def reset_state(self) -> None:
        """Forget all samples."""
        super().reset_state()
        self._sums = None

    def _add(self, sums: Array) -> None:
        self._sums = sums if self._sums is None else self._sums + sums

    def _pair(self, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
        """Return targets and outputs as arrays of shape ``(samples, outputs)``.

        Raises:
            ShapeError: for others.
        """
        device = device_of((y_pred, y_true))
        outputs, targets = as_tensor(y_pred, self.name, device), as_tensor(y_true, self.name, device)
        targets, outputs = matched(targets, outputs)
        if targets.shape != outputs.shape or outputs.ndim != 2:
            expected = "targets and outputs of one shape (samples, outputs)"
            raise ShapeError(self.name, expected, f"{targets.shape} and {outputs.shape}")
        return targets.numpy().astype(float), outputs.numpy().astype(float)

    def _weights(self, sample_weight: Any, shape: tuple[int, ...]) -> Array:
        """Return a weight for each element.

        Raises:
            ShapeError: for weights that do not fit.
        """
        if sample_weight is None:
            return np.ones(shape)
        given = as_tensor(sample_weight, f"{self.name} sample_weight").numpy().astype(float)
        padded = given.reshape(*given.shape, *(1,) * (len(shape) - given.ndim))
        try:
            return np.broadcast_to(padded, shape)
        except ValueError:
            expected = f"a weight for each of {shape[0]} samples"
            raise ShapeError(f"{self.name} sample_weight", expected, f"shape {given.shape}") from None


class FBetaScore(Sums):
    """The weighted harmonic mean of precision P and recall R: ``(1 + β²) P R / (β² P + R)``, of each class.

    Args:
        average: None for one score a class, "micro" for one of all outputs together, "macro" for the mean over the
            classes, "weighted" for a mean by the number of targets of each class.
        beta: β, above 0.
        threshold: outputs above it are positive; if None, the largest one of each sample.
        name: the name in logs.
        dtype: as in `Metric`.

    Raises:
        ArgumentError: for another average, or a number out of range.

    Source: Keras, ``keras.metrics.FBetaScore``.
    """

    name = "fbeta_score"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, dtype)
        if average is not None and not (isinstance(average, str) and average in ("micro", "macro", "weighted")):
            raise ArgumentError(f"{self.name} average", "None, 'micro', 'macro' or 'weighted'", short_repr(average))
        if finite(f"{self.name} beta", beta) <= 0:
            raise ArgumentError(f"{self.name} beta", "a number above 0", short_repr(beta))
        if threshold is not None and not 0 < finite(f"{self.name} threshold", threshold) <= 1:
            raise ArgumentError(f"{self.name} threshold", "a number above 0 and at most 1", short_repr(threshold))
        self.average, self.beta, self.threshold = average, float(beta), threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets, 0 or 1, and outputs, ``(samples, classes)``.

        Raises:
            ShapeError: for other shapes, or weights that do not fit.
        """
        targets, outputs = self._pair(y_true, y_pred)
        if self.threshold is None:
            chosen = (outputs >= outputs.max(axis=-1, keepdims=True)) & (abs(outputs) > 1e-9)
        else:
            chosen = outputs > self.threshold
        positive, weights = chosen.astype(float), self._weights(sample_weight, outputs.shape)
        parts = (positive * targets, positive * (1 - targets), (1 - positive) * targets, targets)
        sums = np.stack([(weights * part).sum(axis=0) for part in parts])
        self._add(sums.sum(axis=1, keepdims=True) if self.average == "micro" else sums)

    def result(self) -> Any:
        """Return the score so far: a number, or an array of one for each class without an average."""
        if self._sums is None:
            return 0.0
        tp, fp, fn, count = self._sums
        precision, recall = tp / (tp + fp + _EPSILON), tp / (tp + fn + _EPSILON)
        square = self.beta**2
        score = (1 + square) * precision * recall / (square * precision + recall + _EPSILON)
        if self.average == "weighted":
            return float(np.sum(score * count / (count.sum() + _EPSILON)))
        return score if self.average is None else float(score.mean())


class F1Score(FBetaScore):
    """The harmonic mean of precision P and recall R: ``2 P R / (P + R)``.

    Args:
        average: as in `FBetaScore`.
        threshold: as in `FBetaScore`.
        name: the name in logs.
        dtype: as in `Metric`.

    Source: Keras, ``keras.metrics.F1Score``.

    Example:
        >>> score = tl.metrics.F1Score(average="macro")
        >>> score.update_state([[1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> round(score.result(), 4)
        0.6667
    """

    name = "f1_score"

    def __init__(
        self, average: str | None = None, threshold: float | None = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)


class R2Score(Sums):
    """The coefficient of determination ``1 - Σ (t - p)² / Σ (t - t̄)²``, where ``t̄`` is the mean of the targets.

    Args:
        class_aggregation: "uniform_average" for the mean over the outputs, "variance_weighted_average" for a mean by
            the variance of their targets, None for one score for each output.
        num_regressors: the number of independent variables, for the adjusted score; 0 for the plain one.
        name: the name in logs.
        dtype: as in `Metric`.

    Raises:
        ArgumentError: for another aggregation, or a negative number.

    Source: Keras, ``keras.metrics.R2Score``.

    Example:
        >>> score = tl.metrics.R2Score()
        >>> score.update_state([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])
        >>> round(score.result(), 4)
        0.5714
    """

    name = "r2_score"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, dtype)
        known = ("uniform_average", "variance_weighted_average")
        if class_aggregation is not None and not (isinstance(class_aggregation, str) and class_aggregation in known):
            expected = "None, 'uniform_average' or 'variance_weighted_average'"
            raise ArgumentError(f"{self.name} class_aggregation", expected, short_repr(class_aggregation))
        self.class_aggregation = class_aggregation
        self.num_regressors = integer(f"{self.name} num_regressors", num_regressors, 0)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and outputs, ``(samples, outputs)``.

        Raises:
            ShapeError: for other shapes, or weights that do not fit.
        """
        targets, outputs = self._pair(y_true, y_pred)
        weights = self._weights(sample_weight, outputs.shape)
        parts = (targets, targets**2, (targets - outputs) ** 2, 1.0)
        counted = np.full((1, targets.shape[1]), float(targets.size))
        self._add(np.concatenate([[(weights * part).sum(axis=0) for part in parts], counted]))

    def result(self) -> Any:
        """Return the score so far: a number, or an array of one for each output without an aggregation."""
        if self._sums is None:
            return 0.0
        total, squares, errors, count, numbers = self._sums
        variance = squares - total * total / count
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = 1.0 - errors / variance
        scores = np.where(np.isinf(scores), 0.0, scores)
        found: Any = scores
        if self.class_aggregation == "uniform_average":
            found = float(scores.mean())
        elif self.class_aggregation:
            found = float((variance * scores).sum() / variance.sum())
        if self.num_regressors:
            n, p = float(numbers[0]), self.num_regressors
            return found if n <= p + 1 else 1.0 - (1.0 - found) * (n - 1.0) / (n - p - 1.0)
        return found
