"""Cross products, diagonals and traces."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tensorlab import shapes
from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError, short_repr
from tensorlab.ops.dispatch import as_tensor, together
from tensorlab.ops.indexing import getitem
from tensorlab.ops.joining import stack
from tensorlab.ops.reduction import sum
from tensorlab.ops.shaping import moveaxis
from tensorlab.tensor import Tensor

__all__ = ["cross", "diagonal", "trace"]


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """Return the cross product of three-element vectors along an axis; the other axes broadcast.

    Args:
        x1: a tensor or an array of numbers.
        x2: a tensor or an array of numbers.
        axis: the axis of the vectors. For tensors of different ranks it must be negative, because broadcasting aligns
            axes at the end.

    Raises:
        ShapeError: if either does not have three elements along the axis, if the other axes do not broadcast, or for
            an axis that is out of range, or not negative for tensors of different ranks.
        DTypeError: for bools, or if the dtypes have no common type.

    Source: Python array API standard, ``linalg.cross``.
    """
    a, b = together("cross", x1, x2)
    if a.dtype.kind == "b":
        raise DTypeError("cross", "tensors of numbers", "bool", "convert them with .astype()")
    if isinstance(axis, int) and axis >= 0 and a.ndim != b.ndim:
        raise ShapeError("cross", "a negative axis for tensors of different ranks", str(axis), "count it from the end")
    given = a.shape, b.shape
    a, b = (moveaxis(x, shapes.normalize_axis("cross", axis, x.ndim), -1) for x in (a, b))
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ShapeError("cross", f"three elements along axis {axis}", f"shapes {given[0]} and {given[1]}")
    shapes.broadcast("cross", [a.shape, b.shape], of=given)
    (a0, a1, a2), (b0, b1, b2) = ([getitem(x, (..., index)) for index in range(3)] for x in (a, b))
    parts = stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=-1)
    return moveaxis(parts, -1, axis if axis < 0 else axis - parts.ndim)


def diagonal(x: Any, /, offset: int = 0) -> Tensor:
    """Return the elements ``x[…, i, i + offset]`` of matrices: ``(…, m, n) → (…, k)``.

    Args:
        x: matrices.
        offset: the diagonal; 0 for the main diagonal, positive for those above it, negative for those below it.

    Raises:
        ShapeError: for fewer than two axes.
        ArgumentTypeError: for an ``offset`` that is not an integer.

    Source: Python array API standard, ``linalg.diagonal``.
    """
    return _diagonal("diagonal", x, offset)


def _diagonal(who: str, x: Any, offset: Any) -> Tensor:
    tensor = as_tensor(x, who)
    if tensor.ndim < 2:
        raise ShapeError(who, "a matrix, or a stack of matrices", f"shape {tensor.shape}")
    try:
        shift = operator.index(offset)
    except TypeError:
        raise ArgumentTypeError(who, "an integer offset", short_repr(offset)) from None
    m, n = tensor.shape[-2:]
    rows = np.arange(max(0, -shift), max(0, -shift, min(m, n - shift))) if -m <= shift <= n else np.arange(0)
    return getitem(tensor, (..., rows, rows + (shift if rows.size else 0)))


def trace(x: Any, /, offset: int = 0, *, dtype: Any = None) -> Tensor:
    """Return the sum of the elements ``x[…, i, i + offset]`` of matrices: ``(…, m, n) → (…)``.

    Args:
        x: matrices.
        offset: the diagonal; 0 for the main diagonal, positive for those above it, negative for those below it.
        dtype: the dtype of the result; if None, that of ``x``, or a 64-bit integer dtype if ``x`` contains integers.

    Raises:
        ShapeError: for fewer than two axes.
        ArgumentTypeError: for an ``offset`` that is not an integer.

    Source: Python array API standard, ``linalg.trace``.
    """
    return sum(_diagonal("trace", x, offset), axis=-1, dtype=dtype)
