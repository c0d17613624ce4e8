"""The compiled call of an elementwise operation, which `calls` installs."""

from __future__ import annotations

import numpy as np
from numba import types

from tensorlab.kernels import CHUNK
from tensorlab.kernels.runtime import calls, memory
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.memory import MAX_RANK, address_of, pointer, scratch
from tensorlab.kernels.runtime.objects import (
    TYPE_SLOT,
    acquire_gil,
    attribute,
    call_address,
    call_with,
    clear_error,
    decrement,
    error,
    float_as_double,
    increment,
    int_as_double,
    is_tensor,
    new_array,
    new_tensor,
    new_tuple,
    release_gil,
    set_item,
    table_in,
    text_address,
    word,
)
from tensorlab.kernels.runtime.records import record_at

_SCALAR_WORDS = 16
"""The memory for a Python number, in words: its value, then an array of rank 0 that refers to it."""
_MAX_ARGUMENTS = calls.MAX_ARGUMENTS
_ARRAYS, _SCALARS, _GIVEN = 1 + _MAX_ARGUMENTS, _SCALAR_WORDS * _MAX_ARGUMENTS, 2 + _MAX_ARGUMENTS
_HEADER_SIZE, _ENTRY_SIZE = 8 * len(calls.Header._fields), 8 * len(calls.TableEntry._fields)
_MAX_ELEMENTS_WITH_GIL = 4096
"""The GIL is released for results with more elements than this."""

_method_name = text_address(calls.METHOD)


@jit
def _run(address, pool, arrays, count):
    if count == 1:
        call_address(address, (pool, arrays[0], arrays[1]))
    elif count == 2:
        call_address(address, (pool, arrays[0], arrays[1], arrays[2]))
    else:
        call_address(address, (pool, arrays[0], arrays[1], arrays[2], arrays[3]))


@jit
def _by_method(operation, arguments, count, names):
    """Call the operation's Python method, which handles all that the compiled call does not."""
    method = attribute(operation, _method_name())
    if method == 0:
        return 0
    answer = call_with(method, arguments, count, names)
    decrement(method)
    return answer


@kernel
def call_kernel(direct_slot: int, buffer_slot: int, backend_slot: int, key_slot: int, origin_slot: int) -> Definition:
    """Define the kernel ``k(operation, arguments, count, names)``, called by CPython's vectorcall convention.

    All slots are offsets in bytes from the address of an object.

    Args:
        direct_slot: the slot of an operation's table.
        buffer_slot: the slot of a tensor's buffer.
        backend_slot: the slot of a tensor's backend.
        key_slot: the slot of a tensor's key.
        origin_slot: the slot in which a result remembers its argument.
    """
    slots = buffer_slot, backend_slot, key_slot

    @jit
    def find_entry(table, arguments, count, arrays):
        """Return the address of the table entry for the common dtype and backend of all tensor arguments, or 0.

        ``arrays`` receives their arrays, and 0 for other arguments.
        """
        header = record_at(table, calls.Header)
        dtype = backend = 0
        for position in range(count):
            thing = word(arguments + 8 * position)
            array = np.int64(0)
            if is_tensor(header, thing):
                array = word(thing + buffer_slot)
                if array == 0 or word(array + TYPE_SLOT) != header.ndarray:
                    return 0
                if dtype == 0:
                    dtype, backend = memory.dtype(array), word(thing + backend_slot)
                elif memory.dtype(array) != dtype or word(thing + backend_slot) != backend:
                    return 0
            arrays[position] = array
        for index in range(header.entries):
            found = table + _HEADER_SIZE + index * _ENTRY_SIZE
            entry = record_at(found, calls.TableEntry)
            if entry.dtype == dtype and entry.backend == backend:
                return found
        return 0

    @jit
    def number(header, thing, size, scalars, position):
        """Make an array of rank 0 of a Python number, with ``size`` bytes; return its address, 0 if not supported."""
        kind = word(thing + TYPE_SLOT)
        if size == 0:
            return 0
        if kind == header.python_int:
            value = int_as_double(thing)
            if value == -1.0 and error() != 0:
                clear_error()
                return 0
        elif kind == header.python_float:
            value = float_as_double(thing)
        else:
            return 0
        element = address_of(scalars) + position * _SCALAR_WORDS * 8
        if size == 4:
            pointer(element, types.float32)[0] = np.float32(value)
        else:
            pointer(element, types.float64)[0] = value
        memory.write_scalar(element + 8, element)
        return element + 8

    @jit
    def remember(header, thing):
        """Return a new tuple of the operation's name, and its argument's buffer and key, or 0 if memory is short."""
        remembered = new_tuple(3)
        if remembered != 0:
            contents = header.source, word(thing + buffer_slot), word(thing + key_slot)
            for position in range(3):
                increment(contents[position])
                set_item(remembered, position, contents[position])
        return remembered

    def call(operation, arguments, count, names):
        table = table_in(word(operation + direct_slot))
        if table == 0:
            return _by_method(operation, arguments, count, names)
        header = record_at(table, calls.Header)
        pool = word(header.pool)  # read once, because another thread may change it
        if names != 0 or count != header.arity:
            return _by_method(operation, arguments, count, names)
        given = scratch(_MAX_ARGUMENTS, types.int64)
        found = find_entry(table, arguments, count, given)
        if found == 0:
            return _by_method(operation, arguments, count, names)
        entry = record_at(found, calls.TableEntry)
        if header.source != 0:
            argument = word(arguments)
            if word(argument + TYPE_SLOT) != header.tensor or word(argument + key_slot) == 0:
                return _by_method(operation, arguments, count, names)
        arrays = scratch(_ARRAYS, types.int64)
        scalars = scratch(_SCALARS, types.int64)
        shape = scratch(MAX_RANK, types.int64)
        rank = 0
        recorded = word(header.tapes) != 0
        # Without the GIL another thread may assign to a variable before the call is recorded; a tape would miss that.
        releases_gil = True
        for position in range(count):
            thing, array = word(arguments + 8 * position), given[position]
            if array != 0:
                releases_gil = releases_gil and not (recorded and word(thing + TYPE_SLOT) == header.variable)
            else:
                array = number(header, thing, entry.real, scalars, position)
                if array == 0:
                    return _by_method(operation, arguments, count, names)
            arrays[1 + position] = array
            rank = max(rank, memory.rank(array))
        for axis in range(rank):
            shape[axis] = 1
        for position in range(count):
            array = arrays[1 + position]
            first = rank - memory.rank(array)
            for axis in range(first, rank):
                extent = memory.length(array, axis - first)
                if extent != 1:
                    if shape[axis] != 1 and shape[axis] != extent:
                        return _by_method(operation, arguments, count, names)
                    shape[axis] = extent
        elements = 1
        for axis in range(rank):
            elements *= shape[axis]
        if elements <= CHUNK:
            pool = 0
        elif pool < 0:  # the worker threads are not started yet
            return _by_method(operation, arguments, count, names)
        result = new_array(header, entry.output, rank, address_of(shape))
        if result == 0:
            return 0
        origin = np.int64(0)
        if header.source != 0:  # before the kernel, which may run without the GIL: the argument must not change
            origin = remember(header, word(arguments))
            if origin == 0:
                decrement(result)
                return 0
        arrays[0] = result
        kernel_address = entry.kernel
        if elements > _MAX_ELEMENTS_WITH_GIL and releases_gil:
            # If another thread assigns to a variable meanwhile, the extra reference to its array makes the assignment
            # use new memory instead of overwriting the array.
            for position in range(count):
                increment(given[position])
            state = release_gil()
            _run(kernel_address, pool, arrays, count)
            acquire_gil(state)
            for position in range(count):
                decrement(given[position])
        else:
            _run(kernel_address, pool, arrays, count)
        tensor = new_tensor(header, header.result, slots, result, entry.backend)
        if tensor == 0:
            decrement(origin)
            return 0
        pointer(tensor + origin_slot, types.int64)[0] = origin
        pointer(table + calls.CALLS, types.int64)[0] += 1  # safe: this thread has the GIL
        if not recorded:
            return tensor
        recorded_call = scratch(_GIVEN, types.int64)
        recorded_call[0], recorded_call[1] = operation, tensor
        for position in range(count):
            recorded_call[2 + position] = word(arguments + 8 * position)
        answer = call_with(header.record, address_of(recorded_call), count + 2, 0)
        decrement(tensor)
        return answer

    return call, "int64(int64, int64, int64, int64)"
