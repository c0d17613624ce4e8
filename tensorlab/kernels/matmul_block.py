"""One chunk of a matrix product: a block of rows of A times a few panels of B, register tile by register tile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorlab.kernels.compiler import jit
from tensorlab.kernels.matmul_epilogue import finish
from tensorlab.kernels.matmul_pack import allocate, pack_panel, release
from tensorlab.kernels.memory import pointer, scratch
from tensorlab.kernels.tile import Tile, inline, register_tile

_LINE = 64
"""The bytes of a cache line, at which a packed panel begins."""
_LOW = 2
"""The rows of the tile for the rows that are left over."""


def _panel(dtype: Any, tile: Tile, vectors: int) -> Callable[..., None]:
    """``panel(epilogue, rows, columns, k, a, a_tile, a_row, a_col, b, b_row, c, z, p, q)``: a block of rows times a
    panel of B.

    Element (i, k) of A is at ``i // tile.rows * a_tile + i % tile.rows * a_row + k * a_col``.
    """
    size = dtype.bitwidth // 8
    lanes = tile.lanes(dtype)
    height = tile.rows
    width = vectors * lanes
    high = register_tile(dtype, height, vectors, lanes)
    low = register_tile(dtype, _LOW, vectors, lanes)
    elements = height * width
    finish_tile = finish(dtype, lanes, width)

    @inline
    def panel(epilogue, rows, columns, k, a, a_tile, a_row, a_col, b, b_row, c, z, p, q):
        memory = scratch(elements, dtype)
        i = 0
        while i < rows:
            left = rows - i
            step = height if left > height // 2 else _LOW
            from_a = a + (i // height * a_tile + i % height * a_row) * size
            to_c = c[0] + i * c[1] * size
            valid = min(left, step)
            straight = epilogue == 0 and columns == width and left >= step and c[2] == 1
            out = pointer(to_c, dtype) if straight else memory
            out_row = c[1] if straight else width
            if step == height:
                high(k, from_a, a_row, a_col, b, b_row, valid, out, out_row)
            else:
                low(k, from_a, a_row, a_col, b, b_row, valid, out, out_row)
            if not straight:
                finish_tile(
                    epilogue,
                    memory,
                    0,
                    valid,
                    columns,
                    (to_c, c[1], c[2]),
                    (z[0] + i * z[1] * size, z[1], z[2]),
                    (p[0] + i * p[1] * size, p[1], p[2]),
                    (q[0] + i * q[1] * size, q[1], q[2]),
                )
            i += step

    return panel  # type: ignore[no-any-return]


def block_task(dtype: Any, tile: Tile) -> Callable[..., None]:
    """``task(chunk, epilogue, shape, plan, a, b, c, z, p, q)``: a few panels of one block of rows.

    Args:
        epilogue: the address of an `epilogue_task`, or 0.
        shape: m, n and k.
        plan: the rows of a block, the panels of a chunk, the chunks of a block, and whether all of B is packed.
        a: address, strides from tile to tile, from row to row in a tile, and from column to column.
        b, c, z, p, q: address, row stride, column stride.
    """
    size = dtype.bitwidth // 8
    lanes = tile.lanes(dtype)
    width = tile.vectors * lanes
    height = tile.rows
    pack = pack_panel(dtype, lanes)
    wide = _panel(dtype, tile, tile.vectors)
    narrow = _panel(dtype, tile, 1)

    @inline
    def at(matrix, i, j):
        return matrix[0] + (i * matrix[1] + j * matrix[2]) * size, matrix[1], matrix[2]

    @jit
    def task(chunk, epilogue, shape, plan, a, b, c, z, p, q):
        m, n, k = shape
        block, panels, chunks, packs = plan
        i = chunk // chunks * block
        rows = min(block, m - i)
        a_address, a_tile, a_row, a_col = a
        from_a = a_address + i // height * a_tile * size
        start = chunk % chunks * panels * width
        end = min(start + panels * width, n)
        rest = (end - start) % width
        room = 0
        if packs or (rest != 0 and rest != lanes):
            room = allocate(k * width * size + _LINE)
        packed = (room + _LINE - 1) // _LINE * _LINE
        for j in range(start, end, width):
            columns = min(width, end - j)
            panel_width = lanes if columns <= lanes else width
            from_b, b_row, b_col = at(b, 0, j)
            if packs or columns != panel_width:
                pack(packed, panel_width, from_b, b_row, b_col, k, columns)
                from_b, b_row = packed, panel_width
            to_c, to_z, from_p, from_q = at(c, i, j), at(z, i, j), at(p, i, j), at(q, i, j)
            if columns <= lanes:
                narrow(
                    epilogue, rows, columns, k, from_a, a_tile, a_row, a_col, from_b, b_row, to_c, to_z, from_p, from_q
                )
            else:
                wide(
                    epilogue, rows, columns, k, from_a, a_tile, a_row, a_col, from_b, b_row, to_c, to_z, from_p, from_q
                )
        release(room)

    return task  # type: ignore[no-any-return]
