"""The source text of kernels that converts a flat index to offsets in memory.

The lengths and the strides of an array are parameters of a kernel, each by itself. How many axes there are is a part
of the text, so that nothing is computed for those that are not there. Divisions are what this costs, and those of 64
bits cost several times those of 32, in which most elements can be counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab_cuda.layout import Shape


def counter(*shapes: Shape) -> type[np.generic]:
    """Return the type in which the elements of shapes are counted."""
    return np.uint32 if max(map(math.prod, shapes)) < 1 << 32 else np.uint64


def names(prefix: str, axes: int) -> list[str]:
    """Return the names of the parameters for the lengths, or for the strides of an array."""
    return [f"{prefix}{axis}" for axis in range(axes)]


def unravel(index: str, lengths: str, axes: int, places: dict[str, str], indent: str) -> str:
    """Return the text that moves each offset by its strides to a flat index; it changes ``rest``.

    Args:
        index: the flat index, an expression.
        lengths: the prefix of the parameters that have the lengths.
        axes: how many there are.
        places: names of variables that are moved, each with the prefix of its strides.
        indent: of every line.
    """
    lines = [f"rest = count_type({index})"] if axes else []
    for axis in range(axes - 1, 0, -1):
        length = f"count_type({lengths}{axis})"
        lines.append(f"along = int64(rest % {length})")
        lines.append(f"rest = count_type(rest // {length})")
        lines += [f"{place} += along * {strides}{axis}" for place, strides in places.items()]
    if axes:  # the first of them, often the only one, divides nothing
        lines += [f"{place} += int64(rest) * {strides}0" for place, strides in places.items()]
    return "".join(f"{indent}{line}\n" for line in lines)


def arguments(lengths: Sequence[int], arrays: Sequence[tuple[int, Sequence[int]]]) -> list[Any]:
    """Return the arguments of a kernel: the lengths, and then an address and the strides of each array."""
    given = list(lengths)
    for address, strides in arrays:
        given += (address, *strides)
    return given
