"""The task of products that skip zeros of A: like `block.block_task`, with the steps at which a tile is not zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from tensorlab.kernels.matmul.caches import LINE
from tensorlab.kernels.matmul.elements import chunk_columns, element
from tensorlab.kernels.matmul.epilogue import finish
from tensorlab.kernels.matmul.job import IN_PLACE, Job
from tensorlab.kernels.matmul.pack import allocate, pack_panel, release
from tensorlab.kernels.matmul.rounding import DEPTH, add_block, blocks_total
from tensorlab.kernels.matmul.sparse import masks_of
from tensorlab.kernels.matmul.tile_shape import Tile
from tensorlab.kernels.matmul.tile_sparse import masked_tile, rows_finite
from tensorlab.kernels.runtime.memory import pointer, scratch
from tensorlab.kernels.runtime.records import record_at


def sparse_task(dtype: Any, tile: Tile) -> Callable[..., None]:
    """Return the task that computes a few panels of one block of rows."""
    size = dtype.bitwidth // 8
    lanes = tile.lanes(dtype)
    height, width = tile.sparse_rows, tile.sparse_vectors * lanes
    pack = pack_panel(dtype, lanes)
    wide, narrow = (masked_tile(dtype, height, vectors, lanes) for vectors in (tile.sparse_vectors, 1))
    finite = rows_finite(dtype, lanes)
    elements = height * width
    finish_tile = finish(dtype)

    def sparse_task(data, chunk):
        job = record_at(data, Job)
        a, b, c, k, division = job.a, job.b, job.c, job.k, job.division
        top = chunk // division.chunks * division.extent
        bottom = min(top + division.extent, job.m)
        start, end = chunk_columns(chunk, division.chunks, job.n, width)
        room = (bottom - top + height) * width * size
        sums = allocate(2 * room) if k > DEPTH else 0
        buffer = allocate(min(k, DEPTH) * width * size + LINE)
        if buffer == 0 or (sums == 0 and k > DEPTH):
            pointer(job.failed, types.int64)[0] = 1
            release(sums)
            release(buffer)
            return
        packed = (buffer + LINE - 1) // LINE * LINE
        memory = scratch(elements, dtype)
        for j in range(start, end, width):
            columns = min(width, end - j)
            panel = lanes if columns <= lanes else width
            for first in range(0, k, DEPTH):
                steps = min(DEPTH, k - first)
                last = first + steps == k
                from_b, b_row = element(b, size, first, j), b.row
                if division.mode != IN_PLACE or columns != panel:
                    pack(packed, panel, from_b, b_row, b.column, steps, columns)
                    from_b, b_row = packed, panel
                more = 0 if finite(steps, from_b, b_row, panel // lanes) != 0 else -1  # 0 * b may be NaN
                for i in range(top, bottom, height):
                    valid = min(height, bottom - i)
                    straight = k <= DEPTH and job.epilogue == 0
                    straight = straight and columns == panel and valid == height and c.column == 1
                    out, out_row = memory, panel
                    if straight:
                        out, out_row = pointer(element(c, size, i, j), dtype), c.row
                    masks = masks_of(division.masks, k, i // height, first)
                    from_a = element(a, size, i, first)
                    if panel == width:
                        wide(steps, from_a, a.row, a.column, from_b, b_row, valid, masks, more, out, out_row)
                    else:
                        narrow(steps, from_a, a.row, a.column, from_b, b_row, valid, masks, more, out, out_row)
                    if k > DEPTH:
                        offset = (i - top) * panel * size
                        total, error = pointer(sums + offset, dtype), pointer(sums + room + offset, dtype)
                        add_block(height * panel, memory, total, error, first == 0)
                        if last:
                            blocks_total(height * panel, total, error, memory)
                    if last and not straight:
                        finish_tile(job, memory, panel, valid, columns, i, j)
        release(sums)
        release(buffer)

    return sparse_task
