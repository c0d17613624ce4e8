"""Folding elements into one value by the threads of a block: the inner loop of every reduction.

Thread ``t`` folds the elements ``t``, ``t + threads``, ... in order, and the threads' values are folded in pairs.
"""

from __future__ import annotations


def fold_source(count: str, fetch: str, combine: str, indent: str) -> str:
    """The text that leaves the value of ``count`` elements in ``lanes[0]``, where every thread of the block sees it.

    It uses the variables ``thread`` and ``threads`` and the shared array ``lanes``. Before ``lanes`` is written again,
    the threads have to be synchronised.

    Args:
        count: the variable that says how many elements there are, at least one.
        fetch: text that sets ``value`` to element ``i``, at indent 0.
        combine: the name of a function of two values.
        indent: of every line.
    """
    text = f"""
total = compute(0)
for i in range(thread, {count}, threads):
{"".join(f"    {line}{chr(10)}" for line in fetch.splitlines())}
    total = value if i == thread else compute({combine}(total, value))
lanes[thread] = total
width = threads if threads < {count} else {count}
while width > 1:
    cuda.syncthreads()
    half = (width + 1) // 2
    if thread < width - half:
        lanes[thread] = compute({combine}(lanes[thread], lanes[thread + half]))
    width = half
cuda.syncthreads()
"""
    return "".join(f"{indent}{line}\n" for line in text.splitlines() if line.strip())


BLOCK = """lanes = elements(cuda.shared.array(LANES, compute))
    thread = int64(cuda.threadIdx.x)
    threads = int64(cuda.blockDim.x)"""
"""The opening of a kernel that folds."""
