"""Packing: the copies of operands into the order in which a register tile reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorlab.kernels.compiler import jit
from tensorlab.kernels.memory import pointer
from tensorlab.kernels.tile import copy_vector, transpose_block


def pack_panel(dtype: Any, lanes: int) -> Callable[..., None]:
    """``pack(target, width, source, row, col, k, columns)``: columns of B, k rows of ``width`` elements, padded with 0."""
    size = dtype.bitwidth // 8
    copy = copy_vector(dtype, lanes)
    transpose = transpose_block(dtype, lanes)

    @jit
    def pack_block(target, width, source, row, col, k, columns):  # type: ignore[no-untyped-def]
        out = pointer(target, dtype)
        elements = pointer(source, dtype)
        for step in range(k):
            for j in range(columns):
                out[step * width + j] = elements[step * row + j * col]

    @jit
    def pack(target, width, source, row, col, k, columns):  # type: ignore[no-untyped-def]
        out = pointer(target, dtype)
        elements = pointer(source, dtype)
        whole = columns - columns % lanes if row == 1 or col == 1 else 0
        if col == 1:
            for step in range(k):
                for j in range(0, whole, lanes):
                    copy(out, step * width + j, elements, step * row + j)
        elif whole > 0:
            even = k - k % lanes
            for step in range(0, even, lanes):
                for j in range(0, whole, lanes):
                    from_here = pointer(source + (step + j * col) * size, dtype)
                    transpose(pointer(target + (step * width + j) * size, dtype), width, from_here, col)
            pack_block(target + even * width * size, width, source + even * size, row, col, k - even, whole)
        if whole < columns:
            pack_block(target + whole * size, width, source + whole * col * size, row, col, k, columns - whole)
            for step in range(k):
                for j in range(columns, width):
                    out[step * width + j] = 0
    return pack


def pack_rows(dtype: Any, rows: int) -> Callable[..., None]:
    """``task(chunk, target, tiles, a, row, col, m, k)``: some tiles of ``rows`` rows of A, one after the other.

    A tile takes ``rows * k`` elements, those of one column together. Rows that A does not have stay unwritten.
    """
    size = dtype.bitwidth // 8
    copy = copy_vector(dtype, rows)

    @jit
    def task(chunk, target, tiles, a, row, col, m, k):  # type: ignore[no-untyped-def]
        for first in range(chunk * tiles * rows, min((chunk + 1) * tiles * rows, m), rows):
            out = pointer(target + first * k * size, dtype)
            elements = pointer(a + first * row * size, dtype)
            if row == 1 and m - first >= rows:
                for step in range(k):
                    copy(out, step * rows, elements, step * col)
            else:
                for step in range(k):
                    for i in range(min(rows, m - first)):
                        out[step * rows + i] = elements[i * row + step * col]

    return task
