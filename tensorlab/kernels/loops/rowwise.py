"""The row-wise kernel: reductions along each row of a matrix, then a function of each element and the results.

All passes over a row are completed before the next row, so the row stays in the first-level cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from tensorlab.kernels import CHUNK
from tensorlab.kernels.loops.fold import fold_namespace, fold_source
from tensorlab.kernels.runtime import memory
from tensorlab.kernels.runtime.atomics import closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.lift import build, lift
from tensorlab.kernels.runtime.threads import run
from tensorlab.rules import Rowwise


def _source(inputs: int, reductions: int, dtype: str) -> str:
    """Return the text of the kernel. The last reduction writes its element values to ``y``, which ``output`` reads."""
    names = [f"x{k}" for k in range(inputs)]
    addresses = ", ".join(f"{name}_address + row * columns * size" for name in names)
    last = reductions - 1
    folds = "".join(fold_source(f"fold{k}", inputs, k, keep=k == last, dtype=dtype) for k in range(reductions))
    totals = [f"t{k}" for k in range(reductions)]
    result = ["y_address + row * columns * size"]
    calls = "\n        ".join(
        f"t{k} = fold{k}({', '.join(['columns', addresses, *totals[:k], *(result if k == last else [])])})"
        for k in range(reductions)
    )
    pointers = "\n        ".join(f"{name} = pointer({name}_address + row * columns * size, compute)" for name in names)
    values = ", ".join(["y[i]", *(f"{name}[i]" for name in names), *totals])
    parameters = ", ".join(f"{name}_address" for name in names)
    return f"""
{folds}

@jit
def task(chunk, rows, columns, rows_a_chunk, y_address, {parameters}):
    for row in range(chunk * rows_a_chunk, min(rows, (chunk + 1) * rows_a_chunk)):
        {calls}
        {pointers}
        y = pointer(y_address + row * columns * size, compute)
        for i in range(columns):
            y[i] = computed(output({values}))


def launch(pool, rows, columns, y, {", ".join(names)}):
    rows_a_chunk = max(1, CHUNK // (columns * {reductions + 1}))
    chunks = (rows + rows_a_chunk - 1) // rows_a_chunk
    arguments = (rows, columns, rows_a_chunk, {", ".join(f"data(address({name}))" for name in ["y", *names])})
    run(pool, chunks, *closure(task, arguments))
"""


@kernel
def rowwise_kernel(rule: Rowwise, dtype: str, inputs: int) -> Definition:
    """Define the kernel ``k(pool, rows, columns, result, *inputs)`` of a row-wise rule.

    Args:
        rule: the row-wise rule.
        dtype: the dtype of the inputs and the result, float32 or float64.
        inputs: the number of inputs.

    Returns:
        the function and its signature. It takes the pool's address, the shape, and each array. All arrays are
        C-contiguous with ``rows`` × ``columns`` elements, both at least 1.
    """
    source = _source(inputs, len(rule.reductions), dtype)
    namespace: dict[str, Any] = {
        "CHUNK": CHUNK,
        "address": memory.address,
        "data": memory.data,
        "output": lift(rule.output, dtype),
        "closure": closure,
        "run": run,
        "size": np.int64(np.dtype(dtype).itemsize),
    }
    for position, (combine, element) in enumerate(rule.reductions):
        functions = lift(element, dtype), lift(combine, dtype)
        namespace |= fold_namespace(f"fold{position}", *functions, dtype, [dtype] * inputs)
    name = f"rowwise {rule.name} {dtype}"
    launch = build(source, {**namespace, "jit": jit}, name)["launch"]
    signature = (*[types.int64] * 3, *[memory.array_object] * (1 + inputs))
    return launch, signature
