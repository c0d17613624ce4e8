"""Losses between probabilities.

`tensorlab.ops.crossentropy` describes when they are computed from logits.
"""

from __future__ import annotations

import math
from typing import Any

from tensorlab import dtypes, ops
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.losses.base import EPSILON, ElementwiseLoss, Loss, PairedLoss, matched
from tensorlab.ops import crossentropy
from tensorlab.ops.lift import Elementwise, elementwise
from tensorlab.ops.probabilities import with_axis_last
from tensorlab.rules import finite, integer_or_none
from tensorlab.shapes import normalize_axis
from tensorlab.tensor import Tensor


@elementwise
def _divergence(y_true: float, y_pred: float) -> float:
    t, p = min(max(y_true, EPSILON), 1.0), min(max(y_pred, EPSILON), 1.0)
    return t * math.log(t / p)


def smoothed(targets: Tensor, smoothing: float, classes: int) -> Tensor:
    """Move targets towards equal probabilities of all classes."""
    return targets if smoothing == 0 else targets * (1.0 - smoothing) + smoothing / classes


class Crossentropy(Loss):
    """The base of the crossentropies with targets that are probabilities. The arguments are those of the subclasses."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.from_logits, self.axis = from_logits, axis
        self.label_smoothing = finite(f"{self.name} label_smoothing", label_smoothing, 0.0, 1.0)


class BinaryCrossentropy(Crossentropy, ElementwiseLoss):
    """Compute the mean over an axis of ``-(t ln p + (1 - t) ln(1 - p))``.

    Args:
        from_logits: whether the outputs are logits ``x`` with ``p = 1 / (1 + e⁻ˣ)``; otherwise they are ``p``.
        label_smoothing: a number ``s`` from 0 to 1. If it is not 0, ``t (1 - s) + s / 2`` takes the place of ``t``.
        axis: the axis of the mean.
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.

    Raises:
        ArgumentError: for a ``label_smoothing`` out of range, or another reduction.
        ShapeError: in a call, for an axis that is out of range.

    Source: Keras, ``keras.losses.BinaryCrossentropy``.
    """

    @property
    def term(self) -> Elementwise:  # type: ignore[override]
        """The scalar function of target and output."""
        return crossentropy.binary_term_from_logits if self.from_logits else crossentropy.binary_term

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        targets, outputs = matched(y_true, y_pred)
        targets = smoothed(targets.astype(outputs.dtype), self.label_smoothing, 2)
        return self._mean(crossentropy.binary(self.name, targets, outputs, self.from_logits))


class CategoricalCrossentropy(Crossentropy):
    """Compute ``-Σ t ln p`` along an axis, for targets that are probabilities, such as one-hot rows.

    Args:
        from_logits: whether the outputs are logits, before softmax. Otherwise they are probabilities, and are divided
            by their sum.
        label_smoothing: a number ``s`` from 0 to 1. If it is not 0, ``t (1 - s) + s / classes`` takes the place of
            ``t``.
        axis: the axis of classes.
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.

    Raises:
        ArgumentError: for a ``label_smoothing`` out of range, or another reduction.
        ShapeError: in a call, for an axis that is out of range.

    Source: Keras, ``keras.losses.CategoricalCrossentropy``; Szegedy et al., "Rethinking the Inception Architecture for
    Computer Vision", arXiv:1512.00567.
    """

    def check(self, y_true: Tensor, output_shape: tuple[int, ...]) -> None:
        """Raise unless the targets have the outputs' shape."""
        if y_true.shape != output_shape:
            hint = "for labels that are integers use sparse_categorical_crossentropy" if y_true.ndim < 2 else ""
            raise ShapeError(self.name, f"targets of the outputs' shape {output_shape}", str(y_true.shape), hint)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        targets, outputs = self._with_classes_last(y_true, y_pred)
        return crossentropy.categorical(self.name, targets, outputs, self.from_logits)

    def _with_classes_last(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
        """Return smoothed targets and outputs whose last axis is that of the classes."""
        axis = normalize_axis(self.name, self.axis, y_pred.ndim)
        targets, outputs = with_axis_last(y_true.astype(y_pred.dtype), axis), with_axis_last(y_pred, axis)
        return smoothed(targets, self.label_smoothing, outputs.shape[-1]), outputs


class LabelLoss(Loss):
    """The base of losses whose targets are labels of classes, along the last axis of the outputs by default."""

    axis: int = -1
    ignore_class: int | None = None

    def check(self, y_true: Tensor, output_shape: tuple[int, ...]) -> None:
        """Raise unless there is one valid label per sample."""
        if output_shape:
            axis = normalize_axis(self.name, self.axis, len(output_shape))
            output_shape = (*output_shape[:axis], *output_shape[axis + 1 :], output_shape[axis])
            y_true = self._labels(y_true, axis, len(output_shape))
        crossentropy.check_labels(self.name, y_true, output_shape, self.ignore_class)

    def _labels(self, y_true: Tensor, axis: int, rank: int) -> Tensor:
        """Return labels without the axis of the classes, if they have it with length 1."""
        return ops.squeeze(y_true, axis=axis) if y_true.ndim == rank and y_true.shape[axis] == 1 else y_true

    def _matched(self, targets: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
        return targets, outputs if outputs.dtype.kind == "f" else outputs.astype(dtypes.default_float)


class SparseCategoricalCrossentropy(LabelLoss):
    """Compute ``-ln p[label]``, for targets that are integer labels from 0 to the number of classes minus 1.

    Args:
        from_logits: whether the outputs are logits, before softmax. Otherwise they are probabilities, and are divided
            by their sum.
        ignore_class: a label whose samples have the loss 0 and are not counted by the mean, such as 255 or -1 for
            pixels without a class; None if there is none.
        reduction: as in `Loss`.
        axis: the axis of classes.
        name: as in `Loss`.
        dtype: as in `Loss`.

    Raises:
        ArgumentError: for an ``ignore_class`` that is not an integer, or another reduction.
        ShapeError: in a call, for an axis that is out of range.

    Source: Keras, ``keras.losses.SparseCategoricalCrossentropy``.

    Example:
        >>> loss = tl.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> round(float(loss([0, 1], [[2.0, 0.0], [0.0, 2.0]])), 4)
        0.1269
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits, self.axis = from_logits, axis
        self.ignore_class = integer_or_none(f"{self.name} ignore_class", ignore_class)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        axis = normalize_axis(self.name, self.axis, y_pred.ndim)
        labels, outputs = self._labels(y_true, axis, y_pred.ndim), with_axis_last(y_pred, axis)
        if self.ignore_class is None:
            return crossentropy.sparse(self.name, labels, outputs, self.from_logits)
        kept = ops.not_equal(labels, self.ignore_class)
        each = crossentropy.sparse(self.name, ops.where(kept, labels, 0), outputs, self.from_logits)
        return ops.where(kept, each, 0.0)

    def _counted(self, y_true: Tensor, each: Tensor) -> Tensor | None:
        if self.ignore_class is None:
            return None
        return ops.reshape(ops.not_equal(y_true, self.ignore_class).astype(each.dtype), each.shape)


@elementwise
def _generalized(y_true: float, y_pred: float, label: float, q: float) -> float:
    # Linear below ε, because the derivative of pᑫ at 0 is infinite.
    power = math.pow(max(y_pred, EPSILON), q) * min(y_pred / EPSILON, 1.0)
    return (1.0 - power) / q if y_true == label else 0.0


class CategoricalGeneralizedCrossEntropy(LabelLoss):
    """Compute ``(1 - p[label]ᑫ) / q``, which is less sensitive to wrong labels than the crossentropy.

    Args:
        q: a number between 0, where this is the crossentropy, and 1, where it is the absolute error.
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.

    Raises:
        ArgumentError: for a q out of range, or another reduction.

    Source: Keras, ``keras.losses.CategoricalGeneralizedCrossEntropy``; Zhang and Sabuncu, "Generalized Cross Entropy
    Loss for Training Deep Neural Networks with Noisy Labels", arXiv:1805.07836.

    Example:
        >>> loss = tl.losses.CategoricalGeneralizedCrossEntropy(q=0.5)
        >>> float(loss([0], [[0.25, 0.75]]))
        1.0
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.q = finite(f"{self.name} q", q)
        if not 0.0 < self.q < 1.0:
            raise ArgumentError(f"{self.name} q", "a number between 0 and 1", short_repr(q))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        labels, classes = crossentropy.columns(y_true, y_pred)
        return ops.sum(_generalized(labels, y_pred, classes, self.q), axis=-1)


class KLDivergence(PairedLoss):
    """Compute ``Σ t ln(t / p)`` over the last axis, with ``t`` and ``p`` clipped to ``[1e-7, 1]``.

    Source: Kullback and Leibler, "On Information and Sufficiency", 1951; Keras, ``keras.losses.KLDivergence``.
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the divergence of each sample."""
        return ops.sum(_divergence(*matched(y_true, y_pred)), axis=-1)
