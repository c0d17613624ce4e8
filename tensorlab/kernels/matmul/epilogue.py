"""Apply the epilogue to a tile and store it in the result.

The product is compiled once per dtype. An epilogue is compiled separately and called by address for every tile, while
the tile is in cache. The indirect call costs a few instructions, and a new activation does not recompile the product.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tensorlab.kernels.matmul.elements import element, submatrix
from tensorlab.kernels.matmul.job import Piece
from tensorlab.kernels.matmul.pack import SQUARE, pack_columns
from tensorlab.kernels.matmul.tile import copy_vector
from tensorlab.kernels.runtime.atomics import call_task
from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.convert import convert
from tensorlab.kernels.runtime.memory import address_of, pointer
from tensorlab.kernels.runtime.records import packed, record_at


@functools.cache
def finish(dtype: Any) -> Callable[..., None]:
    """Return ``finish(job, tile, width, rows, columns, i, j)``, which writes a tile to the result.

    A row of the tile has ``width`` elements, of which ``columns`` are written. The first element of the tile belongs at
    row i and column j.
    """
    size = dtype.bitwidth // 8
    transpose = pack_columns(dtype)
    copy = copy_vector(dtype, SQUARE)

    @jit
    def finish(job, tile, width, rows, columns, i, j):
        if job.epilogue != 0:
            c, z = submatrix(job.c, size, i, j), submatrix(job.z, size, i, j)
            p, q = submatrix(job.p, size, i, j), submatrix(job.q, size, i, j)
            call_task(job.epilogue, packed(Piece(address_of(tile), width, rows, columns, c, z, p, q)), 0)
        elif job.c.column != 1:  # the product is transposed, so its columns are contiguous
            transpose(element(job.c, size, i, j), job.c.column, address_of(tile), width, 1, rows, columns)
        else:
            for row in range(rows):
                out = pointer(element(job.c, size, i + row, j), dtype)
                if columns < SQUARE:
                    for column in range(columns):
                        out[column] = tile[row * width + column]
                else:  # in vectors, of which the last one overlaps the one before
                    for column in range(0, columns, SQUARE):
                        first = min(column, columns - SQUARE)
                        copy(out, first, tile, row * width + first)

    return finish  # type: ignore[no-any-return]


def epilogue_task(dtype: Any, epilogue: Callable[..., Any] | None, operands: int) -> Callable[..., None]:
    """Return the task that `finish` calls to apply an epilogue, and to store the product itself in Z.

    Args:
        dtype: the dtype of all matrices.
        epilogue: a jitted scalar function of an element of the product and one of each operand, or None for the
            identity.
        operands: the number of operands of the epilogue, 0 to 2.
    """
    size = dtype.bitwidth // 8
    apply = _of_two(epilogue, operands)
    stored = convert(None, str(dtype))

    @jit
    def write_row(columns, tile, c, c_col, p, p_col, q, q_col):
        # A separate loop for unit strides, which is vectorized.
        if c_col == 1 and p_col == 1 and q_col == 1:
            for j in range(columns):
                c[j] = stored(apply(tile[j], p[j], q[j]))
        else:
            for j in range(columns):
                c[j * c_col] = stored(apply(tile[j], p[j * p_col], q[j * q_col]))

    def epilogue_task(data, unused):
        piece = record_at(data, Piece)
        columns = piece.columns
        for i in range(piece.rows):
            tile = pointer(piece.tile + i * piece.width * size, dtype)
            if piece.z.address != 0:
                kept = pointer(element(piece.z, size, i, 0), dtype)
                for j in range(columns):
                    kept[j * piece.z.column] = tile[j]
            c = pointer(element(piece.c, size, i, 0), dtype)
            p, p_col = tile, 1
            q, q_col = tile, 1
            if operands > 0:
                p, p_col = pointer(element(piece.p, size, i, 0), dtype), piece.p.column
            if operands > 1:
                q, q_col = pointer(element(piece.q, size, i, 0), dtype), piece.q.column
            write_row(columns, tile, c, piece.c.column, p, p_col, q, q_col)

    return epilogue_task


def _of_two(epilogue: Callable[..., Any] | None, operands: int) -> Callable[..., Any]:
    """Adapt an epilogue, or the identity, to a function of the product and exactly two operands."""
    if epilogue is None:
        return jit(lambda total, p, q: total)  # type: ignore[no-any-return]
    if operands == 0:
        return jit(lambda total, p, q: epilogue(total))  # type: ignore[no-any-return]
    if operands == 1:
        return jit(lambda total, p, q: epilogue(total, p))  # type: ignore[no-any-return]
    return jit(lambda total, p, q: epilogue(total, p, q))  # type: ignore[no-any-return]
