"""The row-wise loop: reductions along each row, then a value for each element, with one block per row."""

from __future__ import annotations

import functools
from typing import Any

from tensorlab.rules import Rowwise
from tensorlab_cuda import driver
from tensorlab_cuda.kernel import Kernel
from tensorlab_cuda.kernels.build import build
from tensorlab_cuda.kernels.convert import convert
from tensorlab_cuda.kernels.fold import BLOCK, fold_source, lanes
from tensorlab_cuda.kernels.lift import lift


def _source(inputs: int, reductions: int) -> str:
    names = [f"x{k}" for k in range(inputs)]
    totals = [f"t{k}" for k in range(reductions)]
    elements = [f"{x}[first + i]" for x in names]
    folds = ""
    for k in range(reductions):
        fetch = f"value = computed(element{k}({', '.join([*elements, *totals[:k]])}))\n"
        if k == reductions - 1:
            fetch += "y[first + i] = value\n"
        folds += fold_source("columns", fetch, f"combine{k}", " " * 8)
        folds += f"        t{k} = lanes[0]\n        cuda.syncthreads()\n"
    return f"""
def kernel(rows, columns, y_address, {", ".join(f"{x}_address" for x in names)}):
    {BLOCK}
{"".join(f"    {x} = pointer({x}_address, compute){chr(10)}" for x in ["y", *names])}
    for row in range(int64(cuda.blockIdx.x), rows, int64(cuda.gridDim.x)):
        first = row * columns
{folds}
        for i in range(thread, columns, threads):
            y[first + i] = computed(output({", ".join(["y[first + i]", *elements, *totals])}))
"""


@functools.cache
def rowwise_kernel(rule: Rowwise, dtype: str, inputs: int) -> Kernel:
    """Return the kernel ``k(rows, columns, y, *xs)`` of a row-wise rule.

    Args:
        rule: the rule.
        dtype: float32 or float64, of the inputs and the result.
        inputs: the number of input matrices, which are dense.
    """
    namespace: dict[str, Any] = {
        "ACROSS": 1,
        "compute": driver.storage(dtype),
        "computed": convert(None, dtype),
        "output": lift(rule.output, dtype),
    }
    for k, (combine, element) in enumerate(rule.reductions):
        namespace |= {f"combine{k}": lift(combine, dtype), f"element{k}": lift(element, dtype)}
    scalars = [scalar for pair in rule.reductions for scalar in pair]
    source = _source(inputs, len(rule.reductions))
    shared = lanes(namespace["compute"])
    return build(source, namespace, f"rowwise {rule.name} {dtype}", (*scalars, rule.output), shared=shared)
