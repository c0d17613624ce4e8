"""Join, split, reverse, roll and repeat tensors."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab import autodiff, shapes
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError, short_repr
from tensorlab.ops.broadcasting import broadcast_to
from tensorlab.ops.dispatch import as_tensor, sequence, together
from tensorlab.ops.indexing import getitem, integers_on_host, take
from tensorlab.ops.shaping import expand_dims, reshape
from tensorlab.tensor import Tensor

__all__ = [
    "concat",
    "concatenate",
    "flip",
    "repeat",
    "roll",
    "stack",
    "tile",
    "unstack",
]


def concat(arrays: Sequence[Any], /, axis: int | None = 0) -> Tensor:
    """Join tensors along an existing axis, or flattened if ``axis`` is None.

    Raises:
        ShapeError: if the lengths of the other axes differ.
        DTypeError: if the dtypes have no common type.

    Source: Python array API standard, ``concat``.

    Example:
        >>> tl.concat([[1.0], [2.0, 3.0]])
        Tensor([1., 2., 3.], dtype=float32)
    """
    given = sequence("concat", arrays)
    if not given:
        raise ShapeError("concat", "at least one tensor", "none")
    tensors = together("concat", *given)
    if axis is None:
        tensors, axis = [reshape(tensor, (-1,)) for tensor in tensors], 0
    position = shapes.normalize_axis("concat", axis, tensors[0].ndim)
    rests = {tensor.shape[:position] + tensor.shape[position + 1 :] for tensor in tensors}
    if len(rests) > 1 or len({tensor.ndim for tensor in tensors}) > 1:
        received = " and ".join(str(tensor.shape) for tensor in tensors)
        raise ShapeError("concat", f"shapes that differ along axis {position} only", received)
    backend = tensors[0]._backend
    result = Tensor(backend.concatenate([tensor._buffer for tensor in tensors], position), backend)
    if autodiff.recording() and result.dtype.kind == "f":
        ends = np.cumsum([tensor.shape[position] for tensor in tensors]).tolist()
        before = (slice(None),) * position

        def part(start: int, end: int) -> autodiff.Vjp:
            return lambda g: getitem(g, (*before, slice(start, end)))

        autodiff.record(tensors, (result,), [part(s, e) for s, e in zip([0, *ends], ends, strict=False)])
    return result


def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Tensor:
    """Return `concat` of the arrays, under NumPy's name."""
    return concat(arrays, axis=axis)


def stack(arrays: Sequence[Any], /, axis: int = 0) -> Tensor:
    """Join tensors of one shape along a new axis.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the dtypes have no common type.

    Source: Python array API standard, ``stack``.

    Example:
        >>> tl.stack([tl.asarray([1.0, 2.0]), tl.asarray([3.0, 4.0])], axis=1).tolist()
        [[1.0, 3.0], [2.0, 4.0]]
    """
    given = sequence("stack", arrays)
    tensors = together("stack", *given) if given else ()
    if len({tensor.shape for tensor in tensors}) != 1:
        received = " and ".join(str(tensor.shape) for tensor in tensors) or "none"
        raise ShapeError("stack", "at least one tensor, all of one shape", received)
    return concat([expand_dims(tensor, axis=axis) for tensor in tensors], axis=axis)


def unstack(x: Any, /, axis: int = 0) -> tuple[Tensor, ...]:
    """Split a tensor along an axis into views without that axis.

    Raises:
        ShapeError: for an axis that is out of range.

    Source: Python array API standard, ``unstack``.
    """
    tensor = as_tensor(x, "unstack")
    before = (slice(None),) * shapes.normalize_axis("unstack", axis, tensor.ndim)
    with autodiff.no_grad():
        parts = tuple(getitem(tensor, (*before, position)) for position in range(tensor.shape[len(before)]))
    if parts and autodiff.recording() and tensor.dtype.kind == "f":
        # One record for all parts: with one for each, every gradient would be as large as the whole tensor.
        def vjp(*flowing: Tensor | None) -> Tensor:
            zeros = parts[0].like(np.zeros(parts[0].shape))
            return stack([zeros if part is None else part for part in flowing], axis=len(before))

        autodiff.record((tensor,), parts, (vjp,))
    return parts


def flip(x: Any, /, axis: int | Sequence[int] | None = None) -> Tensor:
    """Return a view of the tensor reversed along the given axes, or along all if ``axis`` is None.

    Source: Python array API standard, ``flip``.
    """
    tensor = as_tensor(x, "flip")
    axes = shapes.normalize_axes("flip", axis, tensor.ndim)
    return getitem(tensor, tuple(slice(None, None, -1 if position in axes else 1) for position in range(tensor.ndim)))


def roll(x: Any, /, shift: int | Sequence[int], axis: int | Sequence[int] | None = None) -> Tensor:
    """Shift the elements along axes. Elements that leave at the end enter at the start.

    Args:
        x: a tensor or an array.
        shift: by how many indices, one number or one for each axis. A negative one shifts toward the start.
        axis: the axes; None for the flattened tensor.

    Raises:
        ShapeError: if there are not as many shifts as axes, or an axis is out of range.
        ArgumentTypeError: for a shift that is not an integer.

    Source: Python array API standard, ``roll``.
    """
    tensor = as_tensor(x, "roll")
    try:
        parts: Sequence[Any] = shift if isinstance(shift, (tuple, list)) else [shift]
        shifts = [operator.index(part) for part in parts]
    except TypeError:
        raise ArgumentTypeError("roll", "integer shifts", short_repr(shift)) from None
    if axis is None:
        return reshape(roll(reshape(tensor, (-1,)), builtins.sum(shifts), axis=0), tensor.shape)
    given = axis if isinstance(axis, (tuple, list)) else [axis]
    axes = [shapes.normalize_axis("roll", position, tensor.ndim) for position in given]
    if not isinstance(shift, (tuple, list)):
        shifts *= len(axes)
    if len(shifts) != len(axes):
        raise ShapeError("roll", f"as many shifts as axes, {len(axes)}", str(shift))
    for position, count in zip(axes, shifts, strict=True):
        length = tensor.shape[position]
        if length and count % length:
            before, cut = (slice(None),) * position, length - count % length
            ends = [getitem(tensor, (*before, part)) for part in (slice(cut, None), slice(cut))]
            tensor = concat(ends, axis=position)
    return tensor


def tile(x: Any, repetitions: Any, /) -> Tensor:
    """Repeat the whole tensor ``repetitions[k]`` times along axis ``k``.

    Raises:
        ShapeError: for a negative number of repetitions.

    Source: Python array API standard, ``tile``.
    """
    tensor, counts = as_tensor(x, "tile"), shapes.as_shape("tile", repetitions)
    rank = max(tensor.ndim, len(counts))
    lengths = (1,) * (rank - tensor.ndim) + tensor.shape
    counts = (1,) * (rank - len(counts)) + counts
    pairs = list(zip(counts, lengths, strict=True))
    spread = broadcast_to(
        reshape(tensor, [part for _, n in pairs for part in (1, n)]), [p for pair in pairs for p in pair]
    )
    return reshape(spread, tuple(math.prod(pair) for pair in pairs))


def repeat(x: Any, repeats: Any, /, axis: int | None = None) -> Tensor:
    """Repeat each element, or each part along an axis: ``[a, b]`` becomes ``[a, a, b, b]``.

    Args:
        x: a tensor or an array.
        repeats: how often, one number or one for each part.
        axis: the axis; None for the flattened tensor.

    Raises:
        ShapeError: if there are not as many numbers as parts.
        DTypeError: for repeats that are not integers.
        ArgumentError: for a negative number.

    Source: Python array API standard, ``repeat``.
    """
    tensor = as_tensor(x, "repeat")
    if axis is None:
        tensor, axis = reshape(tensor, (-1,)), 0
    position = shapes.normalize_axis("repeat", axis, tensor.ndim)
    length = tensor.shape[position]
    counts = integers_on_host("repeat", "repeats", repeats)
    if counts.ndim > 1 or counts.size not in (1, length):
        raise ShapeError("repeat", f"one number, or one for each of {length} parts", f"repeats of shape {counts.shape}")
    if (counts < 0).any():
        raise ArgumentError("repeat", "repeats of at least 0", str(counts.min()))
    if counts.size == 1:  # a broadcast: no array of indices, and its gradient is a sum
        count, before, after = int(counts.item()), tensor.shape[: position + 1], tensor.shape[position + 1 :]
        spread = broadcast_to(reshape(tensor, (*before, 1, *after)), (*before, count, *after))
        return reshape(spread, (*before[:-1], length * count, *after))
    return take(tensor, np.repeat(np.arange(length), counts), axis=position)
