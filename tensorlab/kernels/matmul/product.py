"""Plan matrix products with an epilogue, without BLAS.

The plan divides a product into chunks and selects the task that computes them. Tasks are compiled separately for each
dtype and called by address. So the planner is compiled once for all dtypes, and no task is compiled again with its
caller.

- In general (`block_task`) the columns of the result are divided into panels as wide as a register tile, and its rows
  into blocks. A chunk consists of a few panels of one block and is computed tile by tile. Operands are read in place if
  possible: A with any strides, because a tile broadcasts single elements of it, and B if its rows are contiguous. A
  panel of B is copied or packed if it is ragged, transposed, far away, or read often from where the cache cannot hold
  it. A is packed if it is transposed and large.
- If A has many zeros, the tiles are lower, and skip the steps along k at which all of their rows are zero (`sparse`).
- One row times a matrix with contiguous rows is a weighted sum of these rows (`row_task`).
- A result with few columns is computed by dot products, if rows of A and columns of B are long and contiguous
  (`dots_task`).

The k loop is divided only by its length. This bounds the rounding error (see `rounding`), and makes each element the
same sum for every number of threads.
"""

from __future__ import annotations

from numba import types

from tensorlab.kernels.matmul.block import block_task
from tensorlab.kernels.matmul.caches import LINE
from tensorlab.kernels.matmul.integer import integer_task
from tensorlab.kernels.matmul.job import (
    COPIED,
    FEW_COLUMNS,
    GENERAL,
    IN_PLACE,
    ONE_ROW,
    PACKED,
    SAMPLES,
    SPARSE,
    Division,
    Job,
    Matrix,
    Packing,
    Table,
)
from tensorlab.kernels.matmul.narrow import RUN, dots_task, row_task
from tensorlab.kernels.matmul.pack import allocate, pack_rows, release
from tensorlab.kernels.matmul.rounding import DEPTH
from tensorlab.kernels.matmul.sparse import mask_task, nonzero_steps
from tensorlab.kernels.matmul.sparse_block import sparse_task
from tensorlab.kernels.matmul.tile_shape import Tile
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.lift import storage
from tensorlab.kernels.runtime.memory import address_of, scratch
from tensorlab.kernels.runtime.records import packed, record_at
from tensorlab.kernels.runtime.threads import run, team

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
_ENOUGH = 32
"""The minimum number of rows for which a chunk transposes few columns of B. A copy shared by all threads would pay off
for fewer rows, but writing it is slow: other threads' caches still have the lines of the previous product's copy."""
_MANY = 256
"""The number of rows for which the cost of transposing few columns of B is negligible."""
_BLOCK = 512
"""The rows of a block: enough to make packing a panel of B cheap, and few enough to have blocks for all threads."""
_CHUNKS = 8
"""The target number of chunks: a product with few panels is divided into more blocks."""
_CHUNKS_EACH = 2
"""The minimum number of chunks for each thread, if B is far away and chunks are large."""
_FAR = 8
"""How many times as large as the L2 cache B is if it has to be read from memory, or from a distant cache. Short runs
of rows are then slow to read, because each costs a translation of its page, and processors do not prefetch it."""
_SHALLOW = 256
"""The steps along k of a block of such a B: few, so that the panels of a chunk, which fill the L2 cache, are many."""
_FEW_TILES = 4
"""The number of tiles of a panel up to which it is read in place: writing a copy takes longer than it gains."""
_SPARSE_ROWS = 96
"""The number of rows above which packing a panel of B pays off for a sparse A."""


_TASKS = {
    "block": block_task,
    "row": row_task,
    "dots": dots_task,
    "pack": lambda dtype, tile: pack_rows(dtype, tile.rows),
    "mask": mask_task,
    "sparse": sparse_task,
    "integer": lambda dtype, tile: integer_task(dtype),
}


@kernel
def task_kernel(task: str, dtype: str, tile: Tile | None) -> Definition:
    """Define one of the tasks above for matrices of a dtype (see `products.tasks`)."""
    return _TASKS[task](storage(dtype), tile), "void(int64, int64)"


@jit
def crowded(rows, stride, run, cache):
    """Return whether a cache cannot hold some rows, of each of which ``run`` bytes are used, ``stride`` bytes apart.

    The rows start at multiples of the largest power of two in the stride. So they share few sets of a cache if that is
    large.
    """
    way = cache.size // cache.ways
    apart = max(min(stride & -stride, way), (run + LINE - 1) // LINE * LINE)
    return rows > way // apart * cache.ways


@jit
def transposed(matrix):
    """Return the transpose of a `Matrix`."""
    return Matrix(matrix.address, matrix.column, matrix.row)


@jit
def matmul(pool, table, epilogue, m, n, k, a, b, c, z, p, q):
    """Compute ``C = epilogue(A @ B, P, Q)``.

    Args:
        pool: the address of the pool, or 0.
        table: the address of a `Table`.
        epilogue: the address of an `epilogue_task`, or 0.
        m: the rows of the result.
        n: the columns of the result.
        k: the columns of A and rows of B.
        a: the `Matrix` A, with any strides.
        b: the `Matrix` B, with any strides.
        c: the result. Its rows are contiguous, whatever its column stride says; it overlaps neither A nor B.
        z: like C; the epilogue stores the product itself there. Its address and row stride may be 0.
        p: the first operand of the epilogue, of shape (m, n); a stride of 0 repeats an element.
        q: the second operand of the epilogue.

    Returns:
        0, or the kind of the product, if its tasks have to be compiled before it can be computed. Whether they have to
        depends on shapes and strides only. So a plan, which has computed the product before, need not look.

    Raises:
        MemoryError: if there is no memory for a copy of an operand. The content of the result is undefined then.
    """
    if m <= 0 or n <= 0:
        return 0
    k = max(k, 0)
    tasks = record_at(table, Table)
    size, lanes, height = tasks.size, tasks.lanes, tasks.rows
    width = lanes * tasks.vectors
    first, second = tasks.caches.first, tasks.caches.second
    c = Matrix(c.address, c.row, 1)
    z = Matrix(z.address, z.row, 1 if z.address != 0 else 0)  # without Z the address of every element is 0

    # Compute the transposed product if one row is multiplied by a transposed B, or a transposed A by few columns. The
    # result then has few rows instead of few columns, and its rows fill whole vectors.
    few = n < 2 * lanes and n * 5 < (n + lanes - 1) // lanes * lanes * 4
    if (m == 1 and b.row == 1 and b.column != 1) or (few and m >= width and a.row == 1 and a.column != 1):
        m, n = n, m
        a, b = transposed(b), transposed(a)
        c, z = transposed(c), transposed(z)
        p, q = transposed(p), transposed(q)
        few = n == 1

    work = m * n * k
    far = 1 if k * n * size > _FAR * second.size else 0
    a_copy = masks = 0
    panels_each = across = mode = depth = a_rows = b_copy = 0
    if lanes == 0:
        task = tasks.general
        if task == 0:
            return GENERAL
        extent = max(_GRAIN // (n * max(k, 1)), 1)
        chunks = (m + extent - 1) // extent
    elif m == 1 and n > 1 and b.column == 1:
        task = tasks.row
        if task == 0:
            return ONE_ROW
        extent = max(_LINE_GRAIN // max(k, 1), min(n // team(pool), RUN // size), 1)
        extent = (extent + _ROW - 1) // _ROW * _ROW
        depth = 8 if far or not crowded(2 * 8, b.row * size, LINE, first) else 4
        chunks = (n + extent - 1) // extent
    elif few and a.column == 1 and (n == 1 or k >= _DOTS * lanes):
        task = tasks.dots
        if task == 0:
            return FEW_COLUMNS
        if n == 1:  # the task writes the column as a row
            c, z = transposed(c), transposed(z)
            p, q = transposed(p), transposed(q)
        extent = max(_LINE_GRAIN // max(k * n, 1), 1)
        if b.row != 1:  # every chunk transposes B into its own copy, so a small product has only one for each thread
            each = (m + team(pool) - 1) // team(pool) if work < _SMALL else min(m // _CHUNKS, _MANY)
            extent = max(extent, each, _ENOUGH)
            b_copy = k + LINE // size  # not a power of two, which would map all columns to one cache set
        chunks = (m + extent - 1) // extent
    else:
        task = tasks.general
        if task == 0:
            return GENERAL
        if tasks.kept > SAMPLES or (work >= _SMALL and tasks.kept != 0):
            if tasks.sparse == 0:
                return SPARSE
            masks = nonzero_steps(pool, tasks, m, n, k, a)
            if masks != 0:
                task, height, width = tasks.sparse, tasks.sparse_rows, lanes * tasks.sparse_vectors
        panels = (n + width - 1) // width
        blocks = max((m + _BLOCK - 1) // _BLOCK, min((_CHUNKS + panels - 1) // panels, work // (panels * _GRAIN)))
        extent = ((m + blocks - 1) // blocks + height - 1) // height * height
        blocks = (m + extent - 1) // extent
        panels_each = max(1, min(panels, _GRAIN * blocks * panels // max(work, 1)))
        depth = DEPTH
        if masks != 0:
            mode = PACKED if b.column != 1 or extent >= _SPARSE_ROWS else IN_PLACE
        elif far:
            mode = PACKED
            depth = _SHALLOW
            share = panels * blocks // (_CHUNKS_EACH * team(pool))
            panels_each = max(panels_each, min(share, second.size // (depth * width * size)))
        elif b.column != 1:
            mode = PACKED
        elif extent > _FEW_TILES * height and crowded(min(k, depth), b.row * size, width * size, first):
            mode = COPIED
        across = (panels + panels_each - 1) // panels_each
        across = min(panels, (across + team(pool) - 1) // team(pool) * team(pool))  # as many chunks for every thread
        panels_each = (panels + across - 1) // across
        if masks == 0 and a.row == 1 and a.column >= height and panels > 2 and m * k * size > second.size // 2:
            tiles = (m + height - 1) // height
            a_rows = tiles * height
            a_copy = allocate(a_rows * k * size)
            if a_copy == 0:
                raise MemoryError
            tiles_each = _GRAIN // (height * k) + 1
            packing = packed(Packing(a_copy, tiles_each, a_rows, depth, a, m, k))
            run(pool, (tiles + tiles_each - 1) // tiles_each, tasks.pack, packing)
            a = Matrix(a_copy, 1, height)
        chunks = blocks * across
    if pool != 0 and work < _SMALL:
        pool += 1
    failed = scratch(1, types.int64)
    failed[0] = 0
    division = Division(extent, panels_each, across, mode, depth, a_rows, b_copy, masks)
    job = packed(Job(epilogue, m, n, k, a, b, c, z, p, q, division, address_of(failed)))
    run(pool, chunks, task, job)
    release(masks)
    release(a_copy)
    if failed[0] != 0:
        raise MemoryError
    return 0
