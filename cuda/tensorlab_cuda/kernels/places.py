"""The source text that converts a flat index to offsets in memory.

Lengths and strides are parameters of a kernel; the number of axes is fixed in its text. The cost is in the divisions:
in 64 bits they take several times as long as in 32 bits, which suffice to count the elements of most arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab_cuda.layout import Shape


def counter(*shapes: Shape) -> type[np.generic]:
    """Return the type in which the elements of arrays of these shapes are counted."""
    return np.uint32 if max(map(math.prod, shapes)) < 1 << 32 else np.uint64


def names(prefix: str, axes: int) -> list[str]:
    """Return the names of the parameters for lengths, or for the strides of an array."""
    return [f"{prefix}{axis}" for axis in range(axes)]


def unravel(index: str, lengths: str, axes: int, places: dict[str, str], indent: str) -> str:
    """Return the text that adds the strides for a flat index to each offset. It overwrites ``rest`` and ``along``.

    Args:
        index: the flat index, an expression.
        lengths: the prefix of the parameters for the lengths.
        axes: the number of axes.
        places: the names of the offset variables, each with the prefix of its strides.
        indent: the indentation of each line.
    """
    lines = [f"rest = count_type({index})"] if axes else []
    for axis in range(axes - 1, 0, -1):
        length = f"count_type({lengths}{axis})"
        lines.append(f"along = int64(rest % {length})")
        lines.append(f"rest = count_type(rest // {length})")
        lines += [f"{place} += along * {strides}{axis}" for place, strides in places.items()]
    if axes:  # the first axis, often the only one, needs no division
        lines += [f"{place} += int64(rest) * {strides}0" for place, strides in places.items()]
    return "".join(f"{indent}{line}\n" for line in lines)


def arguments(lengths: Sequence[int], arrays: Sequence[tuple[int, Sequence[int]]]) -> list[Any]:
    """Return the arguments of a kernel: the lengths, then the address and the strides of each array."""
    given = list(lengths)
    for address, strides in arrays:
        given += (address, *strides)
    return given
