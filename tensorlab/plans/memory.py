"""The memory of a plan: one block, in which arrays that are not needed at the same time share their places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tensorlab.plans.recording import Array, Node, Operand

_LINE = 64
"""The size of a cache line in bytes. Every array starts at one."""


class Lifetime(NamedTuple):
    """The first and the last node that use the memory of an operand."""

    first: int
    last: int


def lifetimes(nodes: Sequence[Node], kept: Iterable[Operand]) -> dict[Operand, Lifetime]:
    """Return the lifetime of each array that the plan makes; that of ``kept`` ones lasts to the end."""
    found: dict[Operand, Lifetime] = {}

    def use(argument: object, index: int) -> None:
        if isinstance(argument, Operand):
            root = argument.root
            if root.kind == "made":
                found[root] = Lifetime(found[root].first if root in found else index, index)
        elif isinstance(argument, (tuple, list)):
            for item in argument:
                use(item, index)

    for index, node in enumerate(nodes):
        use(node.written, index)
        use(node.arguments, index)
    for node in nodes:
        if node.kind == "effect":  # effects follow all other nodes
            use(node.arguments, len(nodes))
    for operand in kept:
        use(operand, len(nodes))
    return found


def extent(operand: Operand) -> int:
    """Return the number of bytes from the first to the end of the last element."""
    if 0 in operand.shape:
        return 0
    steps = zip(operand.shape, operand.strides, strict=True)
    return sum((length - 1) * stride for length, stride in steps) + operand.dtype.itemsize


def placed(living: dict[Operand, Lifetime]) -> tuple[dict[Operand, int], int]:
    """Return the offset of each array in the block, and the size of the block.

    The largest arrays are placed first, each into the lowest gap among those that live at the same time.
    """
    offsets: dict[Operand, int] = {}
    total = 0
    for operand in sorted(living, key=extent, reverse=True):
        size, (first, last) = _rounded(extent(operand)), living[operand]
        taken = sorted(
            (offsets[other], offsets[other] + _rounded(extent(other)))
            for other in offsets
            if living[other].first <= last and first <= living[other].last
        )
        place = 0
        for start, end in taken:
            if place + size <= start:
                break
            place = max(place, end)
        offsets[operand] = place
        total = max(total, place + size)
    return offsets, total


def _rounded(size: int) -> int:
    return -(-size // _LINE) * _LINE


def block(size: int) -> Array:
    """Return memory that is aligned to a cache line."""
    memory = np.zeros(size + _LINE, np.uint8)
    start = -memory.ctypes.data % _LINE
    return memory[start : start + size]


def view(operand: Operand, memory: Array, offset: int = 0) -> Array:
    """Return an operand's array in the memory of its root, which starts at an offset."""
    return np.ndarray(operand.shape, operand.dtype, memory, offset + operand.offset, operand.strides)
