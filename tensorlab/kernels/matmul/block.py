"""The general task of a matrix product: a block of rows of A times a few panels of B, computed tile by tile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from tensorlab.kernels.matmul.epilogue import FAILED, PLAN, A, B, C, address_at, finish
from tensorlab.kernels.matmul.pack import allocate, pack_panel, release
from tensorlab.kernels.matmul.rounding import DEPTH, add_block, blocks_total
from tensorlab.kernels.matmul.tile import register_tile
from tensorlab.kernels.matmul.tile_shape import Tile
from tensorlab.kernels.runtime.memory import pointer, scratch

_LINE = 64
"""The size of a cache line in bytes; packed panels are aligned to it."""
_LOW = 2
"""The rows of the smaller tile, for the remaining rows."""


def block_task(dtype: Any, tile: Tile) -> Callable[..., None]:
    """Return the task that computes a few panels of one block of rows.

    The words of its plan are:

    - the rows of a block,
    - the panels of a chunk,
    - the chunks of a block,
    - 1 if every panel of B is packed, else 0,
    - the distance in elements between tiles of A: element (i, k) of A is at offset ``i // tile.rows * a_tile +
      i % tile.rows * a_row + k * a_col``.
    """
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
        words = pointer(data, types.int64)
        m, n, k, a_row, a_col, b_col = words[1], words[2], words[3], words[A + 1], words[A + 2], words[B + 2]
        block, panels, chunks, packs = words[PLAN], words[PLAN + 1], words[PLAN + 2], words[PLAN + 3]
        a_tile = words[PLAN + 4]
        top = chunk // chunks * block
        bottom = min(top + block, m)
        start = chunk % chunks * panels * width
        end = min(start + panels * width, n)
        rest = (end - start) % width
        buffer = sums = 0
        if packs != 0 or (rest != 0 and rest != lanes):
            buffer = allocate(min(k, DEPTH) * width * size + _LINE)
            if buffer == 0:
                words[FAILED] = 1
                return
        if k > DEPTH:
            sums = allocate((bottom - top + height) * width * 2 * size)
            if sums == 0:
                words[FAILED] = 1
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
                from_b, b_row = address_at(words, size, B, first, j), words[B + 1]
                if packs != 0 or columns != panel:
                    pack(packed, panel, from_b, b_row, b_col, steps, columns)
                    from_b, b_row = packed, panel
                i = top
                while i < bottom:
                    left = bottom - i
                    step = height if left > height // 2 else _LOW
                    from_a = words[A] + (i // height * a_tile + i % height * a_row + first * a_col) * size
                    whole = columns == panel and left >= step and words[C + 2] == 1
                    straight = k <= DEPTH and words[0] == 0 and whole
                    out, out_row = memory, panel
                    if straight:
                        out, out_row = pointer(address_at(words, size, C, i, j), dtype), words[C + 1]
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
                        finish_tile(words, memory, panel, min(left, step), columns, i, j)
                    i += step
        release(sums)
        release(buffer)

    return block_task
