"""How products bound their rounding error, for every length of k, processor and number of threads.

A sum of n terms that are added one after the other is off by up to ``n * u`` of the sum of their absolute values, where
``u`` is half of the dtype's ``eps``. So a product adds up in three levels:

- at most `CHAIN` terms in a register, one after the other,
- at most ``DEPTH / CHAIN`` such sums, one after the other,
- any number of these, each addition with its own rounding error, which is kept and added at the end (`add_block`).

Together an element of a product differs from the exact one by at most ``BOUND * eps * sum(abs(a) * abs(b))``, where k
steps are cut by their number alone, so that results are the same bits for every number of threads.

Source: Knuth, The Art of Computer Programming, volume 2, 4.2.2 (the error of a sum); Ogita, Rump and Oishi, Accurate
Sum and Dot Product, SIAM J. Sci. Comput. 26, 2005 (the bound).
"""

from __future__ import annotations

from tensorlab.kernels.runtime.compiler import jit

CHAIN = 64
"""The terms that a register adds up: so few that the error is small, so many that storing the sum costs little."""
DEPTH = 1024
"""The terms of a block."""
BOUND = 48
"""Half of the additions that a term goes through: of its chain, of the chains of its block, of the lanes of a vector
and of the rest of a vector, and of the blocks, whose own errors are negligible."""


@jit
def add_block(count, block, total, error, first):
    """Add the sums of a block to those of the blocks before it: ``total + error`` is the sum.

    Args:
        count: how many sums.
        block, total, error: pointers.
        first: whether there are no blocks before it.
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
    """Write the sums of all blocks, of which `add_block` has kept the errors."""
    for j in range(count):
        # the error of a sum that is infinite is not a number
        out[j] = total[j] + (error[j] if error[j] == error[j] else 0)
