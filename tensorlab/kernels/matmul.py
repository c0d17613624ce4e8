"""The matmul shape: matrix products with an epilogue, without a BLAS.

The columns of the result are cut into panels as wide as a register tile, its rows into blocks; a chunk of work is a few
panels of one block, computed tile by tile. Operands stay where they are if they can: A always may, whatever its
strides, since a tile broadcasts single elements of it, and B may if its rows are dense. A panel of B is packed when it
is ragged, transposed, or read often; A is packed when it is transposed and large. The k loop is never cut, so that an
element of the result is the same sum for every number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from tensorlab.kernels.atomics import closure
from tensorlab.kernels.matmul_block import block_task
from tensorlab.kernels.matmul_integer import integer_task
from tensorlab.kernels.matmul_pack import allocate, pack_rows, release
from tensorlab.kernels.matmul_vector import MOST, vector_task
from tensorlab.kernels.threads import run
from tensorlab.kernels.tile import Tile, host_tile

_GRAIN = 1 << 17
"""The multiply-adds that are worth handing to a thread."""
_VECTOR_GRAIN = 1 << 16
"""The same where memory decides, and a multiply-add takes longer."""
_ROW = 128
"""The elements of a row that are worth being read together."""
_BLOCK = 256
"""The rows of a block: so many that packing a panel of B for it is cheap, so few that its part of A stays cached."""
_CHUNKS = 8
"""A product of few panels is cut into blocks until there are so many chunks."""
_REUSE = 192
"""The rows from which on reading a packed panel of B saves more than packing it costs."""
_LONG = 1024
"""The rows of a panel of B from which on they do not stay cached where they are, ..."""
_FAR = 1 << 13
"""... and the bytes from one of them to the next."""
_CACHED = 1 << 17
"""The elements of a transposed A up to which its tiles are read where they are."""

ARGUMENTS = 21
"""The number of arguments of every product, all of them ``int64``."""


def build_matmul(dtype: Any, tile: Tile | None = None) -> Callable[..., None]:
    """A function to compile, ``C = epilogue(A @ B, P, Q)``, for matrices in memory.

    It is called as ``matmul(pool, epilogue, m, n, k, a, a_row, a_col, b, b_row, b_col, c, c_row, z, z_row, p, p_row,
    p_col, q, q_row, q_col)``. All arguments are ``int64``: the address of a pool or 0, that of an `epilogue_task` or 0,
    the shape, and for each matrix the address of its first element and its strides in elements. A is (m, k) and B
    (k, n), of any strides. The rows of C, and of Z, which an epilogue writes the product itself to, are dense; they
    overlap neither A nor B. P and Q are the operands of the epilogue, of shape (m, n), where a stride of 0 repeats an
    element. Whatever is not used may be 0.

    Args:
        dtype: the Numba type of all matrices.
        tile: the shape of the register tile, by default the one for this processor.
    """
    return _real_matmul(dtype, tile or host_tile()) if isinstance(dtype, types.Float) else _integer_matmul(dtype)


def _integer_matmul(dtype: Any) -> Callable[..., None]:
    task = integer_task(dtype)

    def matmul(
        pool, epilogue, m, n, k, a, a_row, a_col, b, b_row, b_col, c, c_row, z, z_row, p, p_row, p_col, q, q_row, q_col
    ):
        if m > 0 and n > 0:
            rows = max(_GRAIN // (n * max(k, 1)), 1)
            a_matrix, b_matrix, c_matrix, z_matrix = (a, a_row, a_col), (b, b_row, b_col), (c, c_row, 1), (z, z_row, 1)
            matrices = (a_matrix, b_matrix, c_matrix, z_matrix, (p, p_row, p_col), (q, q_row, q_col))
            run(pool, (m + rows - 1) // rows, *closure(task, (epilogue, rows, (m, n, k), *matrices)))

    return matmul


def _real_matmul(dtype: Any, tile: Tile) -> Callable[..., None]:
    lanes = tile.lanes(dtype)
    width = lanes * tile.vectors
    height = tile.rows
    multiply_block = block_task(dtype, tile)
    multiply_vector = vector_task(dtype, lanes)
    pack_a = pack_rows(dtype, height)
    size = dtype.bitwidth // 8

    def matmul(
        pool, epilogue, m, n, k, a, a_row, a_col, b, b_row, b_col, c, c_row, z, z_row, p, p_row, p_col, q, q_row, q_col
    ):
        if m <= 0 or n <= 0:
            return
        k = max(k, 0)
        z_col = 1 if z != 0 else 0  # all strides of a Z that is not there are 0, so that its address stays 0
        to_c, to_z, from_p, from_q = (c, c_row, 1), (z, z_row, z_col), (p, p_row, p_col), (q, q_row, q_col)
        # The transposed product is the better one if the result has few columns and does not fill its vectors with
        # them, which as rows it need not. It takes the transposed A to have dense rows.
        few = n < width and n % lanes != 0
        if (n == 1 and m > 1) or (few and m >= width and a_row == 1 and a_col != 1):
            m, n = n, m
            a, a_row, a_col, b, b_row, b_col = b, b_col, b_row, a, a_col, a_row
            to_c, to_z, from_p, from_q = (c, 1, c_row), (z, z_col, z_row), (p, p_col, p_row), (q, q_col, q_row)

        if m == 1 and a_col == 1 and (b_row == 1 or (b_col == 1 and n >= width)):
            count = max(_VECTOR_GRAIN // max(k, 1), 1)
            if b_row != 1:
                count = min(max(count, n // 4) // _ROW * _ROW + _ROW, MOST)
            vectors = (epilogue, count, n, k, a, b, b_row, b_col, to_c, to_z, from_p, from_q)
            run(pool, (n + count - 1) // count, *closure(multiply_vector, vectors))
            return

        panels = (n + width - 1) // width
        work = m * n * k
        blocks = max((m + _BLOCK - 1) // _BLOCK, min((_CHUNKS + panels - 1) // panels, work // (panels * _GRAIN)))
        block = ((m + blocks - 1) // blocks + height - 1) // height * height
        blocks = (m + block - 1) // block
        count = min(panels, _GRAIN * blocks * panels // max(work, 1) + 1)
        chunks = (panels + count - 1) // count
        scattered = k >= _LONG or b_row * size >= _FAR
        packs_b = b_col != 1 or block >= _REUSE or (scattered and block > 4 * height)

        from_a = (a, height * a_row, a_row, a_col)
        packs_a = a_row == 1 and a_col >= height and panels > 2 and m * k > _CACHED
        tiles = (m + height - 1) // height
        packed = 0
        if packs_a:
            packed = allocate(tiles * height * k * size)
        if packed != 0:
            count_a = _GRAIN // (height * k) + 1
            tiles_of_a = (packed, count_a, a, a_col, m, k)
            run(pool, (tiles + count_a - 1) // count_a, *closure(pack_a, tiles_of_a))
            from_a = (packed, height * k, 1, height)
        plan = (block, count, chunks, packs_b)
        panels_of_b = (epilogue, (m, n, k), plan, from_a, (b, b_row, b_col), to_c, to_z, from_p, from_q)
        run(pool, blocks * chunks, *closure(multiply_block, panels_of_b))
        release(packed)

    return matmul
