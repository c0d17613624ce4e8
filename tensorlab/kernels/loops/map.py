"""The map kernel: a scalar function applied elementwise to arrays of any strides that broadcast to one shape.

A kernel consists of a dense loop around the scalar function, and the driver, which all maps share. The driver divides
the result into chunks, ranges of flat indices, and a chunk into blocks. It calls the loop for each block. Inputs that
are not dense are copied to buffers first, which stay in the first-level cache; so the loop is compiled once, for unit
strides, and is vectorized for all layouts.
"""

from __future__ import annotations

import numpy as np
from numba import types

from tensorlab.kernels import CHUNK
from tensorlab.kernels.loops.copy_rows import copy_rows
from tensorlab.kernels.runtime import memory, records, threads
from tensorlab.kernels.runtime.atomics import call_task, closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.convert import convert
from tensorlab.kernels.runtime.drivers import driver, loop_address
from tensorlab.kernels.runtime.lift import build, lift, storage
from tensorlab.kernels.runtime.memory import MAX_RANK, number, pointer, scratch, stack
from tensorlab.scalars import ScalarFunction

LINE = 64
"""The size of a cache line in bytes."""
LONG = 1 << 12
"""The length of a block above which it is aligned to a cache line."""
ROOM = 16 << 10
"""The approximate size of all buffers of a thread in bytes, half of a first-level cache."""
SHORT = 128
"""The length of rows below which they are copied too if anything is, so that the loop takes many of them as one."""
_UNIT, _CONSTANT, _ANY = range(3)
"""What steps a loop accepts: those of dense rows, also one input that is constant along rows, or any."""
_ONE, _AS_ONE, _MANY = range(3)
"""How many rows a call of the loop takes: one, many that are one row of dense memory, or many."""
_DENSE, _IN_PLACE, _COPIED = range(3)
"""What the loop reads or writes of an array: dense memory, rows of any steps that it accepts, or copies of rows."""


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
            row = (position + 1) * MAX_RANK
            table[row + axes] = step
            if mergeable and table[row + axes - 1] != step * extent:
                mergeable = False
        if mergeable:
            table[axes - 1] *= extent
            for position in range(count):
                row = (position + 1) * MAX_RANK
                table[row + axes - 1] = table[row + axes]
        else:
            table[axes] = extent
            axes += 1
    if axes == 0:
        table[0] = 1
        for position in range(count):
            table[(position + 1) * MAX_RANK] = 0
        axes = 1
    return axes


@jit
def _task(chunk, total, axes, table_address, loop, count, given_address, ways_address, block, copied, taken):
    table = pointer(table_address, types.int64)
    given = pointer(given_address, types.int64)
    ways = pointer(ways_address, types.int64)
    words_address = stack(8 * (4 * count + 1))
    words = pointer(words_address, types.int64)  # what the loop receives, and the constant that fills each buffer
    buffers = stack(block * copied)
    at = scratch(MAX_RANK, types.int64)
    last = axes - 1
    position = chunk * CHUNK
    end = min(position + CHUNK, total)
    rest = position
    for axis in range(last, -1, -1):
        at[axis] = rest % table[axis]
        rest //= table[axis]
    for k in range(count):
        words[3 * count + 1 + k] = 0
    while True:
        length = min(block, table[last] - at[last], end - position)
        # Align the output, and usually the inputs too, to a cache line, so that no vector crosses two lines.
        ahead = -(memory.data(given[0]) + position * given[count]) & (LINE - 1)
        if ahead != 0 and length > LONG:
            length = ahead // given[count]
        rows = number(1)
        if taken != _ONE and last > 0 and length == table[last]:
            rows = min(block // length, table[last - 1] - at[last - 1], (end - position) // length)
        buffer = buffers
        for k in range(count):
            row = (k + 1) * MAX_RANK
            size, step = given[count + k], table[row + last]
            row_step = table[row + last - 1] if last > 0 else 0
            source = memory.data(given[k])
            for axis in range(axes):
                source += at[axis] * table[row + axis] * size
            if ways[k] == _COPIED:
                fills = step == 0 and rows == 1  # one element, with which the buffer may be filled already
                if not fills or words[3 * count + 1 + k] != source:
                    most = min(block, end - position) if fills else length
                    copy_rows(size, rows, most, source, step, row_step, buffer)
                    words[3 * count + 1 + k] = source if fills else 0
                source, step, row_step = buffer, number(1), length
                buffer += block * size
            words[k], words[count + k], words[2 * count + k] = source, step, row_step
        words[3 * count] = rows
        call_task(loop, words_address, rows * length if taken == _AS_ONE else length)
        position += rows * length
        if position >= end:
            break
        if rows > 1:
            at[last - 1] += rows - 1
        at[last] += length
        axis = last
        while at[axis] == table[axis]:  # advance to the next row: carry into the axis before
            at[axis] = 0
            axis -= 1
            at[axis] += 1


@jit
def _in_one_call(loop, steps, count, given_address):
    """Call the loop once for few elements of dense arrays and numbers, and return whether that was possible."""
    given = pointer(given_address, types.int64)
    words_address = stack(8 * (3 * count + 1))
    words = pointer(words_address, types.int64)
    total = 0
    for k in range(count):
        elements = 1
        for axis in range(memory.rank(given[k])):
            elements *= memory.length(given[k], axis)
        if k == 0:
            total = elements
        if not memory.is_dense(given[k]) or (elements != total and (elements != 1 or steps != _ANY)):
            return False
        words[k] = memory.data(given[k])
        words[count + k] = 1 if elements == total else 0
        words[2 * count + k] = 0
    if total == 0 or total > LONG:
        return False
    words[3 * count] = 1
    call_task(loop, words_address, total)
    return True


def _launch(pool, loop, steps, count, given_address):
    if _in_one_call(loop, steps, count, given_address):
        return np.int64(0)
    given = pointer(given_address, types.int64)
    table_address = stack((1 + count) * MAX_RANK * 8)
    table = pointer(table_address, types.int64)
    axes = merge_axes(count, given_address, table_address)
    last = axes - 1
    ways_address = stack(8 * count)
    ways = pointer(ways_address, types.int64)
    total = 1
    copied = 0
    taken = _MANY if steps == _ANY else _AS_ONE
    for k in range(count):
        row = (k + 1) * MAX_RANK
        total = 1
        dense = constant = True
        for axis in range(last, -1, -1):
            constant = constant and table[row + axis] == 0
            dense = dense and (table[row + axis] == total or table[axis] == 1)
            total *= table[axis]
        if dense:
            ways[k] = _DENSE
        elif steps == _ANY:
            ways[k] = _IN_PLACE
        elif table[row + last] == 1 and table[last] >= SHORT:
            ways[k] = _IN_PLACE
            taken = _ONE
        elif steps == _CONSTANT and (constant or (table[row + last] == 0 and table[last] >= SHORT)):
            ways[k] = _IN_PLACE
            taken = taken if constant else _ONE
            steps = _UNIT
        else:
            ways[k] = _COPIED
            copied += given[count + k]
    if total > 0:
        block = ROOM // copied // LINE * LINE + LINE if copied > 0 else CHUNK
        arguments = (total, axes, table_address, loop, count, given_address, ways_address, block, copied, taken)
        threads.run(pool, (total + CHUNK - 1) // CHUNK, *closure(_task, arguments))
    return np.int64(0)


@kernel
def map_driver() -> Definition:
    """Define the driver ``k(pool, loop, steps, count, given)``, which calls a loop for every block of some arrays.

    Returns:
        the function and its signature. It takes the pool's address; the loop's address (see `loop_address`); what steps
        the loop accepts, `_UNIT`, `_CONSTANT` or `_ANY`; the number of arrays; and the address of as many addresses of
        arrays, outputs first, and as many element sizes in bytes. The first array has the shape of the result; the
        others broadcast to it, and the outputs are C-contiguous. The loop receives the length of a row and the address
        of these words: the address of each array's first element, each array's step along the row, each array's step
        from one row to the next, and the number of rows, which is of use for loops that accept any steps. Steps are in
        elements.
    """
    return _launch, "int64(int64, int64, int64, int64, int64)"


def _steps(function: ScalarFunction) -> int:
    """Return what steps the loop of a function accepts.

    More loops save copies, and LLVM computes what depends on a constant alone only once, but each costs compile time.
    """
    return _ANY if function.quick else _CONSTANT if function.short and function.arity == 2 else _UNIT


def _loops(inputs: int, outputs: int, accepted: int) -> str:
    """Generate the inner loops over elements, and over rows if any steps are accepted.

    Loops whose steps are constants are vectorized. Around the loop of a function that is not quick there is none over
    rows: LLVM would load the constants of the function before the first row. These are too many for the registers, so
    that it would load some again for every vector, which takes 8 to 12 percent of the time of exp and tanh.
    """
    names = [f"x{k}" for k in range(inputs)]
    results = [f"y{k}" for k in range(outputs)]

    def loop(steps: dict[str, str], indent: str) -> str:
        fixed = [name for name in names if steps[name] == "0"]
        many = accepted == _ANY
        first = {name: f"{name}_at" if many else "0" for name in steps}
        lines = [f"{name}_at = row * {name}_row" for name in results + names if many]
        lines += [f"{name}_value = {name}_read({name}[{first[name]}])" for name in fixed]
        at = {name: f"{first[name]} + {'i' if step == '1' else f'i * {step}'}" for name, step in steps.items()}
        values = ", ".join(f"{name}_value" if name in fixed else f"{name}_read({name}[{at[name]}])" for name in names)
        lines.append("for i in range(count):")
        if outputs == 1:
            lines.append(f"    y0[{at['y0']}] = y0_stored(scalar({values}))")
        else:
            lines.append(f"    {', '.join(f'{name}_value' for name in results)} = scalar({values})")
            lines += [f"    {name}[{at[name]}] = {name}_stored({name}_value)" for name in results]
        if many:
            lines = ["for row in range(rows):", *(f"    {line}" for line in lines)]
        return "".join(f"{indent}{line}\n" for line in lines)

    dense = dict.fromkeys(results + names, "1")
    any_steps = {name: f"{name}_step" for name in names}
    special = [dense | {name: "0"} for name in names if inputs == 2 and accepted != _UNIT]
    *others, last = [*special, dense] if accepted != _ANY else [dense, *special, {**dense, **any_steps}]
    text = ""
    for steps in others:
        test = " and ".join(f"{name}_step == {steps[name]}" for name in names)
        text += f"    if {test}:\n{loop(steps, '        ')}        return\n"
    return text + loop(last, "    ")


def _source(inputs: int, outputs: int, accepted: int) -> str:
    arrays = [f"y{k}" for k in range(outputs)] + [f"x{k}" for k in range(inputs)]

    def each(form: str, separator: str = ", ") -> str:
        return separator.join(form.format(a=name, k=position) for position, name in enumerate(arrays))

    return f"""
@jit
def loop(count, words_address):
    words = pointer(words_address, int64)
    {each("{a} = pointer(words[{k}], {a}_type)", chr(10) + "    ")}
    {each("{a}_step = words[" + str(len(arrays)) + " + {k}]", chr(10) + "    ") if accepted != _UNIT else ""}
    {each("{a}_row = words[" + str(2 * len(arrays)) + " + {k}]", chr(10) + "    ") if accepted == _ANY else ""}
    rows = words[{3 * len(arrays)}]
{_loops(inputs, outputs, accepted)}

def launch(pool, {each("{a}")}):
    given = packed(({each("address({a})")}, {each("{a}_size")}))
    driver(pool, loop_address(loop), {accepted}, {len(arrays)}, given)
"""


@kernel
def map_kernel(function: ScalarFunction, compute: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Definition:
    """Define the kernel ``k(pool, *outputs, *inputs)`` that applies a scalar function elementwise.

    Args:
        function: the scalar function, with one argument for each input and one value for each output.
        compute: the dtype of the computation. Inputs are converted to it, and values from it to the output dtypes.
        inputs: the dtype of each input.
        outputs: the dtype of each output.

    Returns:
        the function and its signature. It takes the pool's address and each array; all outputs are C-contiguous and
        have the shape that the inputs broadcast to.
    """
    source = _source(len(inputs), len(outputs), _steps(function))
    arrays = len(inputs) + len(outputs)
    namespace = {
        "jit": jit,
        "address": memory.address,
        "driver": driver("loops.map.map_driver", 5),
        "int64": types.int64,
        "loop_address": loop_address,
        "packed": records.packed,
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
