"""Metrics: what is reported of a run, averaged over its samples."""

from __future__ import annotations

from typing import Any

from tensorlab import autodiff, ops
from tensorlab.errors import ArgumentTypeError, ShapeError
from tensorlab.losses.base import same_rank
from tensorlab.ops.dispatch import as_tensor
from tensorlab.references import WithFunction
from tensorlab.registry import registries
from tensorlab.serialization import Configured
from tensorlab.tensor import Tensor


class Metric(Configured):
    """The mean over all samples since the last reset. A subclass implements `call`, one number for each sample.

    Source: Keras, ``keras.metrics.MeanMetricWrapper``.
    """

    _kind = "metric"
    name = "metric"
    _pending: list[tuple[float | Tensor, int]]

    def __init__(self, name: str | None = None) -> None:
        self.name = name or type(self).name
        self.reset_state()

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The value for each sample."""
        raise NotImplementedError(f"{type(self).__name__} has no call(y_true, y_pred)")

    def update_state(self, y_true: Any, y_pred: Any) -> None:
        """Take a batch into account."""
        with autodiff.no_grad():
            values = self.call(as_tensor(y_true, self.name), as_tensor(y_pred, self.name))
            self.add(ops.mean(values), values.size)

    def add(self, mean: float | Tensor, count: int) -> None:
        """Take a batch of known mean into account. A tensor is read when the result is asked for, which may be later:
        its device is not waited for until then."""
        self._pending.append((mean, count))

    def result(self) -> float:
        """The mean so far, 0 before anything."""
        for mean, count in self._pending:
            self._total += float(mean) * count
            self._count += count
        self._pending = []
        return self._total / self._count if self._count else 0.0

    def reset_state(self) -> None:
        """Begin again."""
        self._total, self._count = 0.0, 0
        self._pending = []


class Mean(Metric):
    """The mean of numbers that are added."""

    name = "mean"


class SparseCategoricalAccuracy(Metric):
    """How often the largest output is the one that the label names."""

    name = "sparse_categorical_accuracy"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """1 for each sample that is right, else 0."""
        labels = y_true if y_true.ndim < y_pred.ndim else ops.squeeze(y_true, axis=-1)
        return ops.equal(ops.argmax(y_pred, axis=-1), labels.astype("int64")).astype("float32")


class CategoricalAccuracy(Metric):
    """How often the largest output is where the largest target is."""

    name = "categorical_accuracy"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """1 for each sample that is right, else 0."""
        return ops.equal(ops.argmax(y_pred, axis=-1), ops.argmax(y_true, axis=-1)).astype("float32")


class BinaryAccuracy(Metric):
    """How often an output is on its target's side of a threshold.

    Args:
        name: what it is called in reports.
        threshold: above it an output counts as 1.
    """

    name = "binary_accuracy"

    def __init__(self, name: str | None = None, threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = threshold

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The share of each sample's outputs that are right."""
        targets = same_rank(y_true, y_pred).astype(y_pred.dtype)
        right = ops.equal(ops.greater(y_pred, self.threshold).astype(y_pred.dtype), targets).astype("float32")
        return ops.mean(right, axis=-1)


class Accuracy(Metric):
    """Binary, sparse or categorical accuracy, by the shapes of targets and outputs.

    One output a sample: binary. As many targets as outputs: categorical. One label for several outputs: sparse.

    Source: Keras, the metric "accuracy".
    """

    name = "accuracy"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """1 for each sample that is right, else 0."""
        return _accuracy_for(y_true, y_pred).call(y_true, y_pred)


_BINARY, _SPARSE, _CATEGORICAL = BinaryAccuracy(), SparseCategoricalAccuracy(), CategoricalAccuracy()


def _accuracy_for(y_true: Tensor, y_pred: Tensor) -> Metric:
    if y_pred.shape[-1:] == (1,) or y_pred.ndim < 2:
        return _BINARY
    if y_true.shape == y_pred.shape:
        return _CATEGORICAL
    if y_true.shape in (y_pred.shape[:-1], (*y_pred.shape[:-1], 1)):
        return _SPARSE
    raise ShapeError("accuracy", f"targets that fit outputs of shape {y_pred.shape}", str(y_true.shape))


class _Function(WithFunction, Metric):
    def __init__(self, function: Any) -> None:
        super().__init__(getattr(function, "__name__", "metric"))
        self.function = function

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return as_tensor(self.function(y_true, y_pred), self.name)


def get(identifier: Any) -> Metric:
    """A metric from its name, class or itself; a function of ``(y_true, y_pred)`` tensors is one too.

    Raises:
        UnknownNameError: for an unknown name, with the nearest known ones.
        ArgumentTypeError: for something else.
    """
    if isinstance(identifier, str):
        given, identifier = identifier, registries["metric"].get(identifier)
        if isinstance(identifier, type):
            made: Metric = identifier(name=given)
            return made
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if isinstance(identifier, Metric):
        return identifier
    if callable(identifier):
        return _Function(identifier)
    raise ArgumentTypeError("metric", "a name, a Metric, or a function of (y_true, y_pred)", repr(identifier))
