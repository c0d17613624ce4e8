"""The map kernel: a scalar function applied elementwise to arrays of any strides that broadcast to one shape.

Adjacent axes are merged if every array has one stride along both. The inner loop runs along the last of the merged
axes. A chunk is a range of flat indices of the result.
"""

from __future__ import annotations

import itertools

import numpy as np
from numba import types

from tensorlab.kernels import CHUNK
from tensorlab.kernels.runtime import memory, threads
from tensorlab.kernels.runtime.atomics import call_task, closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.convert import convert
from tensorlab.kernels.runtime.drivers import driver, loop_address
from tensorlab.kernels.runtime.lift import build, lift, storage
from tensorlab.scalars import ScalarFunction

LINE = 64
"""The size of a cache line in bytes."""
LONG = 1 << 12
"""The length of a run above which it is aligned to a cache line."""


@jit
def merge_axes(count, arrays_address, table_address):  # one signature for kernels of any arity
    """Fill a table with the lengths and strides (in elements) of the merged axes, and return their number.

    Args:
        count: the number of arrays. The first has the shape of the result; the others broadcast to it.
        arrays_address: the address of ``2 * count`` words: the address of each array, then its element size in bytes.
        table_address: the address of ``1 + count`` rows of `MAX_RANK` words: lengths, then the strides of each array.
    """
    arrays = memory.pointer(arrays_address, types.int64)
    table = memory.pointer(table_address, types.int64)
    total = memory.rank(arrays[0])
    axes = 0
    for axis in range(total):
        extent = memory.length(arrays[0], axis)
        if extent == 1:
            continue
        mergeable = axes > 0
        for position in range(count):
            own = axis - total + memory.rank(arrays[position])
            step = 0
            if own >= 0 and memory.length(arrays[position], own) != 1:
                step = memory.stride(arrays[position], own) // arrays[count + position]
            row = (position + 1) * memory.MAX_RANK
            table[row + axes] = step
            if mergeable and table[row + axes - 1] != step * extent:
                mergeable = False
        if mergeable:
            table[axes - 1] *= extent
            for position in range(count):
                row = (position + 1) * memory.MAX_RANK
                table[row + axes - 1] = table[row + axes]
        else:
            table[axes] = extent
            axes += 1
    if axes == 0:
        table[0] = 1
        for position in range(count):
            table[(position + 1) * memory.MAX_RANK] = 0
        axes = 1
    return axes


def _loops(inputs: int, outputs: int) -> str:
    """Generate the inner loops over rows and elements.

    There is a loop for each combination of dense and broadcast inputs, for up to two inputs, and a general loop for all
    other strides. LLVM vectorizes loops whose strides are constants.

    A single dense row has a loop of its own. In a loop over rows LLVM loads the constants of the vector loop and of the
    remainder loop before the first row. These are too many for the registers, so that it loads some again for every
    vector, which takes 8 to 12 percent of the time of exp and tanh.
    """
    names = [f"x{k}" for k in range(inputs)]
    results = [f"y{k}" for k in range(outputs)]

    def loop(steps: dict[str, str], indent: str, rows: str = "rows") -> str:
        fixed = [name for name in names if steps[name] == "0"]
        lines = [f"{name}_at = row * {name}_row" for name in results + names]
        lines += [f"{name}_value = {name}_read({name}[{name}_at])" for name in fixed]
        at = {name: f"{name}_at + {'i' if step == '1' else f'i * {step}'}" for name, step in steps.items()}
        values = ", ".join(f"{name}_value" if name in fixed else f"{name}_read({name}[{at[name]}])" for name in names)
        lines.append("for i in range(count):")
        if outputs == 1:
            lines.append(f"    y0[{at['y0']}] = y0_stored(scalar({values}))")
        else:
            lines.append(f"    {', '.join(f'{name}_value' for name in results)} = scalar({values})")
            lines += [f"    {name}[{at[name]}] = {name}_stored({name}_value)" for name in results]
        return f"{indent}for row in range({rows}):\n" + "".join(f"{indent}    {line}\n" for line in lines)

    variants = list(itertools.product("10", repeat=inputs)) if inputs <= 2 else [("1",) * inputs]
    dense = dict.fromkeys(results, "1")
    text = ""
    for variant in variants:
        steps = dense | dict(zip(names, variant, strict=True))
        test = " and ".join(f"{name}_step == {step}" for name, step in steps.items())
        if "0" not in variant:
            text += f"    if {test} and rows == 1:\n{loop(steps, '        ', '1')}        return\n"
        text += f"    if {test}:\n{loop(steps, '        ')}        return\n"
    return text + loop({name: f"{name}_step" for name in results + names}, "    ")


def _driver_source(arrays: int) -> str:
    names = [f"a{k}" for k in range(arrays)]

    def each(form: str, separator: str = ", ") -> str:
        return separator.join(form.format(a=name, k=position) for position, name in enumerate(names))

    return f"""
@jit
def task(chunk, total, axes, table_address, loop, {each("{a}_size, {a}_address")}):
    table = pointer(table_address, int64)
    at = scratch(MAX_RANK, int64)
    words = scratch({3 * arrays + 1}, int64)
    last = axes - 1
    position = chunk * CHUNK
    end = min(position + CHUNK, total)
    {each("{a} = {a}_address", chr(10) + "    ")}
    rest = position
    for axis in range(last, -1, -1):
        at[axis] = rest % table[axis]
        rest //= table[axis]
        {each("{a} += at[axis] * table[({k} + 1) * MAX_RANK + axis] * {a}_size", chr(10) + "        ")}
    {each("words[" + str(arrays) + " + {k}] = table[({k} + 1) * MAX_RANK + last]", chr(10) + "    ")}
    if last > 0:
        {each("words[" + str(2 * arrays) + " + {k}] = table[({k} + 1) * MAX_RANK + last - 1]", chr(10) + "        ")}
    while True:
        count = min(table[last] - at[last], end - position)
        # Align the output, and usually the inputs too, to a cache line, so that no vector crosses two lines.
        ahead = -a0 & (LINE - 1)
        if ahead != 0 and count > LONG:
            count = ahead // a0_size
        rows = 1
        if last > 0 and count == table[last]:
            rows = min(table[last - 1] - at[last - 1], (end - position) // count)
        {each("words[{k}] = {a}", chr(10) + "        ")}
        words[{3 * arrays}] = rows
        call_task(loop, address_of(words), count)
        if rows > 1:
            position += count * (rows - 1)
            at[last - 1] += rows - 1
            {each("{a} += (rows - 1) * table[({k} + 1) * MAX_RANK + last - 1] * {a}_size", chr(10) + "            ")}
        position += count
        if position >= end:
            break
        at[last] += count
        {each("{a} += count * table[({k} + 1) * MAX_RANK + last] * {a}_size", chr(10) + "        ")}
        axis = last
        while at[axis] == table[axis]:  # advance to the next run: carry into the axis before
            at[axis] = 0
            {each("{a} -= table[axis] * table[({k} + 1) * MAX_RANK + axis] * {a}_size", chr(10) + "            ")}
            axis -= 1
            at[axis] += 1
            {each("{a} += table[({k} + 1) * MAX_RANK + axis] * {a}_size", chr(10) + "            ")}


def launch(pool, loop, {each("{a}_size")}, {each("{a}_object")}):
    arrays = scratch({2 * arrays}, int64)
    {each("arrays[{k}] = address({a}_object)", chr(10) + "    ")}
    {each("arrays[{k} + " + str(arrays) + "] = {a}_size", chr(10) + "    ")}
    table = scratch({(1 + arrays) * memory.MAX_RANK}, int64)
    axes = merge_axes(int64_type({arrays}), address_of(arrays), address_of(table))
    total = 1
    for axis in range(axes):
        total *= table[axis]
    if total > 0:
        arguments = (total, axes, address_of(table), loop, {each("{a}_size, memory_data(arrays[{k}])")})
        launch_task(pool, (total + CHUNK - 1) // CHUNK, *closure(task, arguments))
    return int64_type(0)
"""


def _source(inputs: int, outputs: int) -> str:
    arrays = [f"y{k}" for k in range(outputs)] + [f"x{k}" for k in range(inputs)]

    def each(form: str, separator: str = ", ") -> str:
        return separator.join(form.format(a=name, k=position) for position, name in enumerate(arrays))

    return f"""
@jit
def loop(count, words_address):
    words = pointer(words_address, int64)
    {each("{a} = pointer(words[{k}], {a}_type)", chr(10) + "    ")}
    {each("{a}_step = words[" + str(len(arrays)) + " + {k}]", chr(10) + "    ")}
    {each("{a}_row = words[" + str(2 * len(arrays)) + " + {k}]", chr(10) + "    ")}
    rows = words[{3 * len(arrays)}]
{_loops(inputs, outputs)}

def launch(pool, {each("{a}_object")}):
    driver(pool, loop_address(loop), {each("{a}_size")}, {each("{a}_object")})
"""


@kernel
def map_driver(arrays: int) -> Definition:
    """Define the driver ``k(pool, loop, *sizes, *arrays)``, which calls a loop for every run of some arrays.

    Args:
        arrays: the number of arrays, outputs first. The first one has the shape of the result; the others broadcast to
            it.

    Returns:
        the function and its signature. It takes the pool's address, the loop's address (see `loop_address`), the
        element size in bytes of each array, and each array. The loop receives the length of a run and the address of
        these words: the address of each array's first element, each array's stride along the run, each array's stride
        from one row to the next, and the number of rows. Strides are in elements.
    """
    namespace = {
        "jit": jit,
        "CHUNK": CHUNK,
        "LINE": LINE,
        "LONG": LONG,
        "MAX_RANK": memory.MAX_RANK,
        "address": memory.address,
        "address_of": memory.address_of,
        "call_task": call_task,
        "closure": closure,
        "int64": types.int64,
        "int64_type": np.int64,
        "launch_task": threads.run,
        "memory_data": memory.data,
        "merge_axes": merge_axes,
        "pointer": memory.pointer,
        "scratch": memory.scratch,
    }
    name = f"map driver of {arrays}"
    launch = build(_driver_source(arrays), namespace, name)["launch"]
    return launch, (*[types.int64] * (2 + arrays), *[memory.array_object] * arrays)


@kernel
def map_kernel(function: ScalarFunction, compute: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Definition:
    """Define the kernel ``k(pool, *outputs, *inputs)`` that applies a scalar function elementwise.

    Args:
        function: the scalar function, with one argument for each input and one value for each output.
        compute: the dtype of the computation. Inputs are converted to it, and values from it to the output dtypes.
        inputs: the dtype of each input.
        outputs: the dtype of each output.

    Returns:
        the function and its signature. It takes the pool's address and each array; all outputs have the shape that the
        inputs broadcast to.
    """
    source = _source(len(inputs), len(outputs))
    arrays = len(inputs) + len(outputs)
    namespace = {
        "jit": jit,
        "driver": driver("loops.map.map_driver", arrays, 2 + arrays, arrays),
        "int64": types.int64,
        "loop_address": loop_address,
        "pointer": memory.pointer,
        "scalar": lift(function, compute),
    }
    for prefix, dtypes in (("y", outputs), ("x", inputs)):
        for position, dtype in enumerate(dtypes):
            namespace[f"{prefix}{position}_type"] = storage(dtype)
            namespace[f"{prefix}{position}_size"] = np.int64(np.dtype(dtype).itemsize)
    namespace |= {f"x{position}_read": convert(dtype, compute) for position, dtype in enumerate(inputs)}
    namespace |= {f"y{position}_stored": convert(None, dtype) for position, dtype in enumerate(outputs)}
    name = f"map {function.name} {compute} {inputs} {outputs}"
    launch = build(source, namespace, name)["launch"]
    signature = (types.int64, *[memory.array_object] * arrays)
    return launch, signature
