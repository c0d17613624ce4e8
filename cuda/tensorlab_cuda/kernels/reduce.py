"""The reduce shape: folding an array over any of its axes, a block for each segment of each result.

A long fold is cut into segments of a fixed size, whose values a second launch folds.
"""

from __future__ import annotations

import functools
from typing import Any

from tensorlab.rules import Reduction
from tensorlab_cuda import driver
from tensorlab_cuda.kernels.fold import BLOCK, fold_source
from tensorlab_cuda.kernels.lift import lift, unravel

SEGMENT = 1 << 16
"""Elements that one block folds."""


def _source(element: str, result: str) -> str:
    fetch = f"at = base\n{unravel('first + i', 'shape', {'at': 'strides'}, '')}value = {element}"
    return f"""
def kernel(outer, count, members, kept_shape, kept_strides, shape, strides, y, x, start):
    {BLOCK}
    segments = (count + SEGMENT - 1) // SEGMENT
    for block in range(int64(cuda.blockIdx.x), outer * segments, int64(cuda.gridDim.x)):
        base = start
        first = block % segments * SEGMENT
        length = count - first if count - first < SEGMENT else int64(SEGMENT)
{unravel("block // segments", "kept_shape", {"base": "kept_strides"}, " " * 8)}
{fold_source("length", fetch, "combine", " " * 8)}
        if thread == 0:
            y[block] = y_type({result})
        cuda.syncthreads()
"""


@functools.cache
def reduce_kernel(rule: Reduction, compute: str, output: str, first: bool, last: bool) -> driver.Kernel:
    """The kernel ``k(outer, count, members, kept_shape, kept_strides, shape, strides, y, x, start)`` of a reduction.

    ``outer`` results of ``count`` elements each are cut into segments; ``y`` has a value for each segment of each
    result.

    Args:
        rule: what is computed.
        compute: the dtype that it is computed in.
        output: the dtype of ``y``.
        first: whether ``x`` has the elements, and not values of segments.
        last: whether ``y`` gets the results, which are of ``members`` elements each, and not values of segments.
    """
    element = "compute(element(compute(x[at])))" if first else "x[at]"
    result = "result(lanes[0], compute(members))" if last and rule.result is not None else "lanes[0]"
    namespace: dict[str, Any] = {
        "LANES": driver.device().threads,
        "SEGMENT": SEGMENT,
        "combine": lift(rule.combine, compute),
        "compute": driver.storage(compute),
        "element": lift(rule.element, compute),
        "y_type": driver.storage(output),
    }
    if rule.result is not None:
        namespace["result"] = lift(rule.result, compute)
    scalars = [scalar for scalar in (rule.element, rule.combine, rule.result) if scalar is not None]
    return driver.build(_source(element, result), namespace, f"reduce {rule.name} {compute} {first} {last}", scalars)
