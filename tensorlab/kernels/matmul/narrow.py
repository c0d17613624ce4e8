"""The tasks of narrow matrix products: results with one row, and results with few columns.

Only the few columns of B are packed. Each element of the larger operand is read from memory once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from tensorlab.kernels.matmul.caches import LINE
from tensorlab.kernels.matmul.elements import element
from tensorlab.kernels.matmul.epilogue import finish
from tensorlab.kernels.matmul.job import Job
from tensorlab.kernels.matmul.pack import allocate, pack_columns, release
from tensorlab.kernels.matmul.rounding import CHAIN, DEPTH, add_block, blocks_total
from tensorlab.kernels.matmul.tile_narrow import add_rows, dot_tile
from tensorlab.kernels.matmul.tile_shape import Tile
from tensorlab.kernels.runtime.memory import address_of, number, pointer, scratch
from tensorlab.kernels.runtime.records import record_at

RUN = 1 << 14
"""The bytes of the columns that are computed together in a result with one row. Long reads of B are much faster if it
comes from memory: every page that is read costs a translation, and a new start of the processor's prefetching."""
_ROWS = 8
"""The rows of A that are multiplied by a single column at once."""
_GROUP = 16
"""The rows that are written together in a result with several columns."""
_COLUMN_GROUP = 64
"""The rows that are written together in a result with one column."""
DOTS = 4
"""The columns of a dot-product tile."""


def row_task(dtype: Any, tile: Tile) -> Callable[..., None]:
    """Return the task that computes some elements of A (1, k) times B (k, n).

    The rows of B are contiguous.
    """
    size = dtype.bitwidth // 8
    lanes = tile.lanes(dtype)
    most = RUN // size
    eight, four, one = (add_rows(dtype, rows, lanes) for rows in (8, 4, 1))
    finish_row = finish(dtype)

    def row_task(data, chunk):
        job = record_at(data, Job)
        k, a_col, b_row, count = job.k, job.a.column, job.b.row, job.division.extent
        total = scratch(most, dtype)
        chains = scratch(most, dtype)
        blocks = scratch(most, dtype)
        errors = scratch(most, dtype)
        at_once = job.division.depth
        end = min((chunk + 1) * count, job.n)
        for first in range(chunk * count, end, most):
            columns = min(most, end - first)
            for top in range(0, max(k, 1), CHAIN):
                bottom = min(top + CHAIN, k)
                for j in range(columns):
                    total[j] = 0
                step = top
                while step < bottom:
                    x, row = element(job.a, size, 0, step), element(job.b, size, step, first)
                    if at_once == 8 and step + 8 <= bottom:
                        eight(columns, x, a_col, row, b_row, total)
                        step += 8
                    elif step + 4 <= bottom:
                        four(columns, x, a_col, row, b_row, total)
                        step += 4
                    else:
                        one(columns, x, a_col, row, b_row, total)
                        step += 1
                if k > CHAIN:
                    for j in range(columns):
                        chains[j] = total[j] if top % DEPTH == 0 else chains[j] + total[j]
                    if bottom == k or bottom % DEPTH == 0:
                        add_block(columns, chains, blocks, errors, top < DEPTH)
            if k > CHAIN:
                blocks_total(columns, blocks, errors, total)
            finish_row(job, total, columns, number(1), columns, number(0), first)

    return row_task


def dots_task(dtype: Any, tile: Tile) -> Callable[..., None]:
    """Return the task that multiplies some rows of A by few columns of B."""
    size = dtype.bitwidth // 8
    pack = pack_columns(dtype)
    lanes = tile.lanes(dtype)
    height = tile.dots
    wide = dot_tile(dtype, height, DOTS, lanes)
    narrow = dot_tile(dtype, height, DOTS // 2, lanes)
    column = dot_tile(dtype, _ROWS, 1, lanes)
    capacity = _GROUP * 2 * lanes
    deep = DEPTH * lanes
    finish_rows = finish(dtype)

    def dots_task(data, chunk):
        job = record_at(data, Job)
        n, k, a_row, count, b_copy = job.n, job.k, job.a.row, job.division.extent, job.division.b_copy
        b, b_col = job.b.address, job.b.column
        packed = 0
        if b_copy != 0:
            packed = allocate(n * b_copy * size + LINE)
            if packed == 0:
                pointer(job.failed, types.int64)[0] = 1
                return
            aligned = (packed + LINE - 1) // LINE * LINE  # a vector in two cache lines takes twice as long to load
            pack(aligned, b_copy, b, job.b.row, b_col, k, n)
            b, b_col = aligned, b_copy
        sums = scratch(capacity, dtype)
        blocks = scratch(capacity, dtype)
        errors = scratch(capacity, dtype)
        width = (n + DOTS - 1) // DOTS * DOTS if n > 1 else 1
        end = min((chunk + 1) * count, job.m)
        group = _COLUMN_GROUP if n == 1 else _GROUP
        for first in range(chunk * count, end, group):
            rows = min(group, end - first)
            for top in range(0, max(k, 1), deep):
                steps = min(deep, k - top)
                for i in range(0, rows, _ROWS if n == 1 else height):
                    from_a = element(job.a, size, first + i, top)
                    for j in range(0, n, DOTS):
                        out = pointer(address_of(sums) + (i * width + j) * size, dtype)
                        from_b = b + (top + j * b_col) * size
                        if n == 1:
                            column(steps, from_a, a_row, rows - i, from_b, b_col, 1, out, 1)
                        elif n - j > DOTS // 2:
                            wide(steps, from_a, a_row, rows - i, from_b, b_col, n - j, out, width)
                        else:
                            narrow(steps, from_a, a_row, rows - i, from_b, b_col, n - j, out, width)
                if k > deep:
                    add_block(rows * width, sums, blocks, errors, top == 0)
            if k > deep:
                blocks_total(rows * width, blocks, errors, sums)
            if n == 1:
                finish_rows(job, sums, rows, number(1), rows, number(0), first)
            else:
                finish_rows(job, sums, width, rows, n, first, number(0))
        release(packed)

    return dots_task
