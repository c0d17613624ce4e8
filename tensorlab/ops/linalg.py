"""Products of matrices and vectors, and of tensors over some axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tensorlab import autodiff, shapes
from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError, short_repr
from tensorlab.ops.broadcasting import broadcast_to
from tensorlab.ops.compiled_calls import product_call
from tensorlab.ops.dispatch import as_tensor, together
from tensorlab.ops.indexing import getitem
from tensorlab.ops.reduction import sum
from tensorlab.ops.shaping import expand_dims, moveaxis, permute_dims, reshape, squeeze, swap_last
from tensorlab.tensor import Tensor

__all__ = [
    "dot",
    "matmul",
    "outer",
    "tensordot",
    "vecdot",
]


_BLOCK = 4096
_MAX_UNSPLIT = 16 * _BLOCK
"""The length beyond which vectors are multiplied in blocks, whose products are summed by a reduction. On a device that
adds up a product term by term this rounds less, and computes the blocks in parallel."""


def _operands(who: str, x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    if isinstance(x1, Tensor) and isinstance(x2, Tensor) and not autodiff.recording():
        dtype = x1._buffer.dtype
        if x2._buffer.dtype is dtype and x1._backend is x2._backend and dtype.kind != "b":
            return x1, x2  # the result of `together`, in half of its time
    a, b = together(who, x1, x2)
    if a._buffer.dtype.kind == "b":
        raise DTypeError(who, "tensors of numbers", "bool", "convert them with .astype()")
    return a, b


_small_product: Callable[[Any, Any], Any] | None = None
"""The compiled call of small products, after the first hundred of this process (see `compiled_calls.product_call`)."""


def matmul(x1: Any, x2: Any, /) -> Tensor:
    """Return the matrix product ``(…, m, k) · (…, k, n) → (…, m, n)``. The leading axes broadcast.

    A vector on the left is treated as a row, one on the right as a column, and the added axis is removed from the
    result.

    Raises:
        ShapeError: if the inner lengths differ, or for a tensor of rank 0.
        DTypeError: if the dtypes have no common type.

    Source: Python array API standard, ``matmul``.
    """
    global _small_product
    if _small_product is not None:
        small: Tensor | None = _small_product(x1, x2)
        if small is not None:
            return small
    a, b = _operands("matmul", x1, x2)
    rows, columns = a._buffer, b._buffer
    if rows.ndim == 2 == columns.ndim and rows.shape[1] == columns.shape[0]:  # the common case
        if _small_product is None:
            _small_product = product_call(a._backend)
        return _product(a, b)
    if not a.ndim or not b.ndim:
        raise ShapeError("matmul", "tensors with an axis", f"shapes {a.shape} and {b.shape}", "use * for scalars")
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ShapeError("matmul", "equal inner lengths", f"shapes {a.shape} and {b.shape}")
    if a.ndim == b.ndim == 1:
        return vecdot(a, b)
    if a.ndim == 1:
        return squeeze(matmul(expand_dims(a, axis=0), b), axis=-2)
    if b.ndim == 1:
        return squeeze(matmul(a, expand_dims(b, axis=1)), axis=-1)
    if b.ndim == 2 and a.ndim > 2:  # one product of all rows instead of many products
        rows = reshape(a, (-1, a.shape[-1])) if a.shape[-1] else reshape(a, (a.size, 0))
        return reshape(_product(rows, b), (*a.shape[:-1], b.shape[-1])) if a.size else _stacked(a, b)
    return _stacked(a, b)


def _stacked(a: Tensor, b: Tensor) -> Tensor:
    if a.shape[:-2] == b.shape[:-2]:
        return _product(a, b)
    lead = shapes.broadcast("matmul", [a.shape[:-2], b.shape[:-2]], of=(a.shape, b.shape))
    return _product(broadcast_to(a, (*lead, *a.shape[-2:])), broadcast_to(b, (*lead, *b.shape[-2:])))


def _product(a: Tensor, b: Tensor) -> Tensor:
    backend = a._backend
    result = Tensor(backend.matmul(a._buffer, b._buffer)[0], backend)
    if autodiff.recording() and a.dtype.kind == "f":
        autodiff.record((a, b), (result,), product_vjps(a, b))
    return result


def product_vjps(a: Tensor, b: Tensor) -> tuple[autodiff.Vjp, autodiff.Vjp]:
    """Return the vjps of ``a · b`` for both factors, with equal leading axes."""
    return lambda g: _product(g, swap_last(b)), lambda g: _product(swap_last(a), g)


def dot(x1: Any, x2: Any) -> Tensor:
    """Return NumPy's dot product, over the last axis of ``x1`` and the last but one of ``x2``. A scalar multiplies.

    ``(a, b, c, d) · (d,) → (a, b, c)`` and ``(a, b, c, d) · (d, e) → (a, b, c, e)``.

    Raises:
        ShapeError: if the inner lengths differ.
        DTypeError: for bools, or if the dtypes have no common type.

    Source: ``numpy.dot``.
    """
    a, b = _operands("dot", x1, x2)
    if not a.ndim or not b.ndim:
        return a * b
    if b.ndim <= 2:
        return matmul(a, b)
    inner = b.shape[-2]
    if a.shape[-1] != inner:
        raise ShapeError("dot", "equal inner lengths", f"shapes {a.shape} and {b.shape}")
    front = permute_dims(b, (b.ndim - 2, *range(b.ndim - 2), b.ndim - 1))
    product = matmul(a, reshape(front, (inner, math.prod(front.shape[1:]))))  # -1 would be ambiguous if inner is 0
    return reshape(product, (*a.shape[:-1], *b.shape[:-2], b.shape[-1]))


def outer(x1: Any, x2: Any) -> Tensor:
    """Return the outer product of two vectors: ``(m,), (n,) → (m, n)``.

    Raises:
        ShapeError: unless both have one axis.
        DTypeError: for bools, or if the dtypes have no common type.

    Source: ``numpy.outer``; Python array API standard, ``linalg.outer``.
    """
    a, b = _operands("outer", x1, x2)
    if a.ndim != 1 or b.ndim != 1:
        raise ShapeError("outer", "two vectors", f"shapes {a.shape} and {b.shape}")
    return expand_dims(a, axis=1) * b


def tensordot(x1: Any, x2: Any, /, axes: int | Sequence[Sequence[int]] = 2) -> Tensor:
    """Contract some axes of one tensor with as many of another, as one matrix product.

    Args:
        x1: a tensor or an array of numbers.
        x2: another one.
        axes: the number of axes, the last of ``x1`` with the first of ``x2``; or two sequences of axes, one for each
            tensor, to contract in pairs.

    Returns:
        A tensor with the other axes of ``x1``, then those of ``x2``.

    Raises:
        ShapeError: if the lengths of the axes differ, or one is out of range or given twice.
        ArgumentTypeError: for ``axes`` that are neither a number nor two sequences.
        DTypeError: for bools, or if the dtypes have no common type.

    Source: Python array API standard, ``tensordot``.
    """
    a, b = _operands("tensordot", x1, x2)
    ours, theirs = _axes_of_both(a, b, axes)
    if [a.shape[axis] for axis in ours] != [b.shape[axis] for axis in theirs]:
        given = f"axes {tuple(ours)} of shape {a.shape} and {tuple(theirs)} of shape {b.shape}"
        raise ShapeError("tensordot", "axes of equal lengths", given)
    rows = [axis for axis in range(a.ndim) if axis not in ours]
    columns = [axis for axis in range(b.ndim) if axis not in theirs]
    m, n = [a.shape[axis] for axis in rows], [b.shape[axis] for axis in columns]
    k = math.prod(a.shape[axis] for axis in ours)
    left = reshape(permute_dims(a, [*rows, *ours]), (math.prod(m), k))
    right = reshape(permute_dims(b, [*theirs, *columns]), (k, math.prod(n)))
    return reshape(_product(left, right), (*m, *n))


def _axes_of_both(a: Tensor, b: Tensor, axes: Any) -> tuple[list[int], list[int]]:
    if isinstance(axes, (tuple, list)):
        try:
            pair: list[list[Any]] = [list(axes[0]), list(axes[1])] if len(axes) == 2 else []
        except TypeError:
            pair = []
        if not pair:
            raise ArgumentTypeError("tensordot", "a number of axes, or two sequences of axes", short_repr(axes))
    else:
        (count,) = shapes.as_shape("tensordot", axes)
        if count > min(a.ndim, b.ndim):
            raise ShapeError("tensordot", f"tensors of at least {count} axes", f"shapes {a.shape} and {b.shape}")
        pair = [list(range(a.ndim - count, a.ndim)), list(range(count))]
    ours, theirs = (
        [shapes.normalize_axis("tensordot", axis, x.ndim) for axis in given]
        for given, x in zip(pair, (a, b), strict=True)
    )
    if len(ours) != len(theirs) or len(set(ours)) != len(ours) or len(set(theirs)) != len(theirs):
        raise ShapeError("tensordot", "as many different axes of x1 as of x2", short_repr(axes))
    return ours, theirs


def vecdot(x1: Any, x2: Any, /, axis: int = -1) -> Tensor:
    """Return ``Σ x1 x2`` along an axis of both: ``(…, n) · (…, n) → (…)``. The other axes broadcast.

    Args:
        x1: a tensor or an array of numbers.
        x2: another one.
        axis: the axis. For tensors of different ranks it has to be negative, as they are aligned at the end.

    Raises:
        ShapeError: if the lengths along the axis differ, the others do not broadcast, or the axis is out of range.
        DTypeError: for bools, or if the dtypes have no common type.

    Source: Python array API standard, ``vecdot``.
    """
    a, b = _operands("vecdot", x1, x2)
    if isinstance(axis, int) and axis >= 0 and a.ndim != b.ndim:
        hint = "count it from the end"
        raise ShapeError("vecdot", "a negative axis for tensors of different ranks", str(axis), hint)
    a, b = (moveaxis(x, shapes.normalize_axis("vecdot", axis, x.ndim), -1) for x in (a, b))
    if a.shape[-1] != b.shape[-1]:
        given = f"shapes {as_tensor(x1, 'vecdot').shape} and {as_tensor(x2, 'vecdot').shape}"
        raise ShapeError("vecdot", f"equal lengths along axis {axis}", given)
    lead = shapes.broadcast("vecdot", [a.shape[:-1], b.shape[:-1]], of=(a.shape, b.shape))
    if a.shape[-1] <= _MAX_UNSPLIT or a.dtype.kind != "f":
        return _vector_product(a, b)
    a, b = (broadcast_to(x, (*lead, x.shape[-1])) for x in (a, b))
    whole = a.shape[-1] // _BLOCK * _BLOCK
    first, rest = ([getitem(x, (..., part)) for x in (a, b)] for part in (slice(whole), slice(whole, None)))
    blocks = _vector_product(*[reshape(x, (*lead, whole // _BLOCK, _BLOCK)) for x in first])
    return sum(blocks, axis=-1) + _vector_product(*rest)


def _vector_product(a: Tensor, b: Tensor) -> Tensor:
    """Return `vecdot` along the last axis."""
    return squeeze(_stacked(expand_dims(a, axis=-2), expand_dims(b, axis=-1)), axis=(-2, -1))
