"""The matmul shape: matrix products with an epilogue, without a BLAS.

Here a product is planned; what it does to elements is in tasks, which are compiled apart for each dtype and called by
address. So the plan is compiled once for all dtypes, and no task is compiled again as a part of its caller.

- In general the columns of the result are cut into panels as wide as a register tile, its rows into blocks; a chunk of
  work is a few panels of one block, computed tile by tile (`block_task`). Operands stay where they are if they can: A
  always may, whatever its strides, since a tile broadcasts single elements of it, and B may if its rows are dense. A
  panel of B is packed when it is ragged, transposed, or read often; A is packed when it is transposed and large.
- One row times a matrix of dense rows adds up these rows (`row_task`).
- A result of few columns is dot products of rows of A and columns of B, if those are long and dense (`dots_task`).

The k loop is cut where its length alone says so, which bounds the rounding error (see `rounding`) and makes an element
of the result the same sum for every number of threads.
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
"""The multiply-adds that are worth handing to a thread."""
_LINE_GRAIN = 1 << 16
"""The same for one row or few columns, where memory decides and a multiply-add takes longer."""
_SMALL = 1 << 22
"""The multiply-adds, of about 0.1 ms, below which a product is done before a sleeping thread has woken up."""
_ROW = 128
"""The elements of a row that are worth being read together."""
_DOTS = 8
"""The vectors along k from which on adding up their lanes is cheap."""
_LINE = 64
"""The bytes of a cache line."""
_ENOUGH = 32
"""The rows of dot products that are worth turning few columns of B for. One copy for all threads would be worth it for
fewer, but takes longer: where other threads have read the last product's, every line has to be taken back from them."""
_MANY = 256
"""... and those for which it costs next to nothing."""
_BLOCK = 512
"""The rows of a block: so many that packing a panel of B for them is cheap, so few that every thread has blocks."""
_CHUNKS = 8
"""A product of few panels is cut into blocks until there are so many chunks."""
_REUSE = 192
"""The rows from which on reading a packed panel of B saves more than packing it costs; half of them do where rows of B
are a multiple of _ALIAS bytes apart, so that a panel's share few sets of the caches."""
_ALIAS = 1 << 12
_LONG = 1024
"""The rows of a panel of B from which on they do not stay cached where they are, ..."""
_FAR = 1 << 13
"""... and the bytes from one of them to the next."""
_CACHED = 1 << 17
"""The elements of a transposed A up to which its tiles are read where they are."""

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
    """A compiled task of those above, for matrices of a dtype; see `products.tasks`."""
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
    """``C = epilogue(A @ B, P, Q)``, for matrices in memory.

    All arguments are ``int64``: the address of a pool or 0, that of `products.Tasks`, that of an `epilogue_task` or 0,
    the shape, and for each matrix the address of its first element and its strides in elements. A is (m, k) and B
    (k, n), of any strides. The rows of C, and of Z, which an epilogue writes the product itself to, are dense; they
    overlap neither A nor B. P and Q are the operands of the epilogue, of shape (m, n), where a stride of 0 repeats an
    element. Whatever is not used may be 0.

    Raises:
        MemoryError: if there is no memory for a copy of an operand. The result is undefined then.
    """
    if m <= 0 or n <= 0:
        return
    k = max(k, 0)
    words = pointer(table, types.int64)
    size, lanes, height = words[0], words[1], words[3]
    width = lanes * words[2]
    c_col = 1
    z_col = 1 if z != 0 else 0  # all strides of a Z that is not there are 0, so that its address stays 0

    # The transposed product is the better one if the result is one row of a transposed B, or if it has few columns, of
    # a transposed A: as rows they fill vectors, which as columns they do not.
    few = n < 2 * lanes and n * 5 < (n + lanes - 1) // lanes * lanes * 4
    if (m == 1 and b_row == 1 and b_col != 1) or (few and m >= width and a_row == 1 and a_col != 1):
        m, n = n, m
        a, a_row, a_col, b, b_row, b_col = b, b_col, b_row, a, a_col, a_row
        c_row, c_col, z_row, z_col = c_col, c_row, z_col, z_row
        p_row, p_col, q_row, q_col = p_col, p_row, q_col, q_row
        few = n == 1

    work = m * n * k
    room = 0
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
        if n == 1:  # a column is finished as if it were a row
            c_col, z_col, p_col, q_col = c_row, z_row, p_row, q_row
        plan0 = max(_LINE_GRAIN // max(k * n, 1), 1)
        if b_row != 1:  # every chunk turns B for itself
            plan0 = max(plan0, min(m // _CHUNKS, _MANY), _ENOUGH)
            plan1 = k + _LINE // size  # not a power of two, or all columns would share one set of the cache
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
            room = allocate(tiles * height * k * size)
            if room == 0:
                raise MemoryError
            tiles_each = _GRAIN // (height * k) + 1
            run(pool, (tiles + tiles_each - 1) // tiles_each, words[7], packed((room, tiles_each, a, a_col, m, k)))
            a, a_tile, a_row, a_col = room, height * k, 1, height
        plan0, plan1, plan2, plan3 = block, count, across, 1 if packs_b else 0
        chunks = blocks * across
    matrices = a, a_row, a_col, b, b_row, b_col, c, c_row, c_col, z, z_row, z_col, p, p_row, p_col, q, q_row, q_col
    if pool != 0 and work < _SMALL:
        pool += 1
    data = packed((epilogue, m, n, k, *matrices, plan0, plan1, plan2, plan3, a_tile, 0))
    run(pool, chunks, task, data)
    if room != 0:
        release(room)
    if pointer(data, types.int64)[FAILED] != 0:
        raise MemoryError
