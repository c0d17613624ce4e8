"""Losses of embeddings, which compare the samples of a batch with each other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorlab import dtypes, ops
from tensorlab.errors import ShapeError
from tensorlab.losses.base import Loss
from tensorlab.ops.lift import elementwise
from tensorlab.rules import finite
from tensorlab.tensor import Tensor

_NONE = -1e30
"""The logarithm of a pair that does not count. It is finite, so that a sample without pairs has a gradient of 0."""


@elementwise
def _alike(cosine: float, same: float, other: float, gamma: float, margin: float) -> float:
    distance = max(1.0 - cosine, 0.0)
    return -gamma * max(margin + distance, 0.0) * (margin - distance) if same == 1 and other == 1 else _NONE


@elementwise
def _unlike(cosine: float, same: float, gamma: float, margin: float) -> float:
    distance = max(1.0 - cosine, 0.0)
    return gamma * max(1.0 + margin - distance, 0.0) * (1.0 - margin - distance) if same == 0 else _NONE


@elementwise
def _softplus_of_sum(near: float, far: float) -> float:
    return max(near + far, 0.0) + math.log1p(math.exp(-abs(near + far)))


class Circle(Loss):
    """Compute ``softplus(ln Σ exp(γ a (d - m)) + ln Σ exp(γ b (1 - m - d)))`` of each sample of a batch.

    The first sum is over the samples with the same label, the second one over those with another label. Here
    ``d = max(1 - cosine, 0)``, ``a = max(m + d, 0)`` and ``b = max(1 + m - d, 0)``. The mean counts only samples whose
    loss is above 0.

    Args:
        gamma: γ, the scale.
        margin: m.
        remove_diagonal: whether a sample is not compared with itself.
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.

    Raises:
        ArgumentError: for a number that is not finite, or another reduction.
        ShapeError: in a call, unless the targets are one label for each row of outputs, vectors of length 1.

    Source: Keras, ``keras.losses.Circle``; Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity
    Optimization", arXiv:2002.10857.
    """

    of_batch = True

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.gamma, self.margin = finite(f"{self.name} gamma", gamma), finite(f"{self.name} margin", margin)
        self.remove_diagonal = remove_diagonal

    def check(self, y_true: Tensor, output_shape: tuple[int, ...]) -> None:
        """Raise unless there is one label for each row of outputs."""
        if len(output_shape) != 2:
            raise ShapeError(self.name, "outputs of shape (samples, features)", str(output_shape))
        if y_true.shape not in (output_shape[:1], (*output_shape[:1], 1)):
            raise ShapeError(self.name, f"labels of shape {output_shape[:1]}", str(y_true.shape))

    def _matched(self, targets: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
        return targets, outputs if outputs.dtype.kind == "f" else outputs.astype(dtypes.default_float)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        labels, count = ops.reshape(y_true, (-1, 1)), len(y_pred)
        same = ops.equal(labels, ops.matrix_transpose(labels)).astype(y_pred.dtype)
        other = 1.0 - np.eye(count, dtype=y_pred.dtype) if self.remove_diagonal else 1.0
        cosines = ops.matmul(y_pred, ops.matrix_transpose(y_pred))
        near = ops.logsumexp(_alike(cosines, same, other, self.gamma, self.margin), axis=1)
        far = ops.logsumexp(_unlike(cosines, same, self.gamma, self.margin), axis=1)
        return _softplus_of_sum(near, far)

    def _counted(self, y_true: Tensor, each: Tensor) -> Tensor | None:
        return ops.greater(each, 0.0).astype(each.dtype)
