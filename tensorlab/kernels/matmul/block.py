"""The general task of a matrix product: a block of rows of A times a few panels of B, computed tile by tile.

The task takes ``depth`` steps along k at a time, so that the part of B that it packs stays in cache. Meanwhile the sums
of all tiles are in memory. They are those of the rounding scheme, so results do not depend on ``depth``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from tensorlab.kernels.matmul.caches import LINE
from tensorlab.kernels.matmul.elements import chunk_columns, element
from tensorlab.kernels.matmul.epilogue import finish
from tensorlab.kernels.matmul.job import COPIED, IN_PLACE, PACKED, Job
from tensorlab.kernels.matmul.pack import allocate, pack_panel, release
from tensorlab.kernels.matmul.rounding import DEPTH, add_block, blocks_total
from tensorlab.kernels.matmul.tile import register_tile
from tensorlab.kernels.matmul.tile_shape import Tile, half_lanes
from tensorlab.kernels.runtime.memory import pointer, scratch
from tensorlab.kernels.runtime.records import record_at

_GROUP = 8
"""The rows of B that are packed together, for all panels of a chunk: few streams of long reads."""


def block_task(dtype: Any, tile: Tile) -> Callable[..., None]:
    """Return the task that computes a few panels of one block of rows."""
    size = dtype.bitwidth // 8
    lanes = tile.lanes(dtype)
    width = tile.vectors * lanes
    height, low = tile.rows, tile.low_rows
    few = max(low, height // 2)
    pack = pack_panel(dtype, lanes)
    wide_high, wide_low = (register_tile(dtype, rows, tile.vectors, lanes) for rows in (height, low))
    copying = register_tile(dtype, height, tile.vectors, lanes, copies=True)
    narrow_high, narrow_low = (register_tile(dtype, rows, 1, lanes) for rows in (height, low))
    half = half_lanes(lanes)
    half_high = register_tile(dtype, height, 1, half)
    elements = height * width
    finish_tile = finish(dtype)

    def block_task(data, chunk):
        job = record_at(data, Job)
        a, b, c = job.a, job.b, job.c
        k, division = job.k, job.division
        a_row, a_col, depth = a.row, a.column, division.depth
        top = chunk // division.chunks * division.extent
        bottom = min(top + division.extent, job.m)
        start, end = chunk_columns(chunk, division.chunks, job.n, width)
        rest = (end - start) % width
        buffer = sums = 0
        mode = division.mode
        if mode != IN_PLACE or (rest != 0 and rest != lanes and rest != half):
            buffer = allocate(min(k, depth) * (division.panels if mode == PACKED else 1) * width * size + LINE)
            if buffer == 0:
                pointer(job.failed, types.int64)[0] = 1
                return
        room = (bottom - top + height) * division.panels * width * size
        if k > depth:
            sums = allocate(room * 3 if k > DEPTH else room)
            if sums == 0:
                pointer(job.failed, types.int64)[0] = 1
                release(buffer)
                return
        packed = (buffer + LINE - 1) // LINE * LINE
        memory = scratch(elements, dtype)
        for first in range(0, max(k, 1), depth):
            steps = min(depth, k - first)
            last = first + steps == k
            if mode == PACKED:
                group = _GROUP if b.column == 1 else DEPTH
                for step in range(0, steps, group):
                    for j in range(start, end, width):
                        columns = min(width, end - j)
                        panel = half if columns <= half else lanes if columns <= lanes else width
                        at = packed + ((j - start) * steps + step * panel) * size
                        count = min(group, steps - step)
                        pack(at, panel, element(b, size, first + step, j), b.row, b.column, count, columns)
            for j in range(start, end, width):
                columns = min(width, end - j)
                panel = half if columns <= half else lanes if columns <= lanes else width
                from_b, b_row = element(b, size, first, j), b.row
                if mode == PACKED:
                    from_b, b_row = packed + (j - start) * steps * size, panel
                elif columns != panel:
                    pack(packed, panel, from_b, b_row, b.column, steps, columns)
                    from_b, b_row = packed, panel
                i = top
                while i < bottom:
                    left = bottom - i
                    even = division.a_rows == 0 and height < left <= 2 * low  # two small tiles have no idle rows
                    step = low if panel != half and (left <= few or even) else height
                    if division.a_rows == 0:
                        from_a = element(a, size, i, first)
                    else:
                        within = i // height * height * steps + i % height
                        from_a = a.address + (first * division.a_rows + within) * size
                    whole = columns == panel and left >= step and c.column == 1
                    straight = k <= depth and job.epilogue == 0 and whole
                    out, out_row = memory, panel
                    if straight:
                        out, out_row = pointer(element(c, size, i, j), dtype), c.row
                    at = sums + ((j - start) * (bottom - top + height) + (i - top) * panel) * size
                    if k > depth:
                        out = pointer(at, dtype)
                    begun = first % DEPTH
                    if mode == COPIED and i == top and from_b != packed and step == height and panel == width:
                        copying(steps, from_a, a_row, a_col, from_b, b_row, packed, left, out, out_row, begun)
                        from_b, b_row = packed, panel
                    elif step == height:
                        if panel == width:
                            wide_high(steps, from_a, a_row, a_col, from_b, b_row, 0, left, out, out_row, begun)
                        elif panel == half:
                            half_high(steps, from_a, a_row, a_col, from_b, b_row, 0, left, out, out_row, begun)
                        else:
                            narrow_high(steps, from_a, a_row, a_col, from_b, b_row, 0, left, out, out_row, begun)
                    elif panel == width:
                        wide_low(steps, from_a, a_row, a_col, from_b, b_row, 0, left, out, out_row, begun)
                    else:
                        narrow_low(steps, from_a, a_row, a_col, from_b, b_row, 0, left, out, out_row, begun)
                    if k > DEPTH and (last or (first + steps) % DEPTH == 0):
                        total, error = pointer(at + room, dtype), pointer(at + 2 * room, dtype)
                        add_block(step * panel, out, total, error, first < DEPTH)
                        if last:
                            blocks_total(step * panel, total, error, out)
                    if last and not straight:
                        finish_tile(job, out, panel, min(left, step), columns, i, j)
                    i += step
        release(sums)
        release(buffer)

    return block_task
