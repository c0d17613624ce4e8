"""Reduce elements with the threads of a block: the inner loop of every reduction.

A block reduces one result, or several whose elements are adjacent in memory. Each result has ``height`` threads. Thread
``lane`` accumulates the elements ``lane``, ``lane + height``, ... in order; then the values of the threads are combined
in pairs.
"""

from __future__ import annotations

import numpy as np


def fold_source(count: str, fetch: str, combine: str, indent: str) -> str:
    """Return the text that reduces ``count`` elements into ``lanes[beside]``, which all threads can read.

    It uses the names of `BLOCK`. The threads must synchronize before ``lanes`` is written again.

    Args:
        count: the variable with the number of elements, at least one.
        fetch: text, without indentation, that sets ``value`` to element ``i``.
        combine: the name of a function of two values.
        indent: the indentation of each line.
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
"""The start of a kernel whose blocks compute ``ACROSS`` results at a time."""


def lanes(kind: type[np.generic]) -> dict[str, tuple[None, type[np.generic]]]:
    """Return the shared array of such a kernel, for `build`: one element per thread."""
    return {"lanes": (None, kind)}
