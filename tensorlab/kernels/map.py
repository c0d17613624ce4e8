"""The map shape: a scalar function over arrays of any strides, broadcast against each other.

Axes that lie behind each other in every array are merged, and what remains is walked in runs along the last of them.
A chunk is a range of the flat index of the result.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import numpy as np

from tensorlab.kernels import memory
from tensorlab.kernels.compiler import jit, kernel
from tensorlab.kernels.lift import build, lift, storage
from tensorlab.kernels.threads import parallel_for
from tensorlab.scalars import ScalarFunction

CHUNK = 1 << 14
"""The number of elements that is worth handing to a thread."""


@jit
def merge_axes(arrays, sizes, table):
    """Fill ``table`` with the lengths and the strides (in elements) of the merged axes; return how many there are.

    Args:
        arrays: the addresses of arrays. The first has the shape of the result; the others broadcast to it.
        sizes: the bytes of an element of each.
        table: ``(1 + number of arrays, MAX_RANK)`` words: lengths, then the strides of each array.
    """
    count = len(arrays)
    total = memory.rank(arrays[0])
    axes = 0
    for axis in range(total):
        extent = memory.length(arrays[0], axis)
        if extent == 1:
            continue
        table[0, axes] = extent
        mergeable = axes > 0
        for position in range(count):
            own = axis - total + memory.rank(arrays[position])
            step = 0
            if own >= 0 and memory.length(arrays[position], own) != 1:
                step = memory.stride(arrays[position], own) // sizes[position]
            table[position + 1, axes] = step
            if mergeable and table[position + 1, axes - 1] != step * extent:
                mergeable = False
        if mergeable:
            table[0, axes - 1] *= extent
            for position in range(count):
                table[position + 1, axes - 1] = table[position + 1, axes]
        else:
            axes += 1
    if axes == 0:
        table[:, 0] = 0
        table[0, 0] = 1
        axes = 1
    return axes


def _loops(inputs: int, outputs: int) -> str:
    """The loops over one run: one for each way in which up to two inputs can be dense or broadcast, and one for any."""
    names = [f"x{k}" for k in range(inputs)]
    results = [f"y{k}" for k in range(outputs)]

    def loop(steps: dict[str, str], indent: str) -> str:
        fixed = [name for name in names if steps[name] == "0"]
        lines = [f"{name}_value = {name}[0]" for name in fixed]
        at = {name: "i" if step == "1" else f"i * {step}" for name, step in steps.items()}
        values = ", ".join(
            f"compute({name}_value)" if name in fixed else f"compute({name}[{at[name]}])" for name in names
        )
        lines.append("for i in range(count):")
        if outputs == 1:
            lines.append(f"    y0[{at['y0']}] = y0_type(scalar({values}))")
        else:
            lines.append(f"    {', '.join(f'{name}_value' for name in results)} = scalar({values})")
            lines += [f"    {name}[{at[name]}] = {name}_type({name}_value)" for name in results]
        return "".join(f"{indent}{line}\n" for line in lines)

    variants = list(itertools.product("10", repeat=inputs)) if inputs <= 2 else [("1",) * inputs]
    dense = dict.fromkeys(results, "1")
    text = ""
    for variant in variants:
        steps = dense | dict(zip(names, variant, strict=True))
        test = " and ".join(f"{name}_step == {step}" for name, step in steps.items())
        text += f"    if {test}:\n{loop(steps, '        ')}        return\n"
    return text + loop({name: f"{name}_step" for name in results + names}, "    ")


def _source(inputs: int, outputs: int) -> str:
    arrays = [f"y{k}" for k in range(outputs)] + [f"x{k}" for k in range(inputs)]

    def each(form: str, separator: str = ", ") -> str:
        return separator.join(form.format(a=name, k=position) for position, name in enumerate(arrays))

    return f"""
@jit
def run(count, {each("{a}_address, {a}_step")}):
    {each("{a} = pointer({a}_address, {a}_type)", chr(10) + "    ")}
{_loops(inputs, outputs)}

@jit
def task(chunk, total, axes, table, {each("{a}_address")}):
    last = axes - 1
    position = chunk * CHUNK
    end = min(position + CHUNK, total)
    while position < end:
        rest = position
        {each("{a} = {a}_address", chr(10) + "        ")}
        count = table[0, last] - position % table[0, last]
        for axis in range(last, -1, -1):
            index = rest % table[0, axis]
            rest //= table[0, axis]
            {each("{a} += index * table[{k} + 1, axis] * {a}_size", chr(10) + "            ")}
        count = min(count, end - position)
        run(count, {each("{a}, table[{k} + 1, last]")})
        position += count


def launch(pool, {each("{a}")}):
    table = empty((1 + {len(arrays)}, MAX_RANK), int64)
    axes = merge_axes(({each("{a}")},), ({each("{a}_size")},), table)
    total = 1
    for axis in range(axes):
        total *= table[0, axis]
    if total > 0:
        parallel_for(pool, (total + CHUNK - 1) // CHUNK, task, (total, axes, table, {each("memory_data({a})")}))
"""


@functools.cache
def map_kernel(
    function: ScalarFunction, compute: str, inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> Callable[..., None]:
    """The kernel ``k(pool, *outputs, *inputs)`` that writes ``function`` of the inputs into the outputs.

    Args:
        function: the scalar function, of one argument for each input and one value for each output.
        compute: the dtype that it computes in; inputs are converted to it and its values to the outputs' dtypes.
        inputs: the dtype of each input.
        outputs: the dtype of each output.

    Returns:
        a compiled function that takes the address of the pool and the ``id`` of every array; all outputs have the shape
        that the inputs broadcast to.
    """
    memory.check_layout()
    source = _source(len(inputs), len(outputs))
    namespace = {
        "jit": jit,
        "CHUNK": CHUNK,
        "MAX_RANK": memory.MAX_RANK,
        "empty": np.empty,
        "int64": np.int64,
        "memory_data": memory.data,
        "merge_axes": merge_axes,
        "parallel_for": parallel_for,
        "pointer": memory.pointer,
        "compute": storage(compute),
        "scalar": lift(function, compute),
    }
    for prefix, dtypes in (("y", outputs), ("x", inputs)):
        for position, dtype in enumerate(dtypes):
            namespace[f"{prefix}{position}_type"] = storage(dtype)
            namespace[f"{prefix}{position}_size"] = np.dtype(dtype).itemsize
    name = f"map {function.name} {compute} {inputs} {outputs}"
    launch = build(source, namespace, name)["launch"]
    signature = f"void({', '.join(['int64'] * (1 + len(inputs) + len(outputs)))})"
    return kernel(launch, signature, f"{name} {function.key} {source}")
