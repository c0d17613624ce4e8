"""Checks of shapes and axes, and broadcasting."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

from tensorlab.errors import ArgumentTypeError, ShapeError, short_repr

Shape = tuple[int, ...]


MAX_RANK = 64
"""The maximum number of axes of a tensor, as in NumPy."""

MAX_SIZE = 2**60 - 1
"""The maximum number of elements of a tensor; with eight bytes each, all have an address."""


def broadcast(who: str, shapes: Sequence[Shape], of: Sequence[Shape] = ()) -> Shape:
    """Return the shape that all ``shapes`` broadcast to; messages show the shapes ``of`` instead, if given.

    Raises:
        ShapeError: if two lengths of an axis differ and neither is 1.
    """
    different = set(shapes)
    different.discard(())
    if len(different) <= 1:  # equal shapes, or shape ()
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
    """Return ``axis`` as an integer from 0 to ``rank - 1``.

    Raises:
        ShapeError: if it is out of range.
        ArgumentTypeError: if it is not an integer.
    """
    try:
        number = operator.index(axis)
    except TypeError:
        number = None
    if number is None or axis is True or axis is False:
        raise ArgumentTypeError(who, "an integer axis", short_repr(axis))
    if not -rank <= number < rank:
        bounds = f"an axis from {-rank} to {rank - 1}" if rank else "no axis"
        raise ShapeError(who, f"{bounds} for a tensor of rank {rank}", short_repr(number))
    return number % rank


def normalize_axes(who: str, axis: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """Return sorted axes from an integer, a sequence of integers, or None for all axes.

    Raises:
        ShapeError: if an axis is out of range or given twice.
    """
    if axis is None:
        return tuple(range(rank))
    if type(axis) is int and -rank <= axis < rank:  # the common case
        return (axis % rank,)
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = sorted(normalize_axis(who, item, rank) for item in given)
    if len(set(axes)) != len(axes):
        raise ShapeError(who, "axes that differ", short_repr(tuple(given)))
    return tuple(axes)


def items_of(shape: Any) -> Sequence[Any]:
    """Return the items of a shape: of a sequence, a vector, or a single length."""
    if isinstance(shape, (tuple, list)):
        return shape
    return tuple(shape) if getattr(shape, "ndim", 0) == 1 else (shape,)


def as_shape(who: str, shape: Any) -> Shape:
    """Return a tuple of lengths from a length or a sequence of lengths.

    Raises:
        ArgumentTypeError: if a length is not an integer.
        ShapeError: if a length is negative, or there are more than `MAX_RANK` axes or `MAX_SIZE` elements.
    """
    given = items_of(shape)
    try:
        lengths = tuple(map(operator.index, given))
    except TypeError:
        raise ArgumentTypeError(who, "a shape of integers", short_repr(shape)) from None
    if min(lengths, default=0) < 0:
        raise ShapeError(who, "lengths of at least 0", short_repr(lengths))
    if len(lengths) > MAX_RANK:
        raise ShapeError(who, f"at most {MAX_RANK} axes", f"{len(lengths)}")
    size = math.prod(lengths) or math.prod(filter(None, lengths))  # a length of 0 must not hide too large others
    if size > MAX_SIZE:
        raise ShapeError(who, "fewer than 2**60 elements", f"the shape {short_repr(lengths)}")
    return lengths


def as_length(who: str, length: Any) -> int:
    """Return a single length, such as a number of classes.

    Raises:
        ArgumentTypeError: if it is not an integer.
        ShapeError: if it is negative or too large.
    """
    if isinstance(length, (tuple, list)):
        raise ArgumentTypeError(who, "an integer", short_repr(length))
    return as_shape(who, length)[0]


def as_axes(who: str, axes: Any) -> tuple[Any, ...]:
    """Return a sequence of axes as a tuple.

    Raises:
        ArgumentTypeError: if it is not a sequence.
    """
    try:
        return tuple(axes)
    except TypeError:
        raise ArgumentTypeError(who, "a sequence of axes", short_repr(axes)) from None


def resolve_reshape(who: str, shape: Any, size: int, received: Shape) -> Shape:
    """Return ``shape`` with its -1, if any, replaced by the length that gives ``size`` elements.

    Raises:
        ShapeError: if the number of elements does not fit.
    """
    given = items_of(shape)
    free = given.count(-1)
    lengths = as_shape(who, tuple([1 if length == -1 else length for length in given]) if free else shape)
    rest = math.prod(lengths)
    if free == 1 and rest and size % rest == 0:
        unknown = given.index(-1)
        return (*lengths[:unknown], size // rest, *lengths[unknown + 1 :])
    if free or rest != size:
        raise ShapeError(who, f"a shape of {size} elements", str(tuple(given)), f"the tensor has shape {received}")
    return lengths
