"""Intersections over unions of classes, for segmentation, from a confusion matrix in float64 on the host."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError, short_repr
from tensorlab.metrics.scores import Sums
from tensorlab.ops.dispatch import as_tensor
from tensorlab.rules import finite, integer

Array = np.ndarray[Any, Any]

_MAX_CLASSES = 10_000
"""The maximum number of classes of a confusion matrix, which then has 800 MB."""


def _class_count(who: str, count: Any) -> int:
    """Return a number of classes, after checking it."""
    checked = integer(who, count, 1)
    if checked > _MAX_CLASSES:
        raise ArgumentError(
            who, f"at most {_MAX_CLASSES:,} classes, because of the confusion matrix", short_repr(count)
        )
    return checked


class IoU(Sums):
    """The mean over some classes of the intersection over the union: ``TP / (TP + FP + FN)``.

    Args:
        num_classes: the number of classes.
        target_class_ids: the classes.
        name: the name in logs.
        dtype: as in `Metric`.
        ignore_class: a label whose samples are ignored, or None.
        sparse_y_true: whether targets are labels; otherwise they are one-hot or probabilities.
        sparse_y_pred: whether outputs are labels; otherwise the largest of each sample counts.
        axis: the axis of the classes if they are not labels.

    Raises:
        ArgumentError: for classes that do not exist.

    Source: Keras, ``keras.metrics.IoU``.

    Example:
        >>> metric = tl.metrics.IoU(num_classes=2, target_class_ids=[0])
        >>> metric.update_state([0, 0, 1, 1], [0, 1, 0, 1])
        >>> round(metric.result(), 4)
        0.3333
    """

    name = "io_u"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Any,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.num_classes = _class_count(f"{self.name} num_classes", num_classes)
        if isinstance(target_class_ids, (str, bytes)) or not isinstance(target_class_ids, (Collection, np.ndarray)):
            raise ArgumentTypeError(
                f"{self.name} target_class_ids", "a sequence of classes", short_repr(target_class_ids)
            )
        ids = [integer(f"{self.name} target_class_ids", each, 0) for each in target_class_ids]
        if not ids or max(ids) >= self.num_classes:
            expected = f"classes from 0 to {self.num_classes - 1}"
            raise ArgumentError(f"{self.name} target_class_ids", expected, short_repr(target_class_ids))
        self.target_class_ids, self.ignore_class, self.axis = ids, ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred

    def _labels(self, values: Any, sparse: bool) -> Array:
        array = as_tensor(values, self.name).numpy()
        return (array if sparse else array.argmax(axis=self.axis)).ravel()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch. Labels that are no class are ignored.

        Raises:
            ShapeError: for targets or weights that do not fit the outputs.
        """
        targets, outputs = self._labels(y_true, self.sparse_y_true), self._labels(y_pred, self.sparse_y_pred)
        if targets.shape != outputs.shape:
            raise ShapeError(self.name, f"a target for each of {outputs.size} outputs", f"{targets.size} targets")
        weights = np.ones(targets.shape)
        if sample_weight is not None:
            given = as_tensor(sample_weight, f"{self.name} sample_weight").numpy().astype(float).ravel()
            if given.size not in (1, targets.size):
                expected = f"a weight for each of {targets.size} targets"
                raise ShapeError(f"{self.name} sample_weight", expected, f"{given.size} weights")
            weights = np.broadcast_to(given, targets.shape)
        count = self.num_classes
        known = (targets >= 0) & (targets < count) & (outputs >= 0) & (outputs < count)
        if self.ignore_class is not None:
            known &= targets != self.ignore_class
        cells = targets[known].astype(int) * count + outputs[known].astype(int)
        self._add(np.bincount(cells, weights[known], count * count).reshape(count, count))

    def result(self) -> float:
        """Return the mean over those of the classes that occurred."""
        if self._sums is None:
            return 0.0
        both, union = np.diag(self._sums), self._sums.sum(axis=0) + self._sums.sum(axis=1) - np.diag(self._sums)
        chosen = [index for index in self.target_class_ids if union[index] > 0]
        return float((both[chosen] / union[chosen]).mean()) if chosen else 0.0


class MeanIoU(IoU):
    """The `IoU` of all classes.

    Args:
        num_classes: the number of classes.
        name: the name in logs.
        dtype: as in `Metric`.
        ignore_class: as in `IoU`.
        sparse_y_true: as in `IoU`.
        sparse_y_pred: as in `IoU`.
        axis: as in `IoU`.

    Source: Keras, ``keras.metrics.MeanIoU``.
    """

    name = "mean_io_u"

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        who = name if isinstance(name, str) and name else self.name
        classes = range(_class_count(f"{who} num_classes", num_classes))
        super().__init__(num_classes, classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


class BinaryIoU(IoU):
    """The `IoU` of two classes, where outputs of at least a threshold are of class 1.

    Args:
        target_class_ids: 0, 1, or both.
        threshold: the threshold, from 0 to 1.
        name: the name in logs.
        dtype: as in `Metric`.

    Source: Keras, ``keras.metrics.BinaryIoU``.
    """

    name = "binary_io_u"

    def __init__(
        self, target_class_ids: Any = (0, 1), threshold: float = 0.5, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = finite(f"{self.name} threshold", threshold, 0.0, 1.0)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets, 0 or 1, and outputs."""
        outputs = as_tensor(y_pred, self.name).numpy() >= self.threshold
        super().update_state(y_true, outputs.astype(int), sample_weight)


class OneHotIoU(IoU):
    """The `IoU` of classes whose targets are one-hot or probabilities.

    Args:
        num_classes: the number of classes.
        target_class_ids: the classes.
        name: the name in logs.
        dtype: as in `Metric`.
        ignore_class: as in `IoU`.
        sparse_y_pred: as in `IoU`.
        axis: as in `IoU`.

    Source: Keras, ``keras.metrics.OneHotIoU``.

    Example:
        >>> metric = tl.metrics.OneHotIoU(num_classes=2, target_class_ids=[0])
        >>> metric.update_state([[1, 0], [1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]])
        >>> round(metric.result(), 4)
        0.3333
    """

    name = "one_hot_io_u"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Any,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(MeanIoU):
    """The `MeanIoU` of classes whose targets are one-hot or probabilities.

    Args:
        num_classes: the number of classes.
        name: the name in logs.
        dtype: as in `Metric`.
        ignore_class: as in `IoU`.
        sparse_y_pred: as in `IoU`.
        axis: as in `IoU`.

    Source: Keras, ``keras.metrics.OneHotMeanIoU``.
    """

    name = "one_hot_mean_io_u"

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
