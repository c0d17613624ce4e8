"""Accuracies: the fraction of outputs that are correct."""

from __future__ import annotations

from typing import Any

from tensorlab import ops
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.losses.base import matched
from tensorlab.metrics.base import Metric, real
from tensorlab.rules import finite
from tensorlab.tensor import Tensor


class Accuracy(Metric):
    """The fraction of outputs that equal their targets.

    Args:
        name: the name in logs.
        dtype: as in `Metric`.
        by_shape: whether to compute the accuracy that suits the shapes instead, as the name "accuracy" in
            ``compile(metrics=["accuracy"])`` asks for: `BinaryAccuracy` for one output a sample, `CategoricalAccuracy`
            for targets of the outputs' shape, `SparseCategoricalAccuracy` for one label a sample.

    Raises:
        ShapeError: for targets that fit the outputs in none of these ways.

    Source: Keras, ``keras.metrics.Accuracy`` and the name "accuracy" of ``compile``.

    Example:
        >>> accuracy = tl.metrics.Accuracy()
        >>> accuracy.update_state([1, 2, 3, 4], [0, 2, 3, 4])
        >>> accuracy.result()
        0.75
    """

    name = "accuracy"
    _direction = "up"

    def __init__(self, name: str | None = None, dtype: Any = None, by_shape: bool = False) -> None:
        super().__init__(name, dtype)
        self.by_shape = by_shape

    @classmethod
    def named(cls, name: str) -> Accuracy:
        """Return the accuracy that a name stands for: the one that suits the shapes."""
        return cls(name, by_shape=True)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return 1 for each output that is correct, else 0."""
        if self.by_shape:
            return _accuracy_for(self.name, y_true, y_pred).call(y_true, y_pred)
        if y_true.shape != y_pred.shape:
            hint = "metrics=['accuracy'] takes labels of classes; as an object, Accuracy(by_shape=True)"
            raise ShapeError(self.name, f"targets of the outputs' shape {y_pred.shape}", str(y_true.shape), hint)
        return ops.equal(y_true, y_pred).astype("float32")

    def sample_values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the result of `call`. Integers are compared as float64, which is exact for more of them."""
        if y_pred.dtype.kind != "f":
            y_pred = y_pred.astype("float64")
        return super().sample_values(y_true, y_pred)


class BinaryAccuracy(Metric):
    """The fraction of outputs that are on the same side of a threshold as their targets.

    Args:
        name: the name in logs.
        dtype: as in `Metric`.
        threshold: an output above it counts as 1.

    Raises:
        ShapeError: for targets that are not one for each output.

    Source: Keras, ``keras.metrics.BinaryAccuracy``.
    """

    name = "binary_accuracy"
    _direction = "up"

    def __init__(self, name: str | None = None, dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(name, dtype)
        self.threshold = finite(f"{self.name} threshold", threshold)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return 1 for each output that is correct, else 0."""
        targets, outputs = matched(y_true, y_pred)
        if targets.shape != outputs.shape:
            raise ShapeError(self.name, f"targets of the outputs' shape {y_pred.shape}", str(y_true.shape))
        positive = ops.greater(outputs, self.threshold).astype(outputs.dtype)
        return ops.equal(positive, targets).astype("float32")


class CategoricalAccuracy(Metric):
    """The fraction of samples whose largest output is at the index of the largest target.

    Raises:
        ShapeError: for targets that do not have the outputs' shape.

    Source: Keras, ``keras.metrics.CategoricalAccuracy``.
    """

    name = "categorical_accuracy"
    _direction = "up"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return 1 for each sample that is correct, else 0."""
        _one_hot(self.name, y_true, y_pred)
        return ops.equal(ops.argmax(real(y_pred), axis=-1), ops.argmax(real(y_true), axis=-1)).astype("float32")


class SparseCategoricalAccuracy(Metric):
    """The fraction of samples whose largest output is at the index that the label gives.

    Raises:
        ShapeError: unless there is one label for each row of outputs.

    Source: Keras, ``keras.metrics.SparseCategoricalAccuracy``.
    """

    name = "sparse_categorical_accuracy"
    _direction = "up"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return 1 for each sample that is correct, else 0."""
        labels = _labels(self.name, y_true, y_pred)
        return ops.equal(ops.argmax(real(y_pred), axis=-1), labels).astype("float32")


class TopKCategoricalAccuracy(Metric):
    """The fraction of samples whose output at the index of the largest target is among the k largest.

    Args:
        k: how many outputs count as right.
        name: the name in logs.
        dtype: as in `Metric`.

    Raises:
        ArgumentError: unless k is an integer of at least 1.
        ShapeError: for targets that do not have the outputs' shape.

    Source: Keras, ``keras.metrics.TopKCategoricalAccuracy``.
    """

    name = "top_k_categorical_accuracy"
    _direction = "up"

    def __init__(self, k: int = 5, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
        if not isinstance(k, int) or isinstance(k, bool) or k < 1:
            raise ArgumentError(f"{self.name} k", "an integer of at least 1", short_repr(k))
        self.k = k

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return 1 for each sample that is correct, else 0."""
        _one_hot(self.name, y_true, y_pred)
        return self._among(ops.argmax(real(y_true), axis=-1), real(y_pred))

    def _among(self, labels: Tensor, outputs: Tensor) -> Tensor:
        named = ops.one_hot(labels, outputs.shape[-1], dtype=outputs.dtype)
        chosen = ops.sum(ops.where(ops.greater(named, 0.5), outputs, ops.zeros_like(outputs)), axis=-1, keepdims=True)
        larger = ops.sum(ops.greater(outputs, chosen).astype("float32"), axis=-1)  # of equal outputs all are among
        return ops.less(larger, float(min(self.k, outputs.shape[-1]))).astype("float32")


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """The fraction of samples whose output at the index of the label is among the k largest.

    Args:
        k: how many outputs count as right.
        name: the name in logs.
        dtype: as in `Metric`.
        from_sorted_ids: whether outputs are labels, the most probable one first, in place of probabilities.

    Raises:
        ArgumentError: unless k is an integer of at least 1.
        ShapeError: unless there is one label for each row of outputs.

    Source: Keras, ``keras.metrics.SparseTopKCategoricalAccuracy``.
    """

    name = "sparse_top_k_categorical_accuracy"

    def __init__(self, k: int = 5, name: str | None = None, dtype: Any = None, from_sorted_ids: bool = False) -> None:
        super().__init__(k, name, dtype)
        self.from_sorted_ids = from_sorted_ids

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return 1 for each sample that is correct, else 0."""
        labels = _labels(self.name, y_true, y_pred)
        if not self.from_sorted_ids:
            return self._among(labels, real(y_pred))
        given = ops.equal(ops.expand_dims(labels, axis=labels.ndim), y_pred[..., : self.k].astype("int64"))
        return ops.any(given, axis=-1).astype("float32")


def _one_hot(who: str, y_true: Tensor, y_pred: Tensor) -> None:
    if y_true.shape != y_pred.shape or not y_pred.ndim:
        hint = f"for labels that are integers use 'sparse_{who}'" if y_true.ndim < y_pred.ndim else ""
        raise ShapeError(who, f"targets of the outputs' shape {y_pred.shape}", str(y_true.shape), hint)


def _labels(who: str, y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Return one label for each row of outputs."""
    labels = y_true
    if y_true.ndim == y_pred.ndim and y_true.shape[-1:] == (1,):
        labels = ops.squeeze(y_true, axis=-1)
    if not y_pred.ndim or labels.shape != y_pred.shape[:-1]:
        hint = f"for one-hot targets use {who.removeprefix('sparse_')!r}" if y_true.shape == y_pred.shape else ""
        raise ShapeError(who, f"labels of shape {y_pred.shape[:-1]}", str(y_true.shape), hint)
    return labels.astype("int64")


_BINARY, _SPARSE, _CATEGORICAL = BinaryAccuracy(), SparseCategoricalAccuracy(), CategoricalAccuracy()


def _accuracy_for(who: str, y_true: Tensor, y_pred: Tensor) -> Metric:
    if y_pred.shape[-1:] == (1,) or y_pred.ndim < 2:
        return _BINARY
    if y_true.shape == y_pred.shape:
        return _CATEGORICAL
    if y_true.shape in (y_pred.shape[:-1], (*y_pred.shape[:-1], 1)):
        return _SPARSE
    raise ShapeError(who, f"targets that fit outputs of shape {y_pred.shape}", str(y_true.shape))
