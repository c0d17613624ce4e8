"""The general task of a matrix product: a block of rows of A times a few panels of B, computed tile by tile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from tensorlab.kernels.matmul.epilogue import element, finish
from tensorlab.kernels.matmul.job import Job
from tensorlab.kernels.matmul.pack import allocate, pack_panel, release
from tensorlab.kernels.matmul.rounding import DEPTH, add_block, blocks_total
from tensorlab.kernels.matmul.tile import register_tile
from tensorlab.kernels.matmul.tile_shape import Tile
from tensorlab.kernels.runtime.memory import pointer, scratch
from tensorlab.kernels.runtime.records import record_at

_LINE = 64
"""The size of a cache line in bytes; packed panels are aligned to it."""
_LOW = 2
"""The rows of the smaller tile, for the remaining rows."""


def block_task(dtype: Any, tile: Tile) -> Callable[..., None]:
    """Return the task that computes a few panels of one block of rows."""
    size = dtype.bitwidth // 8
    lanes = tile.lanes(dtype)
    width = tile.vectors * lanes
    height = tile.rows
    pack = pack_panel(dtype, lanes)
    wide_high, wide_low = (register_tile(dtype, rows, tile.vectors, lanes) for rows in (height, _LOW))
    narrow_high, narrow_low = (register_tile(dtype, rows, 1, lanes) for rows in (height, _LOW))
    elements = height * width
    finish_tile = finish(dtype)

    def block_task(data, chunk):
        job = record_at(data, Job)
        a, b, c = job.a, job.b, job.c
        k, division = job.k, job.division
        a_row, a_col, a_tile = a.row, a.column, division.a_tile
        top = chunk // division.chunks * division.extent
        bottom = min(top + division.extent, job.m)
        start = chunk % division.chunks * division.panels * width
        end = min(start + division.panels * width, job.n)
        rest = (end - start) % width
        buffer = sums = 0
        if division.packs_b != 0 or (rest != 0 and rest != lanes):
            buffer = allocate(min(k, DEPTH) * width * size + _LINE)
            if buffer == 0:
                pointer(job.failed, types.int64)[0] = 1
                return
        if k > DEPTH:
            sums = allocate((bottom - top + height) * width * 2 * size)
            if sums == 0:
                pointer(job.failed, types.int64)[0] = 1
                release(buffer)
                return
        packed = (buffer + _LINE - 1) // _LINE * _LINE
        memory = scratch(elements, dtype)
        for j in range(start, end, width):
            columns = min(width, end - j)
            panel = lanes if columns <= lanes else width
            for first in range(0, max(k, 1), DEPTH):
                steps = min(DEPTH, k - first)
                last = first + steps == k
                from_b, b_row = element(b, size, first, j), b.row
                if division.packs_b != 0 or columns != panel:
                    pack(packed, panel, from_b, b_row, b.column, steps, columns)
                    from_b, b_row = packed, panel
                i = top
                while i < bottom:
                    left = bottom - i
                    step = height if left > height // 2 else _LOW
                    from_a = a.address + (i // height * a_tile + i % height * a_row + first * a_col) * size
                    whole = columns == panel and left >= step and c.column == 1
                    straight = k <= DEPTH and job.epilogue == 0 and whole
                    out, out_row = memory, panel
                    if straight:
                        out, out_row = pointer(element(c, size, i, j), dtype), c.row
                    if step == height:
                        if panel == width:
                            wide_high(steps, from_a, a_row, a_col, from_b, b_row, left, out, out_row)
                        else:
                            narrow_high(steps, from_a, a_row, a_col, from_b, b_row, left, out, out_row)
                    elif panel == width:
                        wide_low(steps, from_a, a_row, a_col, from_b, b_row, left, out, out_row)
                    else:
                        narrow_low(steps, from_a, a_row, a_col, from_b, b_row, left, out, out_row)
                    if k > DEPTH:
                        count = step * panel
                        total = pointer(sums + (i - top) * panel * 2 * size, dtype)
                        error = pointer(sums + ((i - top) * 2 + step) * panel * size, dtype)
                        add_block(count, memory, total, error, first == 0)
                        if last:
                            blocks_total(count, total, error, memory)
                    if last and not straight:
                        finish_tile(job, memory, panel, min(left, step), columns, i, j)
                    i += step
        release(sums)
        release(buffer)

    return block_task
