"""Packing: the copies of operands into the order in which a register tile reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from tensorlab.kernels.matmul.tile import copy_vector, transpose_block
from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.memory import pointer

# Python's allocator for threads that do not hold the interpreter's lock. An array would be freed as soon as its last
# mention has been executed, which is where its address is taken.
allocate = types.ExternalFunction("PyMem_RawMalloc", types.intp(types.uintp))
release = types.ExternalFunction("PyMem_RawFree", types.void(types.intp))


_SQUARE = 4
"""The rows and columns that are turned at once: their vectors exist on every processor."""


def pack_panel(dtype: Any, lanes: int) -> Callable[..., None]:
    """``pack(target, width, source, row, col, k, columns)``: some columns of B as k rows of ``width`` elements.

    What stands in a row behind its ``columns`` elements is finite or not, but it is only ever summed into columns that
    the result does not have.
    """
    size = dtype.bitwidth // 8
    copy = copy_vector(dtype, lanes)
    transpose = transpose_block(dtype, lanes)

    @jit
    def pack(target, width, source, row, col, k, columns):
        out = pointer(target, dtype)
        elements = pointer(source, dtype)
        dense = turned = whole = 0
        if col == 1:
            # A whole vector may be read past the end of a row, wherever B has more rows behind it.
            past = width - columns
            dense = k if past == 0 else max(k - (past + row - 1) // row, 0) if row > 0 else 0
            for step in range(dense):
                for j in range(0, width, lanes):
                    copy(out, step * width + j, elements, step * row + j)
        elif row == 1:
            turned = k - k % lanes
            whole = columns - columns % lanes
            for step in range(0, turned, lanes):
                for j in range(0, whole, lanes):
                    here = pointer(source + (step + j * col) * size, dtype)
                    transpose(pointer(target + (step * width + j) * size, dtype), width, here, col)
        for step in range(dense, k):
            for j in range(whole if step < turned else 0, columns):
                out[step * width + j] = elements[step * row + j * col]
            for j in range(columns, width):
                out[step * width + j] = 0

    return pack  # type: ignore[no-any-return]


def pack_rows(dtype: Any, rows: int) -> Callable[..., None]:
    """A task: some tiles of ``rows`` rows of a transposed A, one after the other.

    Its words are the target, how many tiles, the address of A, the elements between its columns, m, and k. A tile takes
    ``rows * k`` elements, those of one column together. The columns of A are dense, and at least ``rows`` apart.
    """
    size = dtype.bitwidth // 8
    copy = copy_vector(dtype, rows)

    def pack_rows(data, chunk):
        words = pointer(data, types.int64)
        target, tiles, a, col, m, k = words[0], words[1], words[2], words[3], words[4], words[5]
        for first in range(chunk * tiles * rows, min((chunk + 1) * tiles * rows, m), rows):
            out = pointer(target + first * k * size, dtype)
            elements = pointer(a + first * size, dtype)
            valid = min(rows, m - first)
            # The last tile may be read past the end of A, but in the last column.
            whole = k if valid == rows else k - 1
            for step in range(whole):
                copy(out, step * rows, elements, step * col)
            for step in range(whole, k):
                for i in range(valid):
                    out[step * rows + i] = elements[step * col + i]

    return pack_rows


def turn_columns(dtype: Any) -> Callable[..., None]:
    """``turn(target, stride, source, row, col, k, n)``: a few columns of B as dense ones, ``stride`` elements apart."""
    size = dtype.bitwidth // 8
    transpose = transpose_block(dtype, _SQUARE)

    @jit
    def turn(target, stride, source, row, col, k, n):
        if col == 1 and min(k, n) >= _SQUARE:
            for step in range(0, k, _SQUARE):
                for j in range(0, n, _SQUARE):  # the last square is a whole one too, over some that are done
                    i, at = min(step, k - _SQUARE), min(j, n - _SQUARE)
                    out = pointer(target + (at * stride + i) * size, dtype)
                    transpose(out, stride, pointer(source + (i * row + at) * size, dtype), row)
            return
        out, elements = pointer(target, dtype), pointer(source, dtype)
        for j in range(n):
            for step in range(k):
                out[j * stride + step] = elements[step * row + j * col]

    return turn  # type: ignore[no-any-return]
