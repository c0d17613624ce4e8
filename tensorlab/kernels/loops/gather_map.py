"""The gather map kernel: elementwise functions of some rows of an array, computed while the rows are gathered.

So images of bytes become a batch of scaled floats in one pass, without a copy in between.
"""

from __future__ import annotations

from typing import Any

from numba import types

from tensorlab.kernels.runtime import memory
from tensorlab.kernels.runtime.atomics import closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.convert import convert
from tensorlab.kernels.runtime.lift import build, lift, storage
from tensorlab.kernels.runtime.memory import pointer
from tensorlab.kernels.runtime.threads import run
from tensorlab.scalars import ScalarFunction

Stage = tuple[ScalarFunction, str, tuple[str, ...], str, int]
"""A function, the dtypes of its computation, inputs and result, and the position of the gathered element."""

_GRAIN = 1 << 13
"""The number of elements of a chunk, at least."""


def _source(stages: tuple[Stage, ...]) -> str:
    numbers: list[str] = []
    lines: list[str] = []
    for k, (_, _, inputs, _, position) in enumerate(stages):
        given = []
        for i in range(len(inputs)):
            if i != position:
                numbers.append(f"f{k}_x{i}")
            given.append(f"f{k}_x{i}_read({f'x{k}' if i == position else f'f{k}_x{i}'})")
        lines.append(f"x{k + 1} = f{k}_stored(f{k}({', '.join(given)}))")
    addresses = "".join(f", {name}_address" for name in numbers)
    loads = "\n    ".join(f"{name} = pointer({name}_address, {name}_type)[0]" for name in numbers)
    computed = "\n            ".join(lines)
    return f"""
@jit
def task(chunk, rows, count, size, target, source, step, length, indices_address{addresses}):
    indices = pointer(indices_address, int64)
    {loads}
    for row in range(chunk * count, min((chunk + 1) * count, rows)):
        index = indices[row]
        read = pointer(source + (index + length if index < 0 else index) * step, x_type)
        written = pointer(target + row * size * SIZE, y_type)
        for j in range(size):
            x0 = read[j]
            {computed}
            written[j] = x{len(stages)}


def launch(pool, size, result, source, indices{"".join(f", {name}" for name in numbers)}):
    from_, by = address(source), address(indices)
    rows, length_ = length(by, 0), length(from_, 0)
    chosen = pointer(data(by), int64)
    for row in range(rows):
        if chosen[row] < -length_ or chosen[row] >= length_:
            return 1
    count = GRAIN // size + 1
    arguments = (rows, count, size, data(address(result)), data(from_), stride(from_, 0), length_, data(by)
                 {"".join(f", data(address({name}))" for name in numbers)})
    run(pool, (rows + count - 1) // count, *closure(task, arguments))
    return 0
"""


@kernel
def gather_map_kernel(stages: tuple[Stage, ...]) -> Definition:
    """Define the kernel ``k(pool, size, result, source, indices, *numbers)``: `gather_kernel`, then some maps.

    The results are the same, to the bit, as those of a kernel for each step.

    Args:
        stages: the functions, in order. One input of each is the element of the source or the result of the function
            before; the others are numbers.

    Returns:
        the function and its signature. It takes the pool's address, the number of elements of a row, at least 1, the
        arrays as `gather_kernel`, and an array of one element for each number, in order. It returns 1 if an index is
        out of range, or 0.
    """
    namespace: dict[str, Any] = {
        "GRAIN": _GRAIN,
        "address": memory.address,
        "closure": closure,
        "data": memory.data,
        "int64": types.int64,
        "jit": jit,
        "length": memory.length,
        "pointer": pointer,
        "run": run,
        "stride": memory.stride,
    }
    for k, (function, compute, inputs, output, _) in enumerate(stages):
        namespace[f"f{k}"] = lift(function, compute)
        namespace[f"f{k}_stored"] = convert(None, output)
        for i, dtype in enumerate(inputs):
            namespace[f"f{k}_x{i}_read"] = convert(dtype, compute)
            namespace[f"f{k}_x{i}_type"] = storage(dtype)
    _, _, inputs, _, position = stages[0]
    result = storage(stages[-1][3])
    namespace |= {"x_type": storage(inputs[position]), "y_type": result, "SIZE": result.bitwidth // 8}
    numbers = sum(len(inputs) - 1 for _, _, inputs, _, _ in stages)
    name = f"gather map {' '.join(function.name for function, *_ in stages)}"
    launch = build(_source(stages), namespace, name)["launch"]
    return launch, (*[types.int64] * 2, *[memory.array_object] * (3 + numbers))
