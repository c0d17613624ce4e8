"""Reducing elements to one value by the threads of a block: the inner loop of every reduction.

A block folds for one result, or for several beside each other, whose elements lie beside each other in memory. Of the
``height`` threads of a result, thread ``lane`` folds the elements ``lane``, ``lane + height``, ... in order, and the
threads' values are folded in pairs.
"""

from __future__ import annotations

import numpy as np


def fold_source(count: str, fetch: str, combine: str, indent: str) -> str:
    """Return the text that reduces ``count`` elements to ``lanes[beside]``, where all threads see the value.

    It uses the names of `BLOCK`. Before ``lanes`` is written again, the threads have to be synchronised.

    Args:
        count: the variable that says how many elements there are, at least one.
        fetch: text that sets ``value`` to element ``i``, at indent 0.
        combine: the name of a function of two values.
        indent: of every line.
    """
    text = f"""
total = compute(0)
for i in range(lane, {count}, height):
{"".join(f"    {line}{chr(10)}" for line in fetch.splitlines())}
    total = value if i == lane else computed({combine}(total, value))
lanes[thread] = total
width = height if height < {count} else {count}
while width > 1:
    cuda.syncthreads()
    half = (width + 1) // 2
    if lane < width - half:
        lanes[thread] = computed({combine}(lanes[thread], lanes[thread + half * ACROSS]))
    width = half
cuda.syncthreads()
"""
    return "".join(f"{indent}{line}\n" for line in text.splitlines() if line.strip())


BLOCK = """lanes = elements(cuda.shared.array(lanes_SIZE, compute), lanes_START)
    thread = int64(cuda.threadIdx.x)
    threads = int64(cuda.blockDim.x)
    beside = thread % ACROSS
    lane = thread // ACROSS
    height = threads // ACROSS"""
"""The opening of a kernel that folds for ``ACROSS`` results at a time."""


def lanes(kind: type[np.generic]) -> dict[str, tuple[None, type[np.generic]]]:
    """Return the shared array of such a kernel, for `build`: one element for each thread."""
    return {"lanes": (None, kind)}
