"""Shapes and axes: how they broadcast, and how they are said to be wrong."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

from tensorlab.errors import ArgumentTypeError, ShapeError

Shape = tuple[int, ...]


MAX_RANK = 64
"""The most axes of a tensor: NumPy's."""

MAX_SIZE = 2**60 - 1
"""The most elements of a tensor: of eight bytes each, they have an address."""


def broadcast(who: str, shapes: Sequence[Shape], of: Sequence[Shape] = ()) -> Shape:
    """The shape that all of ``shapes`` broadcast to; where they are parts of others, the message shows those, ``of``.

    Raises:
        ShapeError: where two lengths of one axis differ and neither is 1.
    """
    different = set(shapes)
    different.discard(())
    if len(different) <= 1:  # equal shapes, and numbers among them
        return different.pop() if different else ()
    rank = max([*map(len, shapes)])
    result = [1] * rank
    for shape in shapes:
        for axis, length in enumerate(shape, rank - len(shape)):
            if length != 1:
                if result[axis] not in (1, length):
                    raise ShapeError(
                        who,
                        "shapes that broadcast together",
                        " and ".join(str(shape) for shape in of or shapes),
                        "aligned at the right, each two lengths must be equal or one of them 1",
                    )
                result[axis] = length
    return tuple(result)


def normalize_axis(who: str, axis: Any, rank: int) -> int:
    """``axis`` as a number from 0 to ``rank - 1``.

    Raises:
        ShapeError: if it is out of range.
        ArgumentTypeError: if it is not a whole number.
    """
    try:
        number = operator.index(axis)
    except TypeError:
        number = None
    if number is None or axis is True or axis is False:
        raise ArgumentTypeError(who, "an axis that is a whole number", repr(axis))
    if not -rank <= number < rank:
        bounds = f"an axis from {-rank} to {rank - 1}" if rank else "no axis"
        raise ShapeError(who, f"{bounds} for a tensor of rank {rank}", str(number))
    return number % rank


def normalize_axes(who: str, axis: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """Sorted axes from None (all of them), a number, or a sequence of numbers.

    Raises:
        ShapeError: if one is out of range or given twice.
    """
    if axis is None:
        return tuple(range(rank))
    if type(axis) is int and -rank <= axis < rank:  # most are
        return (axis % rank,)
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = sorted(normalize_axis(who, item, rank) for item in given)
    if len(set(axes)) != len(axes):
        raise ShapeError(who, "axes that differ", str(tuple(given)))
    return tuple(axes)


def as_shape(who: str, shape: Any) -> Shape:
    """A tuple of lengths, from a length or a sequence of lengths.

    Raises:
        ArgumentTypeError: if they are not whole numbers.
        ShapeError: if one is negative, there are more than `MAX_RANK`, or more than `MAX_SIZE` elements.
    """
    given = shape if isinstance(shape, (tuple, list)) else (shape,)
    try:
        lengths = tuple(map(operator.index, given))
    except TypeError:
        raise ArgumentTypeError(who, "a shape of whole numbers", repr(shape)) from None
    if min(lengths, default=0) < 0:
        raise ShapeError(who, "lengths of at least 0", str(lengths))
    if len(lengths) > MAX_RANK:
        raise ShapeError(who, f"at most {MAX_RANK} axes", f"{len(lengths)}")
    size = math.prod(lengths) or math.prod(filter(None, lengths))  # a length of 0 does not make the others possible
    if size > MAX_SIZE:
        raise ShapeError(who, "fewer than 2**60 elements", f"the shape {lengths}")
    return lengths


def as_length(who: str, length: Any) -> int:
    """Return one length, such as a number of classes.

    Raises:
        ArgumentTypeError: if it is not a whole number.
        ShapeError: if it is negative or too large.
    """
    if isinstance(length, (tuple, list)):
        raise ArgumentTypeError(who, "a whole number", repr(length))
    return as_shape(who, length)[0]


def as_axes(who: str, axes: Any) -> tuple[Any, ...]:
    """Return a sequence of axes as a tuple.

    Raises:
        ArgumentTypeError: if it is none.
    """
    try:
        return tuple(axes)
    except TypeError:
        raise ArgumentTypeError(who, "a sequence of axes", repr(axes)) from None


def resolve_reshape(who: str, shape: Any, size: int, received: Shape) -> Shape:
    """``shape`` with its one -1, if any, filled in from the number of elements.

    Raises:
        ShapeError: if the number of elements does not fit.
    """
    given = shape if isinstance(shape, (tuple, list)) else (shape,)
    free = given.count(-1)
    lengths = as_shape(who, tuple([1 if length == -1 else length for length in given]) if free else shape)
    rest = math.prod(lengths)
    if free == 1 and rest and size % rest == 0:
        place = given.index(-1)
        return (*lengths[:place], size // rest, *lengths[place + 1 :])
    if free or rest != size:
        raise ShapeError(who, f"a shape of {size} elements", str(tuple(given)), f"the tensor has shape {received}")
    return lengths
