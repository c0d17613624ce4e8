"""Bound the rounding error of products, for every length of k, processor and number of threads.

Adding n terms one after another has an error of up to ``n * u`` times the sum of their absolute values, where ``u`` is
half of the dtype's ``eps``. A product therefore sums at three levels:

- up to `CHAIN` terms in a register, one after another,
- up to ``DEPTH / CHAIN`` of these sums, one after another,
- any number of these sums, where the rounding error of each addition is also summed, and added at the end
  (`add_block`).

The error of an element of the product is at most ``BOUND * eps * sum(abs(a) * abs(b))``. The steps along k are divided
by their number alone, so that results are bitwise identical for every number of threads.

Source: Knuth, The Art of Computer Programming, volume 2, 4.2.2 (the error of a sum); Ogita, Rump and Oishi, Accurate
Sum and Dot Product, SIAM J. Sci. Comput. 26, 2005 (the bound).
"""

from __future__ import annotations

from tensorlab.kernels.runtime.compiler import jit

CHAIN = 64
"""The number of terms that are summed in a register: few for a small error, many to store sums rarely."""
DEPTH = 1024
"""The number of terms in a block."""
BOUND = 48
"""Half of the maximum number of additions that a term takes part in: within its chain, of the chains of a block, of the
lanes of a vector, of the elements after the last whole vector, and of the blocks, whose own error is negligible."""


@jit
def add_block(count, block, total, error, first):
    """Add the sums of a block to the sums of the blocks before it, which are ``total + error``.

    Args:
        count: the number of sums.
        block: a pointer to the sums of the block.
        total: a pointer to the rounded sums so far.
        error: a pointer to their accumulated rounding errors.
        first: whether this is the first block.
    """
    if first:
        for j in range(count):
            total[j] = block[j]
            error[j] = 0
        return
    for j in range(count):
        before, new = total[j], block[j]
        after = before + new
        part = after - before
        error[j] += (before - (after - part)) + (new - part)
        total[j] = after


@jit
def blocks_total(count, total, error, out):
    """Write ``total + error``, the sums of all blocks, to ``out``."""
    for j in range(count):
        # the error of an infinite sum is NaN
        out[j] = total[j] + (error[j] if error[j] == error[j] else 0)
