"""Tensors put together, taken apart, and repeated."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab import autodiff, shapes
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError
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
    """Joined along an axis that exists; flattened first if it is None.

    Raises:
        ShapeError: if the other axes differ.
        DTypeError: if the dtypes have no common type.

    Source: Python array API standard, ``concat``.
    """
    given = sequence("concat", arrays)
    if not given:
        raise ShapeError("concat", "at least one tensor", "none")
    tensors = together("concat", *given)
    if axis is None:
        tensors, axis = [reshape(tensor, (-1,)) for tensor in tensors], 0
    place = shapes.normalize_axis("concat", axis, tensors[0].ndim)
    rests = {tensor.shape[:place] + tensor.shape[place + 1 :] for tensor in tensors}
    if len(rests) > 1 or len({tensor.ndim for tensor in tensors}) > 1:
        received = " and ".join(str(tensor.shape) for tensor in tensors)
        raise ShapeError("concat", f"shapes that differ along axis {place} only", received)
    backend = tensors[0]._backend
    result = Tensor(backend.concatenate([tensor._buffer for tensor in tensors], place), backend)
    if autodiff.recording() and result.dtype.kind == "f":
        ends = np.cumsum([tensor.shape[place] for tensor in tensors]).tolist()
        before = (slice(None),) * place

        def part(start: int, end: int) -> autodiff.Vjp:
            return lambda g: getitem(g, (*before, slice(start, end)))

        autodiff.record(tensors, (result,), [part(s, e) for s, e in zip([0, *ends], ends, strict=False)])
    return result


def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Tensor:
    """`concat` under NumPy's name."""
    return concat(arrays, axis=axis)


def stack(arrays: Sequence[Any], /, axis: int = 0) -> Tensor:
    """Joined along a new axis.

    Raises:
        ShapeError: if the shapes differ.
        DTypeError: if the dtypes have no common type.

    Source: Python array API standard, ``stack``.
    """
    given = sequence("stack", arrays)
    tensors = together("stack", *given) if given else ()
    if len({tensor.shape for tensor in tensors}) != 1:
        received = " and ".join(str(tensor.shape) for tensor in tensors) or "none"
        raise ShapeError("stack", "at least one tensor, all of one shape", received)
    return concat([expand_dims(tensor, axis=axis) for tensor in tensors], axis=axis)


def unstack(x: Any, /, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts along an axis, which they do not have; views.

    Raises:
        ShapeError: for an axis that is out of range.

    Source: Python array API standard, ``unstack``.
    """
    tensor = as_tensor(x, "unstack")
    before = (slice(None),) * shapes.normalize_axis("unstack", axis, tensor.ndim)
    with autodiff.no_grad():
        parts = tuple(getitem(tensor, (*before, place)) for place in range(tensor.shape[len(before)]))
    if parts and autodiff.recording() and tensor.dtype.kind == "f":
        # One entry for all of them: a gradient for each part would be as large as the whole.
        def vjp(*flowing: Tensor | None) -> Tensor:
            zeros = parts[0].like(np.zeros(parts[0].shape))
            return stack([zeros if part is None else part for part in flowing], axis=len(before))

        autodiff.record((tensor,), parts, (vjp,))
    return parts


def flip(x: Any, /, axis: int | Sequence[int] | None = None) -> Tensor:
    """Reversed along the given axes, or along all of them; a view.

    Source: Python array API standard, ``flip``.
    """
    tensor = as_tensor(x, "flip")
    axes = shapes.normalize_axes("flip", axis, tensor.ndim)
    return getitem(tensor, tuple(slice(None, None, -1 if place in axes else 1) for place in range(tensor.ndim)))


def roll(x: Any, /, shift: int | Sequence[int], axis: int | Sequence[int] | None = None) -> Tensor:
    """Moved on by ``shift`` places, what falls off the end coming in at the start.

    Args:
        x: a tensor or an array.
        shift: how many places; negative ones go the other way. One number, or one for each axis.
        axis: along which axes; None for the flattened tensor.

    Raises:
        ShapeError: if there are not as many shifts as axes, or an axis is out of range.
        ArgumentTypeError: for a shift that is not a whole number.

    Source: Python array API standard, ``roll``.
    """
    tensor = as_tensor(x, "roll")
    try:
        parts: Sequence[Any] = shift if isinstance(shift, (tuple, list)) else [shift]
        shifts = [operator.index(part) for part in parts]
    except TypeError:
        raise ArgumentTypeError("roll", "shifts of whole numbers", repr(shift)) from None
    if axis is None:
        return reshape(roll(reshape(tensor, (-1,)), builtins.sum(shifts), axis=0), tensor.shape)
    given = axis if isinstance(axis, (tuple, list)) else [axis]
    axes = [shapes.normalize_axis("roll", place, tensor.ndim) for place in given]
    if not isinstance(shift, (tuple, list)):
        shifts *= len(axes)
    if len(shifts) != len(axes):
        raise ShapeError("roll", f"as many shifts as axes, {len(axes)}", str(shift))
    for place, count in zip(axes, shifts, strict=True):
        length = tensor.shape[place]
        if length and count % length:
            before, cut = (slice(None),) * place, length - count % length
            ends = [getitem(tensor, (*before, part)) for part in (slice(cut, None), slice(cut))]
            tensor = concat(ends, axis=place)
    return tensor


def tile(x: Any, repetitions: Any, /) -> Tensor:
    """Repeated ``repetitions[k]`` times along axis ``k``, as a whole.

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
    """Every element, or every part along ``axis``, repeated beside itself.

    Args:
        x: a tensor or an array.
        repeats: how often; one number, or one for each part.
        axis: along which axis; None for the flattened tensor.

    Raises:
        ShapeError: if there are not as many numbers as parts.
        DTypeError: for repeats that are not whole numbers.
        ArgumentError: for a negative number.

    Source: Python array API standard, ``repeat``.
    """
    tensor = as_tensor(x, "repeat")
    if axis is None:
        tensor, axis = reshape(tensor, (-1,)), 0
    place = shapes.normalize_axis("repeat", axis, tensor.ndim)
    length = tensor.shape[place]
    counts = integers_on_host("repeat", "repeats", repeats)
    if counts.ndim > 1 or counts.size not in (1, length):
        raise ShapeError("repeat", f"one number, or one for each of {length} parts", f"repeats of shape {counts.shape}")
    if (counts < 0).any():
        raise ArgumentError("repeat", "repeats of at least 0", str(counts.min()))
    if counts.size == 1:  # no array of indices, and the gradient is a sum
        count, before, after = int(counts.item()), tensor.shape[: place + 1], tensor.shape[place + 1 :]
        spread = broadcast_to(reshape(tensor, (*before, 1, *after)), (*before, count, *after))
        return reshape(spread, (*before[:-1], length * count, *after))
    return take(tensor, np.repeat(np.arange(length), counts), axis=place)
