"""Losses between probabilities.

`tensorlab.ops.crossentropy` describes when they are computed from logits.
"""

from __future__ import annotations

import math

from tensorlab import dtypes, ops
from tensorlab.errors import ShapeError
from tensorlab.losses.base import EPSILON, ElementwiseLoss, Loss, PairedLoss, matched
from tensorlab.ops import crossentropy
from tensorlab.ops.lift import Elementwise, elementwise
from tensorlab.rules import finite
from tensorlab.tensor import Tensor


@elementwise
def _divergence(y_true: float, y_pred: float) -> float:
    t, p = min(max(y_true, EPSILON), 1.0), min(max(y_pred, EPSILON), 1.0)
    return t * math.log(t / p)


def _smoothed(targets: Tensor, smoothing: float, classes: int) -> Tensor:
    """Move targets towards equal probabilities of all classes."""
    return targets if smoothing == 0 else targets * (1.0 - smoothing) + smoothing / classes


class BinaryCrossentropy(ElementwiseLoss):
    """Compute the mean over the last axis of ``-(t ln p + (1 - t) ln(1 - p))``.

    Args:
        from_logits: whether the outputs are logits ``x`` with ``p = 1 / (1 + e⁻ˣ)``; otherwise they are ``p``.
        label_smoothing: a number ``s`` from 0 to 1. If it is not 0, ``t (1 - s) + s / 2`` takes the place of ``t``.
        reduction: as in `Loss`.
        name: as in `Loss`.

    Raises:
        ArgumentError: for a ``label_smoothing`` out of range, or another reduction.

    Source: Keras, ``keras.losses.BinaryCrossentropy``.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.from_logits = from_logits
        self.label_smoothing = finite(f"{self.name} label_smoothing", label_smoothing, 0.0, 1.0)

    @property
    def term(self) -> Elementwise:  # type: ignore[override]
        """The scalar function of target and output."""
        return crossentropy.binary_term_from_logits if self.from_logits else crossentropy.binary_term

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        targets, outputs = matched(y_true, y_pred)
        targets = _smoothed(targets.astype(outputs.dtype), self.label_smoothing, 2)
        terms = crossentropy.binary(self.name, targets, outputs, self.from_logits)
        return ops.mean(terms, axis=-1) if terms.ndim else terms


class CategoricalCrossentropy(Loss):
    """Compute ``-Σ t ln p`` over the last axis, for targets that are probabilities, such as one-hot rows.

    Args:
        from_logits: whether the outputs are logits, before softmax. Otherwise they are probabilities, and are divided
            by their sum.
        label_smoothing: a number ``s`` from 0 to 1. If it is not 0, ``t (1 - s) + s / classes`` takes the place of
            ``t``.
        reduction: as in `Loss`.
        name: as in `Loss`.

    Raises:
        ArgumentError: for a ``label_smoothing`` out of range, or another reduction.

    Source: Keras, ``keras.losses.CategoricalCrossentropy``; Szegedy et al., "Rethinking the Inception Architecture for
    Computer Vision", arXiv:1512.00567.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.from_logits = from_logits
        self.label_smoothing = finite(f"{self.name} label_smoothing", label_smoothing, 0.0, 1.0)

    def check(self, y_true: Tensor, output_shape: tuple[int, ...]) -> None:
        """Raise unless the targets have the outputs' shape."""
        if y_true.shape != output_shape:
            hint = "for labels that are integers use sparse_categorical_crossentropy" if y_true.ndim < 2 else ""
            raise ShapeError(self.name, f"targets of the outputs' shape {output_shape}", str(y_true.shape), hint)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        targets = _smoothed(y_true.astype(y_pred.dtype), self.label_smoothing, y_pred.shape[-1])
        return crossentropy.categorical(self.name, targets, y_pred, self.from_logits)


class SparseCategoricalCrossentropy(Loss):
    """Compute ``-ln p[label]``, for targets that are integer labels from 0 to the number of classes minus 1.

    Args:
        from_logits: whether the outputs are logits, before softmax. Otherwise they are probabilities, and are divided
            by their sum.
        reduction: as in `Loss`.
        name: as in `Loss`.

    Source: Keras, ``keras.losses.SparseCategoricalCrossentropy``.

    Example:
        >>> loss = tl.losses.SparseCategoricalCrossentropy(from_logits=True)
        >>> round(float(loss([0, 1], [[2.0, 0.0], [0.0, 2.0]])), 4)
        0.1269
    """

    def __init__(
        self, from_logits: bool = False, reduction: str | None = "sum_over_batch_size", name: str | None = None
    ) -> None:
        super().__init__(reduction, name)
        self.from_logits = from_logits

    def check(self, y_true: Tensor, output_shape: tuple[int, ...]) -> None:
        """Raise unless there is one valid label per sample."""
        crossentropy.check_labels(self.name, y_true, output_shape)

    def _matched(self, targets: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
        return targets, outputs if outputs.dtype.kind == "f" else outputs.astype(dtypes.default_float)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        return crossentropy.sparse(self.name, y_true, y_pred, self.from_logits)


class KLDivergence(PairedLoss):
    """Compute ``Σ t ln(t / p)`` over the last axis, with ``t`` and ``p`` clipped to ``[1e-7, 1]``.

    Source: Kullback and Leibler, "On Information and Sufficiency", 1951; Keras, ``keras.losses.KLDivergence``.
    """

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the divergence of each sample."""
        return ops.sum(_divergence(*matched(y_true, y_pred)), axis=-1)
