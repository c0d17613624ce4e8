"""The end of a tile: the epilogue, and the way from the tile into the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorlab.kernels.compiler import jit
from tensorlab.kernels.memory import pointer, scratch
from tensorlab.kernels.tile import copy_vector, inline


def of_two(epilogue: Callable[..., Any] | None, operands: int) -> Callable[..., Any]:
    """The epilogue, or the identity, as a function of an element of the product and two operands that it may ignore."""
    if epilogue is None:
        return jit(lambda total, p, q: total)  # type: ignore[no-any-return]
    if operands == 0:
        return jit(lambda total, p, q: epilogue(total))  # type: ignore[no-any-return]
    if operands == 1:
        return jit(lambda total, p, q: epilogue(total, p))  # type: ignore[no-any-return]
    return jit(lambda total, p, q: epilogue(total, p, q))  # type: ignore[no-any-return]


def finish(
    dtype: Any, lanes: int, width: int, epilogue: Callable[..., Any] | None, operands: int, keep_product: bool
) -> Callable[..., None]:
    """``finish(tile, start, rows, columns, c, z, p, q)``: from a tile with rows of ``width`` elements to the result.

    The tile begins at element ``start`` of its memory. ``c``, ``z``, ``p`` and ``q`` are each an address, a row stride
    and a column stride, all at the tile's first element. The epilogue is computed for all
    ``width`` elements, a number that is known to the vectoriser, whereas only ``columns`` of them are read from
    operands and written.
    """
    size = dtype.bitwidth // 8
    copy = copy_vector(dtype, lanes)
    has_epilogue = epilogue is not None
    apply = of_two(epilogue, operands)

    @inline
    def write(tile, start, rows, columns, matrix):
        address, row, col = matrix
        for i in range(rows):
            out = pointer(address + i * row * size, dtype)
            if col == 1 and columns == width:
                for j in range(0, width, lanes):
                    copy(out, j, tile, start + i * width + j)
            else:
                for j in range(columns):
                    out[j * col] = tile[start + i * width + j]

    @inline
    def read_line(line, i, columns, matrix):
        address, row, col = matrix
        elements = pointer(address + i * row * size, dtype)
        if col == 1 and columns == width:
            return elements
        for j in range(columns):
            line[j] = elements[j * col]
        for j in range(columns, width):
            line[j] = 0
        return line

    @inline
    def finish(tile, start, rows, columns, c, z, p, q):
        if keep_product:
            write(tile, start, rows, columns, z)
        if has_epilogue:
            left = right = tile
            left_line = scratch(width, dtype)
            right_line = scratch(width, dtype)
            for i in range(rows):
                if operands > 0:
                    left = read_line(left_line, i, columns, p)
                if operands > 1:
                    right = read_line(right_line, i, columns, q)
                for j in range(width):
                    tile[start + i * width + j] = apply(tile[start + i * width + j], left[j], right[j])
        write(tile, start, rows, columns, c)

    return finish  # type: ignore[no-any-return]
