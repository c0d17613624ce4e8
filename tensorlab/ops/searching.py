"""Find indices: of extremes, of nonzero elements, and in a sorted vector."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import dtypes, shapes
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, DTypeError, IndexOutOfBoundsError, ShapeError, short_repr
from tensorlab.ops.compiled_calls import ReductionCall
from tensorlab.ops.dispatch import as_tensor, common_backend, device_of, exact_array, is_scalar, on_host
from tensorlab.ops.indexing import integers_on_host
from tensorlab.ops.reduction import Axis, sum
from tensorlab.ops.shaping import permute_dims, reshape
from tensorlab.tensor import Tensor, asarray, from_buffer_of

__all__ = [
    "argmax",
    "argmin",
    "count_nonzero",
    "searchsorted",
]


_calls = {"max": ReductionCall(of_indices=True), "min": ReductionCall(of_indices=True)}


def _arg_reduce(rule: str, x: Any, axis: int | None, keepdims: bool) -> Tensor:
    """Return the index of the first "max" or "min" along an axis, or in the flattened tensor."""
    call = _calls[rule]
    small: Tensor | None = call.call(x, axis, keepdims)
    if small is not None:
        return small
    who = f"arg{rule}"
    tensor = x if type(x) is Tensor else as_tensor(x, who)
    if tensor.dtype.kind == "b":
        raise DTypeError(who, "tensors of numbers", "bool", "convert them with .astype()")
    if axis is None:
        rows, over, kept = reshape(tensor, (-1,)), "all axes", (1,) * tensor.ndim
    else:
        index = shapes.normalize_axis(who, axis, tensor.ndim)
        before, after = tensor.shape[:index], tensor.shape[index + 1 :]
        rows, over, kept = tensor, f"axis {axis}", (*before, 1, *after)
        if after:  # move the axis to the end
            rows = permute_dims(tensor, [a for a in range(tensor.ndim) if a != index] + [index])
    if rows.shape[-1] == 0:
        raise ShapeError(who, "at least one element", f"shape {tensor.shape} over {over}")
    backend = tensor._backend
    result = from_buffer_of(tensor, backend.arg_reduce(rule, rows._buffer))
    if tensor.dtype.num not in call.entries and hasattr(backend, "arg_reduction"):
        call.note(backend, tensor.dtype, dtypes.int64, backend.arg_reduction(rule, tensor.dtype))
    return reshape(result, kept) if keepdims else result


def argmax(x: Any, /, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """Return the int64 index of the first largest element along an axis, or in the flattened tensor.

    Source: Python array API standard, ``argmax``.
    """
    return _arg_reduce("max", x, axis, keepdims)


def argmin(x: Any, /, axis: int | None = None, *, keepdims: bool = False) -> Tensor:
    """Return the int64 index of the first smallest element along an axis, or in the flattened tensor.

    Source: Python array API standard, ``argmin``.
    """
    return _arg_reduce("min", x, axis, keepdims)


def count_nonzero(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Count the nonzero elements over some axes, or all. NaN is not zero. The result is int64.

    Raises:
        ShapeError: for an axis that is out of range or given twice.

    Source: Python array API standard, ``count_nonzero``.
    """
    tensor = as_tensor(x, "count_nonzero")
    shapes.normalize_axes("count_nonzero", axis, tensor.ndim)  # `sum` would raise in its own name
    truth = tensor if tensor.dtype.kind == "b" else tensor != 0
    return sum(truth, axis=axis, keepdims=keepdims)


def _common_dtype(who: str, *operands: Any) -> DType:
    arrays = [x.dtype for x in operands if isinstance(x, Tensor)]
    return dtypes.result_type(who, arrays, [x for x in operands if not isinstance(x, Tensor)])


def searchsorted(x1: Any, x2: Any, /, side: str = "left", *, sorter: Any = None) -> Tensor:
    """Return the int64 indices at which to insert elements into a sorted vector so that it stays sorted.

    Args:
        x1: the vector, ascending; with ``sorter``, in any order.
        x2: the elements to insert, of any shape, or a number.
        side: whether to insert an element before ("left") or after ("right") equal ones.
        sorter: the result of `argsort` for ``x1``.

    Raises:
        ShapeError: if ``x1`` is not a vector, or ``sorter`` has another shape.
        ArgumentError: for another ``side``.
        DTypeError: for dtypes without a common type, or a ``sorter`` that is not of integers.
        IndexOutOfBoundsError: if ``sorter`` has an index that ``x1`` does not have.

    Source: Python array API standard, ``searchsorted``.

    Example:
        >>> tl.searchsorted(tl.asarray([1.0, 3.0, 5.0]), tl.asarray([0.0, 3.0, 4.0])).tolist()
        [0, 1, 2]
    """
    if side not in ("left", "right"):
        raise ArgumentError("searchsorted", "side 'left' or 'right'", short_repr(side))
    device = device_of((x1, x2))
    row = as_tensor(x1, "searchsorted", device)
    elements = x2 if is_scalar(x2) else as_tensor(x2, "searchsorted", device)
    common_backend("searchsorted", [x for x in (row, elements) if isinstance(x, Tensor)])
    if row.ndim != 1:
        raise ShapeError("searchsorted", "a sorted vector", f"shape {row.shape}")
    common = _common_dtype("searchsorted", row, elements)
    order = None if sorter is None else _checked_sorter(sorter, row.shape)
    numpy_side: Any = side  # NumPy's types accept only literals
    ordered = on_host("searchsorted", row).astype(common)
    if isinstance(elements, Tensor):
        inserted = on_host("searchsorted", elements).astype(common)
    else:
        inserted = exact_array(elements, common)
    found = np.searchsorted(ordered, inserted, numpy_side, order)
    return asarray(np.asarray(found, np.int64), device=row.device)


def _checked_sorter(sorter: Any, shape: shapes.Shape) -> np.ndarray[Any, Any]:
    order = integers_on_host("searchsorted", "a sorter", sorter)
    if order.shape != shape:
        raise ShapeError("searchsorted", f"a sorter of shape {shape}", str(order.shape))
    if order.size and (order.min() < 0 or order.max() >= order.size):
        given = f"from {order.min()} to {order.max()}"
        raise IndexOutOfBoundsError("searchsorted", f"a sorter of numbers from 0 to {order.size - 1}", given)
    return order.astype(np.int64)
