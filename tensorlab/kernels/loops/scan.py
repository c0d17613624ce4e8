"""The scan kernel: a state that is updated along each row of a matrix, and an output for each state.

One thread computes a whole row in order, so results do not depend on the number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from tensorlab.kernels import CHUNK
from tensorlab.kernels.runtime import memory
from tensorlab.kernels.runtime.atomics import closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.convert import convert
from tensorlab.kernels.runtime.lift import build, lift, storage
from tensorlab.kernels.runtime.threads import run
from tensorlab.rules import Scan


def _source(inputs: int, states: int) -> str:
    names = [f"x{k}" for k in range(inputs)]
    state = ", ".join(f"s{k}" for k in range(states))
    reads = "\n        ".join(
        f"{name} = pointer({name}_address + row * columns * {name}_size, {name}_type)" for name in names
    )
    start = "\n        ".join(f"s{k} = initial{k}" for k in range(states))
    kinds = "\n            ".join(f"s{k} = computed(s{k})" for k in range(states))
    parameters = ", ".join(f"{name}_address" for name in names)
    return f"""
@jit
def task(chunk, rows, columns, rows_a_chunk, y_address, {parameters}):
    for row in range(chunk * rows_a_chunk, min(rows, (chunk + 1) * rows_a_chunk)):
        {reads}
        y = pointer(y_address + row * columns * y_size, y_type)
        {start}
        for i in range(columns):
            {state} = step({state}, {", ".join(f"{name}_read({name}[i])" for name in names)})
            {kinds}
            y[i] = y_stored(result({state}))


def launch(pool, rows, columns, y, {", ".join(names)}):
    rows_a_chunk = max(1, CHUNK // columns)
    arguments = (rows, columns, rows_a_chunk, {", ".join(f"data(address({name}))" for name in ["y", *names])})
    run(pool, (rows + rows_a_chunk - 1) // rows_a_chunk, *closure(task, arguments))
"""


@kernel
def scan_kernel(rule: Scan, compute: str, inputs: tuple[str, ...], output: str) -> Definition:
    """Define the kernel ``k(pool, rows, columns, result, *inputs)`` of a scan along the rows of matrices.

    Args:
        rule: the scan.
        compute: the dtype of the computation.
        inputs: the dtype of each input.
        output: the dtype of the result.

    Returns:
        the function and its signature. It takes the pool's address, the shape, and each array. All arrays are
        C-contiguous with ``rows`` × ``columns`` elements, both at least 1.
    """
    source = _source(len(inputs), len(rule.initial))
    namespace: dict[str, Any] = {
        "CHUNK": CHUNK,
        "address": memory.address,
        "computed": convert(None, compute),
        "y_stored": convert(None, output),
        **{f"x{k}_read": convert(dtype, compute) for k, dtype in enumerate(inputs)},
        "data": memory.data,
        "jit": jit,
        "pointer": memory.pointer,
        "closure": closure,
        "run": run,
        "step": lift(rule.step, compute),
        "result": lift(rule.result, compute),
    }
    for position, value in enumerate(rule.initial):
        namespace[f"initial{position}"] = np.dtype(compute).type(value)
    for name, dtype in [("y", output), *((f"x{k}", dtype) for k, dtype in enumerate(inputs))]:
        namespace |= {f"{name}_type": storage(dtype), f"{name}_size": np.int64(np.dtype(dtype).itemsize)}
    name = f"scan {rule.name} {compute} {' '.join(inputs)} {output}"
    launch = build(source, namespace, name)["launch"]
    signature = (*[types.int64] * 3, *[memory.array_object] * (1 + len(inputs)))
    return launch, signature
