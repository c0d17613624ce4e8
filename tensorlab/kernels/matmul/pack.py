"""Copy operands into the order in which a register tile reads them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from numba import types

from tensorlab.kernels.matmul.elements import element
from tensorlab.kernels.matmul.job import Packing
from tensorlab.kernels.matmul.tile import copy_vector, transpose_block
from tensorlab.kernels.matmul.tile_shape import half_lanes
from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.memory import pointer
from tensorlab.kernels.runtime.records import record_at

# CPython's allocator for threads without the GIL. A NumPy array would not do: Numba frees it after the last use of its
# name, which is the expression that takes its address.
allocate = types.ExternalFunction("PyMem_RawMalloc", types.intp(types.uintp))
release = types.ExternalFunction("PyMem_RawFree", types.void(types.intp))


SQUARE = 4
"""The rows and columns that are transposed at once. Every processor has vectors of this length."""


def pack_panel(dtype: Any, lanes: int) -> Callable[..., None]:
    """Return ``pack(target, width, source, row, col, k, columns)``, which copies ``columns`` columns of B to a panel.

    The panel has k rows of ``width`` elements: whole vectors, or half a vector. The elements after the first
    ``columns`` of a row are arbitrary, because they only contribute to columns outside of the result.
    """
    size = dtype.bitwidth // 8
    copy, copy_half = copy_vector(dtype, lanes), copy_vector(dtype, half_lanes(lanes))
    transpose = transpose_block(dtype, lanes)

    @jit
    def pack(target, width, source, row, col, k, columns):
        out = pointer(target, dtype)
        elements = pointer(source, dtype)
        dense = transposed = whole = 0
        if col == 1:
            # Reading a whole vector past the end of a row is safe if enough rows of B follow.
            past = width - columns
            dense = k if past == 0 else max(k - (past + row - 1) // row, 0) if row > 0 else 0
            for step in range(dense):
                for j in range(0, width - lanes + 1, lanes):
                    copy(out, step * width + j, elements, step * row + j)
                if width < lanes:
                    copy_half(out, step * width, elements, step * row)
        elif row == 1:
            transposed = k - k % lanes
            whole = columns - columns % lanes
            for step in range(0, transposed, lanes):
                for j in range(0, whole, lanes):
                    here = pointer(source + (step + j * col) * size, dtype)
                    transpose(pointer(target + (step * width + j) * size, dtype), width, here, col)
        for step in range(dense, k):
            for j in range(whole if step < transposed else 0, columns):
                out[step * width + j] = elements[step * row + j * col]
            for j in range(columns, width):
                out[step * width + j] = 0

    return pack  # type: ignore[no-any-return]


def pack_rows(dtype: Any, rows: int) -> Callable[..., None]:
    """Return the task that packs some tiles of ``rows`` rows of a transposed A, whose data is a `Packing`."""
    size = dtype.bitwidth // 8
    copy = copy_vector(dtype, rows)

    def pack_rows(data, chunk):
        job = record_at(data, Packing)
        k, col = job.k, job.a.column
        for first in range(chunk * job.tiles * rows, min((chunk + 1) * job.tiles * rows, job.m), rows):
            valid = min(rows, job.m - first)
            for start in range(0, k, job.depth):
                steps = min(job.depth, k - start)
                out = pointer(job.target + (start * job.rows + first * steps) * size, dtype)
                elements = pointer(element(job.a, size, first, start), dtype)
                # A whole vector of the last tile reads past the last row, into the next column of A. In the last column
                # it would read past the end of A.
                whole = steps if valid == rows or start + steps < k else steps - 1
                for step in range(whole):
                    copy(out, step * rows, elements, step * col)
                for step in range(whole, steps):
                    for i in range(valid):
                        out[step * rows + i] = elements[step * col + i]

    return pack_rows


@functools.cache
def pack_columns(dtype: Any) -> Callable[..., None]:
    """Return ``pack(target, stride, source, row, col, k, n)``, which copies n columns of B to contiguous memory.

    The copied columns are ``stride`` elements apart.
    """
    size = dtype.bitwidth // 8
    transpose = transpose_block(dtype, SQUARE)

    @jit
    def pack(target, stride, source, row, col, k, n):
        if col == 1 and min(k, n) >= SQUARE:
            for step in range(0, k, SQUARE):
                for j in range(0, n, SQUARE):  # the last squares overlap the ones before
                    i, at = min(step, k - SQUARE), min(j, n - SQUARE)
                    out = pointer(target + (at * stride + i) * size, dtype)
                    transpose(out, stride, pointer(source + (i * row + at) * size, dtype), row)
            return
        out, elements = pointer(target, dtype), pointer(source, dtype)
        for j in range(n):
            for step in range(k):
                out[j * stride + step] = elements[step * row + j * col]

    return pack  # type: ignore[no-any-return]
