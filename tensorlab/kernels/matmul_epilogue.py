"""The end of a tile: the epilogue, and the way from the tile into the result.

A product is compiled once for each dtype. What an epilogue adds is compiled by itself, and called by address for every
tile while that is in cache: a new activation costs a product a few instructions, and its first use no compilation of
the product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from tensorlab.kernels.atomics import call_task
from tensorlab.kernels.compiler import jit
from tensorlab.kernels.memory import address_of, pointer, scratch
from tensorlab.kernels.tile import copy_vector, inline


def finish(dtype: Any, lanes: int, width: int) -> Callable[..., None]:
    """``finish(epilogue, tile, start, rows, columns, c, z, p, q)``: from a tile, of rows of ``width``, to the result.

    The tile begins at element ``start`` of its memory. ``c``, ``z``, ``p`` and ``q`` are each an address, a row stride
    and a column stride, all at the tile's first element. Without an epilogue, which is then 0, the tile is copied.
    """
    size = dtype.bitwidth // 8
    copy = copy_vector(dtype, lanes)

    @inline
    def finish(epilogue, tile, start, rows, columns, c, z, p, q):
        if epilogue != 0:
            words = scratch(16, types.int64)
            words[0], words[1], words[2], words[3] = address_of(tile) + start * size, width, rows, columns
            words[4], words[5], words[6] = c
            words[7], words[8], words[9] = z
            words[10], words[11], words[12] = p
            words[13], words[14], words[15] = q
            call_task(epilogue, address_of(words), 0)
            return
        address, row, col = c
        for i in range(rows):
            out = pointer(address + i * row * size, dtype)
            if col == 1 and columns == width:
                for j in range(0, width, lanes):
                    copy(out, j, tile, start + i * width + j)
            else:
                for j in range(columns):
                    out[j * col] = tile[start + i * width + j]

    return finish  # type: ignore[no-any-return]


def epilogue_task(dtype: Any, epilogue: Callable[..., Any] | None, operands: int) -> Callable[..., None]:
    """``task(words, 0)``: what `finish` calls for an epilogue, or to keep the product, in Z, beside the result.

    Args:
        dtype: of all matrices.
        epilogue: a jitted scalar function of an element of the product and ``operands`` others; None for the product.
        operands: how many operands the epilogue has, 0 to 2.
    """
    size = dtype.bitwidth // 8
    apply = _of_two(epilogue, operands)

    @jit
    def line(columns, tile, c, c_col, p, p_col, q, q_col):
        # once more with strides that are known, so that it is vectorised
        if c_col == 1 and p_col == 1 and q_col == 1:
            for j in range(columns):
                c[j] = dtype(apply(tile[j], p[j], q[j]))
        else:
            for j in range(columns):
                c[j * c_col] = dtype(apply(tile[j], p[j * p_col], q[j * q_col]))

    @jit
    def task(words_address, unused):
        words = pointer(words_address, types.int64)
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
            line(columns, tile, c, words[6], p, p_col, q, q_col)

    return task  # type: ignore[no-any-return]


def _of_two(epilogue: Callable[..., Any] | None, operands: int) -> Callable[..., Any]:
    """The epilogue, or the identity, as a function of an element of the product and two operands that it may ignore."""
    if epilogue is None:
        return jit(lambda total, p, q: total)  # type: ignore[no-any-return]
    if operands == 0:
        return jit(lambda total, p, q: epilogue(total))  # type: ignore[no-any-return]
    if operands == 1:
        return jit(lambda total, p, q: epilogue(total, p))  # type: ignore[no-any-return]
    return jit(lambda total, p, q: epilogue(total, p, q))  # type: ignore[no-any-return]
