"""Apply the epilogue to a tile and store it in the result.

The product is compiled once per dtype. An epilogue is compiled separately and called by address for every tile, while
the tile is in cache. The indirect call costs a few instructions, and a new activation does not recompile the product.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from numba import types
from numba.extending import intrinsic

from tensorlab.kernels.runtime.atomics import call_task
from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.convert import convert
from tensorlab.kernels.runtime.memory import address_of, packed, pointer

# The words that every task receives: the address of the epilogue or 0; m, n and k; the address, row stride and column
# stride of each of six matrices; up to five words of the task's plan; and a flag that an allocation has failed.
A, B, C, Z, P, Q, PLAN = range(4, 23, 3)
FAILED = PLAN + 5


@intrinsic
def address_at(typingctx: Any, words: Any, size: Any, matrix: Any, i: Any, j: Any) -> Any:
    """Return the address of element (i, j) of a matrix whose elements have ``size`` bytes."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        base, size, matrix, i, j = values
        address, row, col = (
            builder.load(builder.gep(base, [builder.add(matrix, matrix.type(word))])) for word in range(3)
        )
        offset = builder.add(builder.mul(i, row), builder.mul(j, col))
        return builder.add(address, builder.mul(offset, size))

    return types.int64(words, types.int64, types.int64, types.int64, types.int64), codegen


@functools.cache
def finish(dtype: Any) -> Callable[..., None]:
    """Return ``finish(words, tile, width, rows, columns, i, j)``, which writes a tile to the result.

    ``words`` are the words of the task, including the address of the epilogue. A row of the tile has ``width``
    elements, of which ``columns`` are written. The first element of the tile belongs at row i and column j.
    """
    size = dtype.bitwidth // 8

    @jit
    def finish(words, tile, width, rows, columns, i, j):
        if words[0] != 0:
            c, z = address_at(words, size, C, i, j), address_at(words, size, Z, i, j)
            p, q = address_at(words, size, P, i, j), address_at(words, size, Q, i, j)
            strides = c, words[C + 1], words[C + 2], z, words[Z + 1], words[Z + 2]
            operands = p, words[P + 1], words[P + 2], q, words[Q + 1], words[Q + 2]
            call_task(words[0], packed((address_of(tile), width, rows, columns, *strides, *operands)), 0)
            return
        for row in range(rows):
            out = pointer(address_at(words, size, C, i + row, j), dtype)
            if words[C + 2] == 1:
                for column in range(columns):
                    out[column] = tile[row * width + column]
            else:
                for column in range(columns):
                    out[column * words[C + 2]] = tile[row * width + column]

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
        words = pointer(data, types.int64)
        columns = words[3]
        for i in range(words[2]):
            tile = pointer(words[0] + i * words[1] * size, dtype)
            if words[7] != 0:
                kept = pointer(words[7] + i * words[8] * size, dtype)
                for j in range(columns):
                    kept[j * words[9]] = tile[j]
            c = pointer(words[4] + i * words[5] * size, dtype)
            p, p_col = tile, 1
            q, q_col = tile, 1
            if operands > 0:
                p, p_col = pointer(words[10] + i * words[11] * size, dtype), words[12]
            if operands > 1:
                q, q_col = pointer(words[13] + i * words[14] * size, dtype), words[15]
            write_row(columns, tile, c, words[6], p, p_col, q, q_col)

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
