"""Skip the zeros of A in a product: list the steps along k at which a tile of A has a non-zero element.

A register tile multiplies a few rows of A at once. If all of them are zero at a step, the step adds ``0 * b`` to every
sum. A fifth of the pixels of MNIST are non-zero, and neighboring rows have zeros in common, so more than half of the
steps can be skipped. `list_task` makes a list for each tile of A, and `sparse_block.sparse_task` visits only its steps.

The bits of the result do not change, so any heuristic may decide whether to skip:

- For a finite b and a sum s, ``s + 0 * b`` has the bits of s, unless s is a zero. If an element of B is infinite or
  NaN, its panel of B is multiplied with all steps.
- A sum begins with +0, and ``+0 + ±0`` is +0. It is -0 only if a negative product was rounded to zero. Then a skipped
  step could have made it +0. The sign of a zero has no effect on later sums that are not zero, and at the end all
  register tiles, `tile.register_tile` too, replace -0 by +0.
- A sum has the same terms in the same chains: lists are divided at multiples of `rounding.CHAIN`.

The bits of an element decide whether it is zero, apart from the sign. So NaN, infinity and subnormal numbers are not
zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from tensorlab.kernels.matmul.epilogue import element
from tensorlab.kernels.matmul.job import SAMPLES, Listing, Matrix
from tensorlab.kernels.matmul.pack import allocate, release
from tensorlab.kernels.matmul.rounding import CHAIN
from tensorlab.kernels.matmul.tile_shape import Tile
from tensorlab.kernels.runtime import atomics
from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.memory import address_of, pointer, scratch
from tensorlab.kernels.runtime.records import packed, record_at
from tensorlab.kernels.runtime.threads import run

_GRAIN = 1 << 14
"""The elements of A that a chunk of `list_task` reads, at least."""
_GOLDEN = 40503
"""The golden ratio times 2**16: its multiples, modulo 2**16, are spread evenly for every number of samples."""


@jit
def list_bytes(k):
    """Return the size in bytes of the list of one tile: the steps of each chain, then the number of them."""
    return (k + CHAIN - 1) // CHAIN * (CHAIN + 1)


@jit
def list_of(lists, k, tile, first):
    """Return the addresses of the indices and of the counts of a tile, for the chains from step ``first`` on."""
    base = lists + tile * list_bytes(k)
    chains = (k + CHAIN - 1) // CHAIN
    return base + first, base + chains * CHAIN + first // CHAIN


@jit
def nonzero_steps(pool, tasks, m, n, k, a):
    """List the steps of each tile of A at which it has a non-zero element, if skipping the others is faster.

    Args:
        pool: the address of the pool, or 0.
        tasks: a `Table`.
        m: the rows of A.
        n: the columns of B.
        k: the columns of A.
        a: the `Matrix` A.

    Returns:
        the address of the lists, which the caller releases; 0 if multiplying densely is faster, or `list_task` does
        not support the strides of A. The last list has all steps.

    Raises:
        MemoryError: if there is no memory for the lists.
    """
    rows, width = tasks.sparse_rows, tasks.sparse_vectors * tasks.lanes
    tiles = (m + rows - 1) // rows
    rest = n % width
    wide = n - rest + (0 if rest == 0 else tasks.lanes if rest <= tasks.lanes else width)  # includes unused columns
    limit = tasks.kept * n // wide if tasks.kept <= SAMPLES else tasks.kept
    if (a.row != 1 and a.column != 1) or k == 0 or not _is_promising(tasks, tiles, m, k, a, limit):
        return 0
    lists = allocate((tiles + 1) * list_bytes(k))
    if lists == 0:
        raise MemoryError
    kept = scratch(1, types.int64)
    kept[0] = 0
    tiles_each = _GRAIN // (rows * k) + 1
    listing = packed(Listing(lists, tiles_each, a, m, k, address_of(kept)))
    run(pool, tiles // tiles_each + 1, tasks.lists, listing)
    if kept[0] * SAMPLES > limit * tiles * k:
        release(lists)
        return 0
    return lists


@jit
def _is_promising(tasks, tiles, m, k, a, limit):
    """Return whether A has enough zeros, judging from a few steps of a few tiles."""
    nonzero = 0
    for sample in range(SAMPLES):
        top = sample * tiles // SAMPLES * tasks.sparse_rows
        step = (sample * _GOLDEN & 0xFFFF) * k >> 16
        for i in range(top, min(top + tasks.sparse_rows, m)):
            at = element(a, tasks.size, i, step)
            bits = pointer(at, types.int32)[0] & 0x7FFFFFFF
            if tasks.size == 8:
                bits = pointer(at, types.int64)[0] & 0x7FFFFFFFFFFFFFFF
            if bits != 0:
                nonzero += 1
                break
        if nonzero > limit:
            return False
    return True


def list_task(dtype: Any, tile: Tile) -> Callable[..., None]:
    """Return the task that lists the steps of some tiles, whose data is a `Listing`.

    It reads A in the order of memory.
    """
    size = dtype.bitwidth // 8
    word = {32: types.int32, 64: types.int64}[dtype.bitwidth]
    magnitude = (1 << (dtype.bitwidth - 1)) - 1  # all bits but the sign
    rows = tile.sparse_rows
    in_column = rows * size // 8  # words of 64 bits
    shift = dtype.bitwidth % 64  # to combine the two elements of a word

    @jit
    def all_steps(steps, indices, count):
        for step in range(steps):
            indices[step] = step
        count[0] = steps

    @jit
    def of_rows(a, top, valid, first, steps, indices, count):
        """List the steps of a chain of one tile. The rows of A are contiguous."""
        bits = scratch(CHAIN, word)
        for step in range(steps):
            bits[step] = 0
        for i in range(top, top + valid):
            row = pointer(element(a, size, i, first), word)
            for step in range(steps):
                bits[step] |= row[step]
        listed = 0
        for step in range(steps):  # without branches; an index that is not counted is overwritten
            indices[listed] = step
            listed += (bits[step] & magnitude) != 0
        count[0] = listed

    @jit
    def of_columns(a, top, valid, first, steps, indices, count):
        """List the steps of a chain of one tile. The columns of A are contiguous."""
        column = element(a, size, top, first)
        listed = 0
        for step in range(steps):
            bits = 0
            if valid == rows:
                for i in range(in_column):
                    bits |= pointer(column, types.int64)[i]
                bits |= bits >> shift
            else:
                for i in range(valid):
                    bits |= pointer(column, word)[i]
            indices[listed] = step
            listed += (bits & magnitude) != 0
            column += a.column * size
        count[0] = listed

    def list_task(data, chunk):
        job = record_at(data, Listing)
        # Local copies, because a field would be read again after every write to a list.
        m, k, lists = job.m, job.k, job.lists
        a = Matrix(job.a.address, job.a.row, job.a.column)
        tiles = (m + rows - 1) // rows
        start, end = chunk * job.tiles, min((chunk + 1) * job.tiles, tiles + 1)
        kept = 0
        for tile in range(start, end):
            top = tile * rows
            valid = min(rows, m - top)
            for first in range(0, k, CHAIN):
                steps = min(CHAIN, k - first)
                at, count_at = list_of(lists, k, tile, first)
                indices, count = pointer(at, types.uint8), pointer(count_at, types.uint8)
                if tile == tiles:
                    all_steps(steps, indices, count)
                    continue
                if a.column == 1:
                    of_rows(a, top, valid, first, steps, indices, count)
                else:
                    of_columns(a, top, valid, first, steps, indices, count)
                kept += count[0]
        atomics.fetch_add(job.kept, kept)

    return list_task
