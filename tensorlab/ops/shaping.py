"""Moving elements without computing on them: shapes, axes, indexing, joining."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab import autodiff, shapes
from tensorlab.errors import ArgumentTypeError, DTypeError, IndexOutOfBoundsError, ShapeError
from tensorlab.ops.broadcasting import broadcast_to
from tensorlab.ops.dispatch import as_tensor, common_backend
from tensorlab.tensor import Tensor, from_buffer_of

__all__ = [
    "concat",
    "concatenate",
    "expand_dims",
    "flip",
    "matrix_transpose",
    "permute_dims",
    "reshape",
    "squeeze",
    "stack",
    "take",
    "tile",
    "transpose",
]


def _recorded(x: Tensor, buffer: Any, vjp: autodiff.Vjp) -> Tensor:
    result = from_buffer_of(x, buffer)
    if autodiff.recording() and x.dtype.kind == "f":
        autodiff.record((x,), (result,), (vjp,))
    return result


def reshape(x: Any, shape: Any) -> Tensor:
    """The same elements, in C order, in another shape; one length may be -1.

    Raises:
        ShapeError: if the number of elements does not fit.
    """
    tensor = as_tensor(x, "reshape")
    lengths = shapes.resolve_reshape("reshape", shape, tensor.size, tensor.shape)
    if lengths == tensor.shape:
        return tensor
    return _recorded(tensor, tensor._backend.reshape(tensor._buffer, lengths), lambda g: reshape(g, tensor.shape))


def permute_dims(x: Any, axes: Sequence[int]) -> Tensor:
    """The axes in another order.

    Raises:
        ShapeError: unless ``axes`` names each axis once.
    """
    tensor = as_tensor(x, "permute_dims")
    order = tuple(shapes.normalize_axis("permute_dims", axis, tensor.ndim) for axis in axes)
    if sorted(order) != list(range(tensor.ndim)):
        raise ShapeError("permute_dims", f"each of {tensor.ndim} axes once", str(tuple(axes)))
    inverse = tuple(int(axis) for axis in np.argsort(order))
    return _recorded(tensor, tensor._backend.permute(tensor._buffer, order), lambda g: permute_dims(g, inverse))


def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """The axes reversed, or in the given order."""
    tensor = as_tensor(x, "transpose")
    return permute_dims(tensor, tuple(reversed(range(tensor.ndim))) if axes is None else axes)


def matrix_transpose(x: Any) -> Tensor:
    """The last two axes exchanged.

    Raises:
        ShapeError: for fewer than two axes.
    """
    tensor = as_tensor(x, "matrix_transpose")
    if tensor.ndim < 2:
        raise ShapeError("matrix_transpose", "at least two axes", f"shape {tensor.shape}")
    return swap_last(tensor)


def swap_last(x: Tensor) -> Tensor:
    """The last two axes exchanged, of a tensor that has them."""
    rank = x.ndim
    return _recorded(x, x._backend.permute(x._buffer, (*range(rank - 2), rank - 1, rank - 2)), swap_last)


def expand_dims(x: Any, *, axis: int = 0) -> Tensor:
    """A new axis of length 1 at ``axis``."""
    tensor = as_tensor(x, "expand_dims")
    place = shapes.normalize_axis("expand_dims", axis, tensor.ndim + 1)
    return reshape(tensor, (*tensor.shape[:place], 1, *tensor.shape[place:]))


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Tensor:
    """Without the given axes of length 1, or without all of them.

    Raises:
        ShapeError: if a given axis has another length.
    """
    tensor = as_tensor(x, "squeeze")
    if axis is None:
        axes = tuple(place for place, length in enumerate(tensor.shape) if length == 1)
    else:
        axes = shapes.normalize_axes("squeeze", axis, tensor.ndim)
    if any(tensor.shape[place] != 1 for place in axes):
        raise ShapeError("squeeze", "axes of length 1", f"axes {axes} of shape {tensor.shape}")
    return reshape(tensor, tuple(length for place, length in enumerate(tensor.shape) if place not in axes))


def flip(x: Any, *, axis: int | Sequence[int] | None = None) -> Tensor:
    """Reversed along the given axes, or along all of them."""
    tensor = as_tensor(x, "flip")
    axes = shapes.normalize_axes("flip", axis, tensor.ndim)
    return getitem(tensor, tuple(slice(None, None, -1 if place in axes else 1) for place in range(tensor.ndim)))


def concat(arrays: Sequence[Any], *, axis: int | None = 0) -> Tensor:
    """Joined along an axis that exists; flattened first if it is None.

    Raises:
        ShapeError: if the other axes differ.
        DTypeError: if the dtypes have no common type.
    """
    from tensorlab import dtypes

    tensors = [as_tensor(array, "concat") for array in arrays]
    if not tensors:
        raise ShapeError("concat", "at least one tensor", "none")
    if axis is None:
        tensors, axis = [reshape(tensor, (-1,)) for tensor in tensors], 0
    place = shapes.normalize_axis("concat", axis, tensors[0].ndim)
    rests = {tensor.shape[:place] + tensor.shape[place + 1 :] for tensor in tensors}
    if len(rests) > 1 or len({tensor.ndim for tensor in tensors}) > 1:
        given = " and ".join(str(tensor.shape) for tensor in tensors)
        raise ShapeError("concat", f"shapes that differ along axis {place} only", given)
    common = dtypes.result_type("concat", [tensor.dtype for tensor in tensors], [])
    tensors = [tensor.astype(common) for tensor in tensors]
    backend = common_backend("concat", tensors)
    result = Tensor(backend.concatenate([tensor._buffer for tensor in tensors], place), backend)
    if autodiff.recording() and common.kind == "f":
        ends = np.cumsum([tensor.shape[place] for tensor in tensors]).tolist()
        before = (slice(None),) * place

        def part(start: int, end: int) -> autodiff.Vjp:
            return lambda g: getitem(g, (*before, slice(start, end)))

        autodiff.record(tensors, (result,), [part(s, e) for s, e in zip([0, *ends], ends, strict=False)])
    return result


def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Tensor:
    """`concat` under NumPy's name."""
    return concat(arrays, axis=axis)


def stack(arrays: Sequence[Any], *, axis: int = 0) -> Tensor:
    """Joined along a new axis."""
    return concat([expand_dims(as_tensor(array, "stack"), axis=axis) for array in arrays], axis=axis)


def tile(x: Any, repetitions: Any) -> Tensor:
    """Repeated ``repetitions[k]`` times along axis ``k``."""
    tensor, counts = as_tensor(x, "tile"), shapes.as_shape("tile", repetitions)
    rank = max(tensor.ndim, len(counts))
    lengths = (1,) * (rank - tensor.ndim) + tensor.shape
    counts = (1,) * (rank - len(counts)) + counts
    pairs = list(zip(counts, lengths, strict=True))
    spread = broadcast_to(
        reshape(tensor, [part for _, n in pairs for part in (1, n)]), [p for pair in pairs for p in pair]
    )
    return reshape(spread, tuple(math.prod(pair) for pair in pairs))


def getitem(x: Any, index: Any) -> Tensor:
    """``x[index]``: slices, numbers, None, ``...``, integer arrays and masks, as in NumPy.

    Raises:
        IndexOutOfBoundsError: for a number outside of its axis, or more indices than axes.
        ArgumentTypeError: for something that is not an index.
    """
    tensor = as_tensor(x, "index")
    plain = plain_index(index)
    try:
        buffer = tensor._backend.index(tensor._buffer, plain)
    except IndexError as error:
        raise IndexOutOfBoundsError(
            "index", f"indices that fit shape {tensor.shape}", _show(index), str(error)
        ) from None
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError("index", "slices of whole numbers with a step", repr(index), str(error)) from None
    return _recorded(tensor, buffer, lambda g: _scatter(g, tensor.shape, plain))


def _scatter(gradient: Tensor, shape: shapes.Shape, index: Any) -> Tensor:
    """The gradient of indexing: zeros with the gradient added where it was read."""
    buffer = gradient._backend.scatter_add(shape, index, gradient._buffer)
    return _recorded(gradient, buffer, lambda g: getitem(g, index))


def plain_index(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(plain_index(part) for part in index)
    if isinstance(index, (Tensor, np.ndarray, list)):
        array = index.numpy() if isinstance(index, Tensor) else np.asarray(index, None if len(index) else np.int64)
        if array.dtype.kind not in "biu":
            raise DTypeError("index", "integers or a mask of bools", f"an array of {array.dtype}")
        return array if array.ndim or array.dtype.kind == "b" else int(array)
    if index is None or index is Ellipsis or isinstance(index, (slice, int, np.integer, np.bool_)):
        return index
    raise ArgumentTypeError("index", "slices, numbers, None, ... or arrays", repr(index))


def _show(index: Any) -> str:
    return ", ".join(map(_show, index)) if isinstance(index, tuple) else np.array2string(np.asarray(index), threshold=6)


def take(x: Any, indices: Any, *, axis: int | None = None) -> Tensor:
    """The elements, or sub-tensors along ``axis``, at the given indices.

    Raises:
        IndexOutOfBoundsError: for an index outside of the axis.
        ShapeError: if ``axis`` is None and ``x`` has more than one.
    """
    tensor = as_tensor(x, "take")
    if axis is None and tensor.ndim != 1:
        raise ShapeError("take", "an axis, for a tensor of more than one", f"shape {tensor.shape}")
    place = shapes.normalize_axis("take", 0 if axis is None else axis, tensor.ndim)
    chosen = list(indices) if isinstance(indices, tuple) else indices
    return getitem(tensor, (*(slice(None),) * place, chosen))
