"""The scan loop: a state carried along each row, one thread for each row, so sums have the same bits as on the CPU.

The steps of a row depend on each other, so many rows are fast and a single long row is slow.
"""

from __future__ import annotations

import functools
from typing import Any

from tensorlab.rules import Scan
from tensorlab_cuda import driver
from tensorlab_cuda.kernel import Kernel
from tensorlab_cuda.kernels.build import build
from tensorlab_cuda.kernels.convert import convert
from tensorlab_cuda.kernels.lift import lift


def _source(inputs: int, initial: tuple[int, ...]) -> str:
    names = [f"x{k}" for k in range(inputs)]
    states = [f"s{k}" for k in range(len(initial))]
    start = "; ".join(f"{s} = compute({value})" for s, value in zip(states, initial, strict=True))
    elements = ", ".join(f"{x}_read({x}[first + i])" for x in names)
    return f"""
def kernel(rows, columns, y_address, {", ".join(f"{x}_address" for x in names)}):
    y = pointer(y_address, y_type)
{"".join(f"    {x} = pointer({x}_address, {x}_type){chr(10)}" for x in names)}
    for row in range(cuda.grid(1), rows, cuda.gridsize(1)):
        first = row * columns
        {start}
        for i in range(columns):
            {", ".join(f"{s}_new" for s in states)} = step({", ".join(states)}, {elements})
            {"; ".join(f"{s} = computed({s}_new)" for s in states)}
            y[first + i] = y_stored(result({", ".join(states)}))
"""


@functools.cache
def scan_kernel(rule: Scan, compute: str, inputs: tuple[str, ...], output: str) -> Kernel:
    """Return the kernel ``k(rows, columns, y, *xs)`` of a scan along the rows of dense matrices.

    Args:
        rule: the scan.
        compute: the dtype of the computation.
        inputs: the dtype of each input.
        output: the dtype of ``y``.
    """
    namespace: dict[str, Any] = {
        "compute": driver.storage(compute),
        "computed": convert(None, compute),
        "y_type": driver.storage(output),
        "y_stored": convert(None, output),
        **{f"x{k}_read": convert(dtype, compute) for k, dtype in enumerate(inputs)},
        "step": lift(rule.step, compute),
        "result": lift(rule.result, compute),
        **{f"x{k}_type": driver.storage(dtype) for k, dtype in enumerate(inputs)},
    }
    name = f"scan {rule.name} {compute}"
    return build(_source(len(inputs), rule.initial), namespace, name, (rule.step, rule.result))
