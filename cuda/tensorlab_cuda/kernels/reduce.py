"""The reduction loop over any axes of an array, with one block per segment of one or several results.

A long reduction is split into segments of a fixed size, and a second launch combines their values. Adjacent threads
read adjacent memory: along the elements of one result or, if those are closer together, across results.
"""

from __future__ import annotations

import functools
from typing import Any

from tensorlab.rules import Reduction
from tensorlab_cuda import driver
from tensorlab_cuda.kernel import Kernel
from tensorlab_cuda.kernels.build import build
from tensorlab_cuda.kernels.convert import convert
from tensorlab_cuda.kernels.fold import BLOCK, fold_source, lanes
from tensorlab_cuda.kernels.lift import lift
from tensorlab_cuda.kernels.places import names, unravel

SEGMENT = 1 << 16
"""The number of elements that a block reduces for one result."""


def segment(across: int) -> int:
    """Return the number of elements per result in a segment, if a block computes ``across`` results."""
    return SEGMENT // (across * 2) if across > 1 else SEGMENT


def _source(element: str, result: str, kept: int, folded: int) -> str:
    move = unravel("first + i", "folded_length", folded, {"at": "folded_stride"}, "")
    fetch = f"at = base\n{move}value = {element}"
    axes = [*names("kept_length", kept), *names("folded_length", folded)]
    strides = [*names("kept_stride", kept), *names("folded_stride", folded)]
    return f"""
def kernel({", ".join(["outer", "count", "members", *axes, "y_address", "x_address", *strides])}):
    {BLOCK}
    y = pointer(y_address, y_type)
    x = pointer(x_address, x_type)
    segments = (count + SEGMENT - 1) // SEGMENT
    groups = (outer + ACROSS - 1) // ACROSS
    for block in range(int64(cuda.blockIdx.x), groups * segments, int64(cuda.gridDim.x)):
        base = int64(0)
        first = block % segments * SEGMENT
        length = count - first if count - first < SEGMENT else int64(SEGMENT)
        number = block // segments * ACROSS + beside
        own = number if number < outer else outer - 1
{unravel("own", "kept_length", kept, {"base": "kept_stride"}, " " * 8)}
{fold_source("length", fetch, "combine", " " * 8)}
        if lane == 0 and number < outer:
            y[number * segments + block % segments] = y_stored({result})
        cuda.syncthreads()
"""


@functools.cache
def reduce_kernel(
    rule: Reduction,
    compute: str,
    input: str | None,
    output: str | None,
    kept: int,
    folded: int,
    across: int,
    count: Any,
) -> Kernel:
    """Return the kernel ``k(outer, count, members, *lengths, y, x, *strides)`` of a reduction.

    Lengths and strides are those of the kept axes, then those of the reduced axes. Each of ``outer`` results is reduced
    from ``count`` elements, in segments; ``y`` has a value for each segment of each result.

    Args:
        rule: the reduction.
        compute: the dtype of the computation.
        input: the dtype of ``x``; None if ``x`` has the values of segments.
        output: the dtype of ``y`` if it has the results, each of ``members`` elements; None if it has the values of
            segments.
        kept: the number of axes of the result.
        folded: the number of reduced axes.
        across: the number of results per block, a power of two.
        count: the type in which elements are counted.
    """
    element = "computed(element(x_read(x[at])))" if input else "x[at]"
    result = "result(lanes[beside], compute(members))" if output and rule.result is not None else "lanes[beside]"
    namespace: dict[str, Any] = {
        "ACROSS": across,
        "SEGMENT": segment(across),
        "combine": lift(rule.combine, compute),
        "compute": driver.storage(compute),
        "count_type": count,
        "element": lift(rule.element, compute),
        "computed": convert(None, compute),
        "x_read": convert(input or compute, compute),
        "x_type": driver.storage(input or compute),
        "y_stored": convert(None, output or compute),
        "y_type": driver.storage(output or compute),
    }
    if rule.result is not None:
        namespace["result"] = lift(rule.result, compute)
    scalars = [scalar for scalar in (rule.element, rule.combine, rule.result) if scalar is not None]
    source, shared = _source(element, result, kept, folded), lanes(namespace["compute"])
    return build(source, namespace, f"reduce {rule.name} {compute}", scalars, shared=shared)
