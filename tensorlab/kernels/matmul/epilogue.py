"""Apply the epilogue to a tile and store it in the result.

The product is compiled once per dtype. An epilogue is compiled separately and called by address for every tile, while
the tile is in cache. The indirect call costs a few instructions, and a new activation does not recompile the product.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tensorlab.kernels.matmul.job import Matrix, Piece
from tensorlab.kernels.runtime.atomics import call_task
from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.convert import convert
from tensorlab.kernels.runtime.memory import address_of, pointer
from tensorlab.kernels.runtime.records import packed, record_at


def _element(context: Any, builder: Any, signature: Any, values: Any) -> tuple[Any, Any, Any]:
    """Emit the address of element (i, j) of a matrix, and return it with the strides of the matrix."""
    matrix, size, i, j = values
    kind = signature.args[0]
    address, row, column = (
        context.get_getattr(kind, name)(context, builder, kind, matrix, name) for name in Matrix._fields
    )
    offset = builder.add(builder.mul(i, row), builder.mul(j, column))
    return builder.add(address, builder.mul(offset, size)), row, column


# Intrinsics, because Numba would compile a function again for every literal argument.


@intrinsic
def element(typingctx: Any, matrix: Any, size: Any, i: Any, j: Any) -> Any:
    """Return the address of element (i, j) of a `Matrix` whose elements have ``size`` bytes."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _element(context, builder, signature, values)[0]

    return types.int64(matrix, types.int64, types.int64, types.int64), codegen


@intrinsic
def submatrix(typingctx: Any, matrix: Any, size: Any, i: Any, j: Any) -> Any:
    """Return the part of a `Matrix` that begins at element (i, j)."""
    part = types.NamedUniTuple(types.int64, len(Matrix._fields), Matrix)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return cgutils.pack_array(builder, _element(context, builder, signature, values))

    return part(matrix, types.int64, types.int64, types.int64), codegen


@functools.cache
def finish(dtype: Any) -> Callable[..., None]:
    """Return ``finish(job, tile, width, rows, columns, i, j)``, which writes a tile to the result.

    A row of the tile has ``width`` elements, of which ``columns`` are written. The first element of the tile belongs at
    row i and column j.
    """
    size = dtype.bitwidth // 8

    @jit
    def finish(job, tile, width, rows, columns, i, j):
        if job.epilogue != 0:
            c, z = submatrix(job.c, size, i, j), submatrix(job.z, size, i, j)
            p, q = submatrix(job.p, size, i, j), submatrix(job.q, size, i, j)
            call_task(job.epilogue, packed(Piece(address_of(tile), width, rows, columns, c, z, p, q)), 0)
            return
        for row in range(rows):
            out = pointer(element(job.c, size, i + row, j), dtype)
            if job.c.column == 1:
                for column in range(columns):
                    out[column] = tile[row * width + column]
            else:
                for column in range(columns):
                    out[column * job.c.column] = tile[row * width + column]

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
