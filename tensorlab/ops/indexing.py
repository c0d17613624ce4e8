"""Indexing by slices, integers, integer arrays and masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import shapes
from tensorlab.errors import (
    ArgumentTypeError,
    DTypeError,
    IndexOutOfBoundsError,
    ShapeError,
    TensorlabError,
    short_repr,
)
from tensorlab.ops.dispatch import as_tensor, on_host
from tensorlab.ops.shaping import recorded
from tensorlab.tensor import Tensor

__all__ = [
    "take",
    "take_along_axis",
]


def getitem(x: Any, index: Any, who: str = "index") -> Tensor:
    """Return ``x[index]``, for slices, integers, None, ``...``, integer arrays and masks, as in NumPy.

    Raises:
        IndexOutOfBoundsError: for an index outside of its axis, or more indices than axes.
        ArgumentTypeError: for something that is not an index.
    """
    tensor = x if type(x) is Tensor else as_tensor(x, who)
    plain = index if type(index) is slice else plain_index(index, who)
    shape = tensor.shape  # the tape keeps the shape, not the tensor
    try:
        buffer = tensor._backend.index(tensor._buffer, plain)
    except _REFUSED as error:
        raise _refusal(who, shape, plain, error) from None
    return recorded(tensor, buffer, lambda g: scatter(g, shape, plain))


def scatter(values: Tensor, shape: shapes.Shape, index: Any) -> Tensor:
    """Return zeros of a shape with values added at an index: the gradient of indexing."""
    buffer = values._backend.scatter_add(shape, index, values._buffer)
    return recorded(values, buffer, lambda g: getitem(g, index))


def selected_shape(x: Tensor, plain: Any, who: str) -> shapes.Shape:
    """Return the shape of ``x[index]``. It raises what `getitem` raises."""
    try:
        shape: shapes.Shape = np.broadcast_to(np.False_, x.shape)[plain].shape
    except _REFUSED as error:
        raise _refusal(who, x.shape, plain, error) from None
    return shape


_REFUSED = (IndexError, OverflowError, TypeError, ValueError)


def _refusal(who: str, shape: shapes.Shape, index: Any, error: Exception) -> TensorlabError:
    """Return the error of tensorlab for what NumPy says is wrong with an index."""
    if isinstance(error, (IndexError, OverflowError)):
        return IndexOutOfBoundsError(who, f"indices that fit shape {shape}", _show(index), str(error))
    return ArgumentTypeError(who, "slices of integers with a step", short_repr(index), str(error))


def plain_index(index: Any, who: str = "index") -> Any:
    """Return an index with tensors and lists converted to NumPy arrays, and arrays copied, as a tape may keep them.

    Raises:
        DTypeError: for an array that is neither of integers nor of bools.
        ArgumentTypeError: for something that is not an index.
    """
    if isinstance(index, tuple):
        return tuple(plain_index(part, who) for part in index)
    if isinstance(index, (Tensor, np.ndarray, list)):
        empty = isinstance(index, list) and not index  # which would be an array of floats
        host = on_host("indexing by a tensor", index.snapshot()) if isinstance(index, Tensor) else index
        try:
            array = _signed(np.array(host, np.int64 if empty else None))
        except (ValueError, TypeError):
            raise ArgumentTypeError(who, "a list of numbers, or of lists of one length", short_repr(index)) from None
        if array.dtype.kind not in "biu":
            raise DTypeError(who, "integers or a mask of bools", f"an array of {array.dtype}")
        return array if array.ndim or array.dtype.kind == "b" else int(array)
    if index is None or index is Ellipsis or isinstance(index, (slice, int, np.integer, np.bool_)):
        return index
    raise ArgumentTypeError(who, "slices, numbers, None, ... or arrays", short_repr(index))


def _show(index: Any) -> str:
    if isinstance(index, tuple):
        return ", ".join(map(_show, index))
    return np.array2string(index, threshold=6) if isinstance(index, np.ndarray) else short_repr(index)


def integers_on_host(who: str, what: str, value: Any) -> np.ndarray[Any, Any]:
    """Convert an argument to an array of integers on the host. An empty list, which has no dtype, counts as integers.

    Raises:
        DTypeError: for another dtype.
    """
    array = on_host(who, value) if isinstance(value, Tensor) else as_tensor(value, who, "cpu").numpy()
    if isinstance(value, (list, tuple)) and not array.size:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise DTypeError(who, f"{what} of integers", str(array.dtype))
    return _signed(array)


def _signed(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Convert uint64 indices to int64. Those that are too large stay out of bounds, and do not become negative."""
    return np.minimum(array, np.uint64(2**63 - 1)).astype(np.int64) if array.dtype == np.uint64 else array


def take(x: Any, indices: Any, /, axis: int | None = None) -> Tensor:
    """Return the elements, or sub-tensors, at the given indices along an axis. -1 is the last.

    Raises:
        IndexOutOfBoundsError: for an index outside of the axis.
        DTypeError: for indices that are not integers.
        ShapeError: if ``axis`` is None and ``x`` has more than one.

    Source: Python array API standard, ``take``.

    Example:
        >>> tl.take(tl.asarray([10.0, 20.0, 30.0]), tl.asarray([2, 0])).tolist()
        [30.0, 10.0]
    """
    tensor = as_tensor(x, "take")
    if axis is None and tensor.ndim != 1:
        raise ShapeError("take", "an axis for a tensor with several axes", f"shape {tensor.shape}")
    position = shapes.normalize_axis("take", 0 if axis is None else axis, tensor.ndim)
    chosen = list(indices) if isinstance(indices, tuple) else indices
    return getitem(tensor, (*(slice(None),) * position, chosen), "take")


def take_along_axis(x: Any, indices: Any, /, axis: int = -1) -> Tensor:
    """Return ``y[…, i, …] = x[…, indices[…, i, …], …]``, with ``i`` along an axis, for indices such as `argsort` gives.

    Args:
        x: a tensor or an array.
        indices: integers, of the same rank as ``x``. The other axes broadcast. -1 is the last element.
        axis: the axis.

    Raises:
        IndexOutOfBoundsError: for an index outside of the axis.
        DTypeError: for indices that are not integers.
        ShapeError: for different ranks, or lengths that do not broadcast.

    Source: Python array API standard, ``take_along_axis``.
    """
    tensor, chosen = as_tensor(x, "take_along_axis"), integers_on_host("take_along_axis", "indices", indices)
    if chosen.ndim != tensor.ndim:
        given = f"shapes {tensor.shape} and {chosen.shape}"
        raise ShapeError("take_along_axis", "a tensor and indices of one rank", given)
    along = shapes.normalize_axis("take_along_axis", axis, tensor.ndim)
    lengths = [shape[:along] + shape[along + 1 :] for shape in (tensor.shape, chosen.shape)]
    shapes.broadcast("take_along_axis", lengths, of=(tensor.shape, chosen.shape))
    grid = np.ogrid[tuple(slice(length) for length in tensor.shape)]
    return getitem(tensor, tuple(chosen if axis == along else run for axis, run in enumerate(grid)), "take_along_axis")
