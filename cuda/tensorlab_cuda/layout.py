"""`Layout`: the shape, strides and offset of an array in flat memory, in elements."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = tuple[int, ...]


def dense_strides(shape: Shape) -> Shape:
    """Return the strides of a dense array in C order."""
    return tuple(itertools.accumulate(reversed(shape[1:]), operator.mul, initial=1))[::-1] if shape else ()


def is_view_index(index: Any) -> bool:
    """Return whether an index, or one part of it, selects a view."""
    if isinstance(index, tuple):
        return all(map(is_view_index, index))
    if isinstance(index, bool):  # a mask
        return False
    return index is None or index is Ellipsis or isinstance(index, (slice, int, np.integer))


@dataclass(frozen=True, slots=True)
class Layout:
    """Element ``(i, j, ...)`` is at ``offset + i * strides[0] + j * strides[1] + ...``."""

    shape: Shape
    strides: Shape
    offset: int = 0

    @staticmethod
    def dense(shape: Shape, offset: int = 0) -> Layout:
        """Return the dense layout of a shape in C order."""
        return Layout(shape, dense_strides(shape), offset)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def is_dense(self) -> bool:
        """Whether the elements are dense and in C order."""
        pairs = zip(self.shape, self.strides, dense_strides(self.shape), strict=True)
        return self.size == 0 or all(length == 1 or step == wanted for length, step, wanted in pairs)

    def permute(self, axes: Sequence[int]) -> Layout:
        """Return the layout with its axes in another order."""
        return Layout(tuple(self.shape[a] for a in axes), tuple(self.strides[a] for a in axes), self.offset)

    def broadcast_to(self, shape: Shape) -> Layout:
        """Return the layout broadcast to a shape, with strides of 0 along axes of length 1 and new leading axes."""
        own = tuple(0 if had == 1 else step for had, step in zip(self.shape, self.strides, strict=True))
        return Layout(shape, (0,) * (len(shape) - len(own)) + own, self.offset)

    def index(self, index: Any) -> Layout:
        """Return the layout of the view that an index of slices, integers, None and ``...`` selects.

        Raises:
            IndexError: for an integer out of bounds, or more indices than axes.
        """
        parts = index if isinstance(index, tuple) else (index,)
        used = sum(part is not None and part is not Ellipsis for part in parts)
        if parts.count(Ellipsis) > 1:
            raise IndexError("an index can only have a single ellipsis ('...')")
        if used > len(self.shape):
            raise IndexError(f"too many indices: {used} for {len(self.shape)} axes")
        if Ellipsis not in parts:
            parts = (*parts, Ellipsis)
        place = parts.index(Ellipsis)
        rest = (slice(None),) * (len(self.shape) - used)
        shape, strides, offset, axis = [], [], self.offset, 0
        for part in (*parts[:place], *rest, *parts[place + 1 :]):
            if part is None:
                shape.append(1)
                strides.append(0)
                continue
            length, step = self.shape[axis], self.strides[axis]
            if isinstance(part, slice):
                chosen = range(length)[part]
                shape.append(len(chosen))
                strides.append(step * chosen.step)
                offset += step * chosen.start if len(chosen) else 0
            else:
                if not -length <= part < length:
                    raise IndexError(f"index {part} is out of bounds for axis {axis} with size {length}")
                offset += step * (int(part) % length)
            axis += 1
        return Layout(tuple(shape), tuple(strides), offset)


def rows_are_runs(layout: Layout) -> bool:
    """Return whether the elements of a row of a matrix are closer together in memory than those of a column."""
    down, along = (abs(step) for step in layout.strides[-2:])
    return along <= down


def merge_axes(shape: Shape, strides: Sequence[Shape]) -> tuple[Shape, list[Shape]]:
    """Merge the axes of several arrays of one shape as far as all their strides allow; at least one is left.

    Axes that are contiguous in every array become one; axes of length 1 are removed.
    """
    axes: list[tuple[int, tuple[int, ...]]] = []
    for length, *steps in zip(shape, *strides, strict=True):
        if length == 1:
            continue
        if axes and all(outer == step * length for outer, step in zip(axes[-1][1], steps, strict=True)):
            axes[-1] = (axes[-1][0] * length, tuple(steps))
        else:
            axes.append((length, tuple(steps)))
    if not axes:
        return (1,), [(0,) for _ in strides]
    return tuple(length for length, _ in axes), list(zip(*(steps for _, steps in axes), strict=True))
