"""Plan matrix products with an epilogue, without BLAS.

The plan divides a product into chunks and selects the task that computes them. Tasks are compiled separately for each
dtype and called by address. So the planner is compiled once for all dtypes, and no task is compiled again with its
caller.

- In general (`block_task`) the columns of the result are divided into panels as wide as a register tile, and its rows
  into blocks. A chunk consists of a few panels of one block and is computed tile by tile. Operands are read in place if
  possible: A with any strides, because a tile broadcasts single elements of it, and B if its rows are contiguous. A
  panel of B is packed if it is ragged, transposed, or read often. A is packed if it is transposed and large.
- One row times a matrix with contiguous rows is a weighted sum of these rows (`row_task`).
- A result with few columns is computed by dot products, if rows of A and columns of B are long and contiguous
  (`dots_task`).

The k loop is divided only by its length. This bounds the rounding error (see `rounding`), and makes each element the
same sum for every number of threads.
"""

from __future__ import annotations

from numba import types

from tensorlab.kernels.matmul.block import block_task
from tensorlab.kernels.matmul.epilogue import FAILED
from tensorlab.kernels.matmul.integer import integer_task
from tensorlab.kernels.matmul.narrow import dots_task, row_task
from tensorlab.kernels.matmul.pack import allocate, pack_rows, release
from tensorlab.kernels.matmul.tile_shape import Tile
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.lift import storage
from tensorlab.kernels.runtime.memory import packed, pointer
from tensorlab.kernels.runtime.threads import run

_GRAIN = 1 << 17
"""The multiply-adds of a chunk, enough to justify another thread."""
_LINE_GRAIN = 1 << 16
"""The same for one row or few columns, where memory bandwidth limits the speed and a multiply-add takes longer."""
_SMALL = 1 << 22
"""The multiply-adds, about 0.1 ms, below which a product is done before a sleeping thread has woken up."""
_ROW = 128
"""The minimum number of contiguous elements of a row that a chunk reads."""
_DOTS = 8
"""The number of vectors along k above which summing their lanes is cheap."""
_LINE = 64
"""The size of a cache line in bytes."""
_ENOUGH = 32
"""The minimum number of rows for which a chunk transposes few columns of B. A copy shared by all threads would pay off
for fewer rows, but writing it is slow: other threads' caches still have the lines of the previous product's copy."""
_MANY = 256
"""The number of rows for which the cost of transposing few columns of B is negligible."""
_BLOCK = 512
"""The rows of a block: enough to make packing a panel of B cheap, and few enough to have blocks for all threads."""
_CHUNKS = 8
"""The target number of chunks: a product with few panels is divided into more blocks."""
_REUSE = 192
"""The number of rows above which packing a panel of B pays off. It is halved if the stride between rows of B is a
multiple of `_ALIAS` bytes, because the rows of a panel then compete for few cache sets."""
_ALIAS = 1 << 12
"""The stride in bytes at which rows map to the same cache sets."""
_LONG = 1024
"""The number of rows above which an unpacked panel of B does not stay in cache."""
_FAR = 1 << 13
"""The stride in bytes between rows above which an unpacked panel of B does not stay in cache."""
_CACHED = 1 << 17
"""The number of elements up to which a transposed A is read in place."""

ARGUMENTS = 22
"""The number of arguments of `matmul`, all of them ``int64``."""


_TASKS = {
    "block": block_task,
    "row": row_task,
    "dots": dots_task,
    "pack": lambda dtype, tile: pack_rows(dtype, tile.rows),
    "integer": lambda dtype, tile: integer_task(dtype),
}


@kernel
def task_kernel(task: str, dtype: str, tile: Tile | None) -> Definition:
    """Define one of the tasks above for matrices of a dtype (see `products.tasks`)."""
    return _TASKS[task](storage(dtype), tile), "void(int64, int64)"


@jit
def matmul(
    pool,
    table,
    epilogue,
    m,
    n,
    k,
    a,
    a_row,
    a_col,
    b,
    b_row,
    b_col,
    c,
    c_row,
    z,
    z_row,
    p,
    p_row,
    p_col,
    q,
    q_row,
    q_col,
):
    """Compute ``C = epilogue(A @ B, P, Q)``.

    All arguments are ``int64``: the address of the pool or 0; the address of `products.Tasks`; the address of an
    `epilogue_task` or 0; the shape; and for each matrix the address of its first element and its strides in elements.
    A is (m, k) and B is (k, n), with any strides. C and Z have contiguous rows and overlap neither A nor B. The
    epilogue stores the product itself in Z. P and Q are the operands of the epilogue, of shape (m, n); a stride of 0
    repeats an element. Unused arguments may be 0.

    Raises:
        MemoryError: if there is no memory for a copy of an operand. The content of the result is undefined then.
    """
    if m <= 0 or n <= 0:
        return
    k = max(k, 0)
    words = pointer(table, types.int64)
    size, lanes, height = words[0], words[1], words[3]
    width = lanes * words[2]
    c_col = 1
    z_col = 1 if z != 0 else 0  # without Z all of its strides are 0, so that every address in it is 0

    # Compute the transposed product if one row is multiplied by a transposed B, or a transposed A by few columns. The
    # result then has few rows instead of few columns, and its rows fill whole vectors.
    few = n < 2 * lanes and n * 5 < (n + lanes - 1) // lanes * lanes * 4
    if (m == 1 and b_row == 1 and b_col != 1) or (few and m >= width and a_row == 1 and a_col != 1):
        m, n = n, m
        a, a_row, a_col, b, b_row, b_col = b, b_col, b_row, a, a_col, a_row
        c_row, c_col, z_row, z_col = c_col, c_row, z_col, z_row
        p_row, p_col, q_row, q_col = p_col, p_row, q_col, q_row
        few = n == 1

    work = m * n * k
    a_copy = 0
    plan0 = plan1 = plan2 = plan3 = a_tile = 0
    if lanes == 0:
        task = words[4]
        plan0 = max(_GRAIN // (n * max(k, 1)), 1)
        chunks = (m + plan0 - 1) // plan0
    elif m == 1 and n > 1 and b_col == 1:
        task = words[5]
        plan0 = n if pool == 0 else max(_LINE_GRAIN // max(k, 1), n // 4) // _ROW * _ROW + _ROW
        chunks = (n + plan0 - 1) // plan0
    elif few and a_col == 1 and (n == 1 or k >= _DOTS * lanes):
        task = words[6]
        if n == 1:  # the task writes the column as a row
            c_col, z_col, p_col, q_col = c_row, z_row, p_row, q_row
        plan0 = max(_LINE_GRAIN // max(k * n, 1), 1)
        if b_row != 1:  # every chunk transposes B into its own copy
            plan0 = max(plan0, min(m // _CHUNKS, _MANY), _ENOUGH)
            plan1 = k + _LINE // size  # not a power of two, which would map all columns to one cache set
        chunks = (m + plan0 - 1) // plan0
    else:
        task = words[4]
        panels = (n + width - 1) // width
        blocks = max((m + _BLOCK - 1) // _BLOCK, min((_CHUNKS + panels - 1) // panels, work // (panels * _GRAIN)))
        block = ((m + blocks - 1) // blocks + height - 1) // height * height
        blocks = (m + block - 1) // block
        count = max(1, min(panels, _GRAIN * blocks * panels // max(work, 1)))
        across = (panels + count - 1) // count
        scattered = k >= _LONG or b_row * size >= _FAR
        reuse = _REUSE if b_row * size % _ALIAS != 0 else _REUSE // 2
        packs_b = b_col != 1 or block >= reuse or (scattered and block > 4 * height)
        a_tile = height * a_row
        if a_row == 1 and a_col >= height and panels > 2 and m * k > _CACHED:
            tiles = (m + height - 1) // height
            a_copy = allocate(tiles * height * k * size)
            if a_copy == 0:
                raise MemoryError
            tiles_each = _GRAIN // (height * k) + 1
            run(pool, (tiles + tiles_each - 1) // tiles_each, words[7], packed((a_copy, tiles_each, a, a_col, m, k)))
            a, a_tile, a_row, a_col = a_copy, height * k, 1, height
        plan0, plan1, plan2, plan3 = block, count, across, 1 if packs_b else 0
        chunks = blocks * across
    matrices = a, a_row, a_col, b, b_row, b_col, c, c_row, c_col, z, z_row, z_col, p, p_row, p_col, q, q_row, q_col
    if pool != 0 and work < _SMALL:
        pool += 1
    data = packed((epilogue, m, n, k, *matrices, plan0, plan1, plan2, plan3, a_tile, 0))
    run(pool, chunks, task, data)
    if a_copy != 0:
        release(a_copy)
    if pointer(data, types.int64)[FAILED] != 0:
        raise MemoryError
