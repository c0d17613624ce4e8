"""Where elements are: of extremes, of what is not zero, and in what is sorted."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import dtypes, shapes
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, DTypeError, IndexOutOfBoundsError, ShapeError
from tensorlab.ops.dispatch import as_tensor, common_backend, device_of, exactly, is_scalar, on_host
from tensorlab.ops.indexing import integers_on_host
from tensorlab.ops.reduction import Axis, sum
from tensorlab.ops.shaping import permute_dims, reshape
from tensorlab.tensor import Tensor, asarray, from_buffer_of

__all__ = [
    "argmax",
    "argmin",
    "count_nonzero",
    "nonzero",
    "searchsorted",
]


def _arg(rule: str, x: Any, axis: int | None, keepdims: bool) -> Tensor:
    tensor = as_tensor(x, f"arg{rule}")
    if tensor.dtype.kind == "b":
        raise DTypeError(f"arg{rule}", "tensors of numbers", "bool", "convert them with .astype()")
    flat = reshape(tensor, (-1,)) if axis is None else tensor
    place = shapes.normalize_axis(f"arg{rule}", 0 if axis is None else axis, flat.ndim)
    if flat.shape[place] == 0:
        over = "all axes" if axis is None else f"axis {axis}"
        raise ShapeError(f"arg{rule}", "at least one element", f"shape {tensor.shape} over {over}")
    last = flat
    if place != flat.ndim - 1:
        last = permute_dims(flat, [a for a in range(flat.ndim) if a != place] + [place])
    result = from_buffer_of(tensor, tensor._backend.arg_reduce(rule, last._buffer))
    if not keepdims:
        return result
    kept = (1,) * tensor.ndim if axis is None else (*tensor.shape[:place], 1, *tensor.shape[place + 1 :])
    return reshape(result, kept)


def argmax(x: Any, /, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """Where the largest element is, the first of equals; along an axis, or in the flattened tensor. int64.

    Source: Python array API standard, ``argmax``.
    """
    return _arg("max", x, axis, keepdims)


def argmin(x: Any, /, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """Where the smallest element is, the first of equals; along an axis, or in the flattened tensor. int64.

    Source: Python array API standard, ``argmin``.
    """
    return _arg("min", x, axis, keepdims)


def count_nonzero(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """How many elements are not zero, over some axes, or all; NaN is not zero. int64.

    Raises:
        ShapeError: for an axis that is out of range or given twice.

    Source: Python array API standard, ``count_nonzero``.
    """
    tensor = as_tensor(x, "count_nonzero")
    shapes.normalize_axes("count_nonzero", axis, tensor.ndim)  # before `sum` names itself
    truth = tensor if tensor.dtype.kind == "b" else tensor != 0
    return sum(truth, axis=axis, keepdims=keepdims)


def nonzero(x: Any, /) -> tuple[Tensor, ...]:
    """For each axis, where the elements that are not zero are, in C order. int64.

    Raises:
        ShapeError: for a tensor of rank 0.

    Source: Python array API standard, ``nonzero``.
    """
    tensor = as_tensor(x, "nonzero")
    if not tensor.ndim:
        raise ShapeError("nonzero", "a tensor with an axis", "a tensor of rank 0", "use .item()")
    return tuple(asarray(places, device=tensor.device) for places in np.nonzero(on_host("nonzero", tensor)))


def _common_dtype(who: str, *operands: Any) -> DType:
    arrays = [x.dtype for x in operands if isinstance(x, Tensor)]
    return dtypes.result_type(who, arrays, [x for x in operands if not isinstance(x, Tensor)])


def searchsorted(x1: Any, x2: Any, /, side: str = "left", *, sorter: Any = None) -> Tensor:
    """Where the elements of ``x2`` would have to go into the vector ``x1`` for it to stay sorted. int64.

    Args:
        x1: a vector, ascending, or with ``sorter`` in any order.
        x2: elements to place, of any shape, or a number.
        side: where an element goes among its equals: "left" before them, "right" after them.
        sorter: what `argsort` gives for ``x1``.

    Raises:
        ShapeError: if ``x1`` is not a vector, or ``sorter`` has another shape.
        ArgumentError: for another ``side``.
        DTypeError: for dtypes that have no common type, or a ``sorter`` that is not of whole numbers.
        IndexOutOfBoundsError: if ``sorter`` names an element that is not there.

    Source: Python array API standard, ``searchsorted``.
    """
    if side not in ("left", "right"):
        raise ArgumentError("searchsorted", "side 'left' or 'right'", repr(side))
    device = device_of((x1, x2))
    row, places = as_tensor(x1, "searchsorted", device), x2 if is_scalar(x2) else as_tensor(x2, "searchsorted", device)
    common_backend("searchsorted", [x for x in (row, places) if isinstance(x, Tensor)])
    if row.ndim != 1:
        raise ShapeError("searchsorted", "a sorted vector", f"shape {row.shape}")
    common = _common_dtype("searchsorted", row, places)
    order = None if sorter is None else integers_on_host("searchsorted", "a sorter", sorter)
    if order is not None:
        if order.shape != row.shape:
            raise ShapeError("searchsorted", f"a sorter of shape {row.shape}", str(order.shape))
        if order.size and not (order.min() >= 0 and order.max() < order.size):
            given = f"from {order.min()} to {order.max()}"
            raise IndexOutOfBoundsError("searchsorted", f"a sorter of numbers from 0 to {order.size - 1}", given)
        order = order.astype(np.int64)
    sides: Any = side
    ordered = on_host("searchsorted", row).astype(common)
    placed = on_host("searchsorted", places).astype(common) if isinstance(places, Tensor) else exactly(places, common)
    found = np.searchsorted(ordered, placed, sides, order)
    return asarray(np.asarray(found, np.int64), device=row.device)
