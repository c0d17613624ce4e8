"""Skip the zeros of A in a product: list the steps along k at which a tile of A has a non-zero element.

A register tile multiplies a few rows of A at once. If all of them are zero at a step, the step adds ``0 * b`` to every
sum. A fifth of the pixels of MNIST are non-zero, and neighboring rows have zeros in common, so half of the steps or
more can be skipped. `list_task` makes a list for each tile of A, and the tile visits the steps of its list
(`tile.listed_tile`).

The bits of the result do not change, so any heuristic may decide whether to skip:

- For a finite b and a sum s, ``s + 0 * b`` has the bits of s, unless s is a zero. If an element of B is infinite or
  NaN, its block is multiplied densely.
- A sum begins with +0, and ``+0 + ±0`` is +0. It is -0 only if a negative product was rounded to zero. Then a skipped
  step could have made it +0. The sign of a zero has no effect on later sums that are not zero, and at the end every
  tile, dense or not, replaces -0 by +0.
- A sum has the same terms in the same chains: lists are divided at multiples of `rounding.CHAIN`.

The bits of an element decide whether it is zero, apart from the sign. So NaN, infinity and subnormal numbers are not
zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from tensorlab.kernels.matmul.epilogue import element
from tensorlab.kernels.matmul.job import SAMPLES, Listing
from tensorlab.kernels.matmul.pack import allocate, release
from tensorlab.kernels.matmul.rounding import CHAIN
from tensorlab.kernels.matmul.tile_shape import Tile
from tensorlab.kernels.runtime import atomics
from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.memory import address_of, pointer, scratch
from tensorlab.kernels.runtime.records import packed, record_at
from tensorlab.kernels.runtime.threads import run

_GRAIN = 1 << 13
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
def nonzero_steps(pool, tasks, m, k, a):
    """List the steps of each tile of A at which it has a non-zero element.

    Args:
        pool: the address of the pool, or 0.
        tasks: a `Table`.
        m: the rows of A.
        k: the columns of A.
        a: the `Matrix` A.

    Returns:
        the address of the lists, which the caller releases; 0 if multiplying densely is faster, or `list_task` does
        not support the strides of A.

    Raises:
        MemoryError: if there is no memory for the lists.
    """
    if not _is_promising(tasks, m, k, a):
        return 0
    rows = tasks.rows
    tiles = (m + rows - 1) // rows
    lists = allocate(tiles * list_bytes(k))
    if lists == 0:
        raise MemoryError
    kept = scratch(1, types.int64)
    kept[0] = 0
    tiles_each = _GRAIN // (rows * k) + 1
    listing = packed(Listing(lists, tiles_each, a, m, k, address_of(kept)))
    run(pool, (tiles + tiles_each - 1) // tiles_each, tasks.lists, listing)
    if kept[0] * SAMPLES > tasks.kept * tiles * k:
        release(lists)
        return 0
    return lists


@jit
def _is_promising(tasks, m, k, a):
    """Return whether A has enough zeros, judging from a few steps of a few tiles."""
    if (a.row != 1 and a.column != 1) or k == 0:
        return False
    rows = tasks.rows
    tiles = (m + rows - 1) // rows
    nonzero = 0
    for sample in range(SAMPLES):
        if nonzero > tasks.kept:
            return False
        top = sample * tiles // SAMPLES * rows
        step = (sample * _GOLDEN & 0xFFFF) * k >> 16
        for i in range(top, min(top + rows, m)):
            at = element(a, tasks.size, i, step)
            bits = pointer(at, types.int32)[0] & 0x7FFFFFFF
            if tasks.size == 8:
                bits = pointer(at, types.int64)[0] & 0x7FFFFFFFFFFFFFFF
            if bits != 0:
                nonzero += 1
                break
    return nonzero <= tasks.kept


def list_task(dtype: Any, tile: Tile) -> Callable[..., None]:
    """Return the task that lists the steps of some tiles, whose data is a `Listing`."""
    size = dtype.bitwidth // 8
    word = {32: types.int32, 64: types.int64}[dtype.bitwidth]
    magnitude = (1 << (dtype.bitwidth - 1)) - 1  # all bits but the sign
    rows = tile.rows

    def list_task(data, chunk):
        job = record_at(data, Listing)
        a, k = job.a, job.k
        bits = scratch(CHAIN, word)
        kept = 0
        for tile in range(chunk * job.tiles, min((chunk + 1) * job.tiles, (job.m + rows - 1) // rows)):
            top = tile * rows
            valid = min(rows, job.m - top)
            for first in range(0, k, CHAIN):
                steps = min(CHAIN, k - first)
                if a.column == 1:
                    for step in range(steps):
                        bits[step] = 0
                    for i in range(valid):
                        row = pointer(element(a, size, top + i, first), word)
                        for step in range(steps):
                            bits[step] |= row[step]
                else:
                    for step in range(steps):
                        column = pointer(element(a, size, top, first + step), word)
                        found = 0
                        if valid == rows:
                            for i in range(rows):  # a constant number, so that LLVM uses vectors
                                found |= column[i]
                        else:
                            for i in range(valid):
                                found |= column[i]
                        bits[step] = found
                at, count_at = list_of(job.lists, k, tile, first)
                indices = pointer(at, types.uint8)
                count = 0
                for step in range(steps):  # without branches; an index that is not counted is overwritten
                    indices[count] = step
                    count += (bits[step] & magnitude) != 0
                pointer(count_at, types.uint8)[0] = count
                kept += count
        atomics.fetch_add(job.kept, kept)

    return list_task
