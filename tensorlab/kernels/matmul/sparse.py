"""Skip the zeros of A in a product: find the steps along k at which a tile of A has a non-zero element.

A register tile multiplies a few rows of A at once. If all of them are zero at a step, the step adds ``0 * b`` to every
sum. A fifth of the pixels of MNIST are non-zero, and neighboring rows have zeros in common, so more than half of the
steps can be skipped. `mask_task` finds the other steps of each tile of A, and `sparse_block.sparse_task` visits them.

The bits of the result do not change, so any heuristic may decide whether to skip:

- For a finite b and a sum s, ``s + 0 * b`` has the bits of s, unless s is a zero. If an element of B is infinite or
  NaN, its panel of B is multiplied with all steps.
- A sum begins with +0, and ``+0 + ±0`` is +0. It is -0 only if a negative product was rounded to zero. Then a skipped
  step could have made it +0. The sign of a zero has no effect on later sums that are not zero, and at the end all
  register tiles, `tile.register_tile` too, replace -0 by +0.
- A sum has the same terms in the same chains.

NaN, infinity and subnormal numbers in A are not zero. IEEE 754 leaves the sign and payload of a sum of two NaN open,
and they depend on the order of operands in the machine code. So only these bits of a NaN may differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from tensorlab.kernels.matmul.elements import element
from tensorlab.kernels.matmul.job import SAMPLES, Masking
from tensorlab.kernels.matmul.pack import allocate, release
from tensorlab.kernels.matmul.rounding import CHAIN
from tensorlab.kernels.matmul.tile_shape import Tile
from tensorlab.kernels.matmul.tile_sparse import GROUP, columns_nonzero, popcount, row_nonzero
from tensorlab.kernels.runtime import atomics
from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.memory import address_of, pointer, scratch
from tensorlab.kernels.runtime.records import packed, record_at
from tensorlab.kernels.runtime.threads import run

_GRAIN = 1 << 14
"""The elements of A that a chunk of `mask_task` reads, at least."""
_COST = 8
"""The number of columns of B by which A is multiplied in the time that finding its steps takes."""
_GOLDEN = 40503
"""The golden ratio times 2**16: its multiples, modulo 2**16, are spread evenly for every number of samples."""


@jit
def masks_of(masks, k, tile, first):
    """Return the address of the words of a tile, for the chains from step ``first`` on."""
    return masks + (tile * ((k + CHAIN - 1) // CHAIN) + first // CHAIN) * 8


@jit
def nonzero_steps(pool, tasks, m, n, k, a):
    """Find the steps of each tile of A at which it has a non-zero element, if skipping the others is faster.

    Args:
        pool: the address of the pool, or 0.
        tasks: a `Table`.
        m: the rows of A.
        n: the columns of B.
        k: the columns of A.
        a: the `Matrix` A.

    Returns:
        the address of the words of all tiles (see `tile_sparse`), which the caller releases; 0 if multiplying densely
        is faster, or `mask_task` does not support the strides of A.

    Raises:
        MemoryError: if there is no memory for the words.
    """
    rows, width = tasks.sparse_rows, tasks.sparse_vectors * tasks.lanes
    tiles = (m + rows - 1) // rows
    rest = n % width
    wide = n - rest + (0 if rest == 0 else tasks.lanes if rest <= tasks.lanes else width)  # includes unused columns
    limit = tasks.kept * n // wide - _COST * SAMPLES // n if tasks.kept <= SAMPLES else tasks.kept
    if (a.row != 1 and a.column != 1) or k == 0 or not _is_promising(tasks, tiles, m, k, a, limit):
        return 0
    masks = allocate(masks_of(0, k, tiles, 0))
    if masks == 0:
        raise MemoryError
    kept = scratch(1, types.int64)
    kept[0] = 0
    groups = (m + GROUP - 1) // GROUP
    groups_each = _GRAIN // (GROUP * k) + 1
    masking = packed(Masking(masks, groups_each, a, m, k, address_of(kept)))
    run(pool, (groups + groups_each - 1) // groups_each, tasks.mask, masking)
    if kept[0] * SAMPLES > limit * tiles * k:
        release(masks)
        return 0
    return masks


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


def mask_task(dtype: Any, tile: Tile) -> Callable[..., None]:
    """Return the task that finds the non-zero steps of some groups of `GROUP` rows, whose data is a `Masking`."""
    size = dtype.bitwidth // 8
    rows = tile.sparse_rows
    of_row, of_columns = row_nonzero(dtype), columns_nonzero(dtype)

    def mask_task(data, chunk):
        job = record_at(data, Masking)
        a, m, k = job.a, job.m, job.k
        words = scratch(GROUP, types.int64)
        kept = 0
        for top in range(chunk * job.groups * GROUP, min((chunk + 1) * job.groups * GROUP, m), GROUP):
            valid = min(GROUP, m - top)
            for first in range(0, k, CHAIN):
                steps = min(CHAIN, k - first)
                if a.column != 1 and valid == GROUP:
                    of_columns(steps, element(a, size, top, first), a.column, words)
                else:
                    for i in range(valid):
                        row = element(a, size, top + i, first)
                        if a.column == 1 and steps == CHAIN:
                            words[i] = of_row(row)
                        else:
                            found = 0
                            for step in range(steps):
                                found |= (pointer(row, dtype)[step * a.column] != 0) << step
                            words[i] = found
                for i in range(0, valid, rows):
                    mask = 0
                    for j in range(i, min(i + rows, valid)):
                        mask |= words[j]
                    pointer(masks_of(job.masks, k, (top + i) // rows, first), types.int64)[0] = mask
                    kept += popcount(mask)
        atomics.fetch_add(job.kept, kept)

    return mask_task
