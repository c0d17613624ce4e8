"""The compiled calls of an elementwise operation and of a small matrix product, which `calls` installs."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tensorlab.kernels import CHUNK
from tensorlab.kernels.runtime import calls, memory
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.memory import MAX_RANK, address_of, pointer, scratch
from tensorlab.kernels.runtime.records import record_at

_WORD = ir.IntType(64)
_SCALAR_WORDS = 16
"""The memory for a Python number, in words: its value, then an array of rank 0 that refers to it."""
_MOST, _ARRAYS, _SCALARS, _GIVEN = calls.MOST, 1 + calls.MOST, _SCALAR_WORDS * calls.MOST, 2 + calls.MOST
_HEADER_SIZE, _ENTRY_SIZE = 8 * len(calls.Header._fields), 8 * len(calls.TableEntry._fields)
_LONG = 4096
"""The GIL is released for results with more elements than this."""

_SMALL = 1 << 20
"""The most multiply-adds of a product that is called this way. They take about 20 µs, so the GIL is not released."""


def _external(symbol: str, result: Any, *arguments: Any) -> Any:
    return types.ExternalFunction(symbol, result(*arguments))


_increment = _external("Py_IncRef", types.void, types.int64)
_decrement = _external("Py_DecRef", types.void, types.int64)  # both do nothing for the address 0
_new_object = _external("PyType_GenericAlloc", types.int64, types.int64, types.int64)
_new_tuple = _external("PyTuple_New", types.int64, types.int64)
_set_item = _external("PyTuple_SetItem", types.int32, types.int64, types.int64, types.int64)
_call_without = _external("PyObject_CallNoArgs", types.int64, types.int64)
_call_with = _external("PyObject_Vectorcall", types.int64, types.int64, types.int64, types.int64, types.int64)
_attribute = _external("PyObject_GetAttrString", types.int64, types.int64, types.int64)
_is_capsule = _external("PyCapsule_IsValid", types.int32, types.int64, types.int64)
_in_capsule = _external("PyCapsule_GetPointer", types.int64, types.int64, types.int64)
_float_as_double = _external("PyFloat_AsDouble", types.float64, types.int64)
_int_as_double = _external("PyLong_AsDouble", types.float64, types.int64)
_error = _external("PyErr_Occurred", types.int64)
_clear_error = _external("PyErr_Clear", types.void)
_release_gil = _external("PyEval_SaveThread", types.int64)
_acquire_gil = _external("PyEval_RestoreThread", types.void, types.int64)


@intrinsic
def _call_address(typingctx: Any, function: Any, arguments: Any) -> Any:
    """Call the C function at an address; its arguments and its result are 64-bit words."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        words = cgutils.unpack_tuple(builder, values[1])
        kind = ir.FunctionType(_WORD, [_WORD] * len(words))
        return builder.call(builder.inttoptr(values[0], kind.as_pointer()), words)

    return types.int64(types.int64, arguments), codegen


def _text(text: str) -> Any:
    """Return an intrinsic that returns the address of a constant C string."""

    @intrinsic
    def address(typingctx: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.ptrtoint(context.insert_const_string(builder.module, text), _WORD)

        return types.int64(), codegen

    return address


_method_name, _capsule_name = _text(calls.METHOD), _text(calls.CAPSULE)


@jit
def _word(address):
    return pointer(address, types.int64)[0]


@jit
def _run(address, pool, arrays, count):
    if count == 1:
        _call_address(address, (pool, arrays[0], arrays[1]))
    elif count == 2:
        _call_address(address, (pool, arrays[0], arrays[1], arrays[2]))
    else:
        _call_address(address, (pool, arrays[0], arrays[1], arrays[2], arrays[3]))


@jit
def _by_method(operation, arguments, count, names):
    """Call the operation's Python method, which handles all that the compiled call does not."""
    method = _attribute(operation, _method_name())
    if method == 0:
        return 0
    answer = _call_with(method, arguments, count, names)
    _decrement(method)
    return answer


@jit
def _table(content):
    """Return the address of the table in a capsule, or 0 if the slot is empty or contains another object."""
    return _in_capsule(content, _capsule_name()) if _is_capsule(content, _capsule_name()) else 0


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
    type_slot = object.__basicsize__ - 8

    @jit
    def is_tensor(header, thing):
        kind = _word(thing + type_slot)
        plain = kind == header.tensor or kind == header.shared or kind == header.remembering
        return plain or kind == header.variable or kind == header.watched

    @jit
    def find_entry(table, arguments, count):
        """Return the address of the table entry for the common dtype and backend of all tensor arguments, or 0."""
        header = record_at(table, calls.Header)
        dtype = backend = 0
        for position in range(count):
            thing = _word(arguments + 8 * position)
            if is_tensor(header, thing):
                array = _word(thing + buffer_slot)
                if array == 0 or _word(array + type_slot) != header.ndarray:
                    return 0
                if dtype == 0:
                    dtype, backend = memory.dtype(array), _word(thing + backend_slot)
                elif memory.dtype(array) != dtype or _word(thing + backend_slot) != backend:
                    return 0
        for index in range(header.entries):
            found = table + _HEADER_SIZE + index * _ENTRY_SIZE
            entry = record_at(found, calls.TableEntry)
            if entry.dtype == dtype and entry.backend == backend:
                return found
        return 0

    @jit
    def number(header, thing, size, scalars, position):
        """Make an array of rank 0 of a Python number, with ``size`` bytes; return its address, 0 if not supported."""
        kind = _word(thing + type_slot)
        if size == 0:
            return 0
        if kind == header.python_int:
            value = _int_as_double(thing)
            if value == -1.0 and _error() != 0:
                _clear_error()
                return 0
        elif kind == header.python_float:
            value = _float_as_double(thing)
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
        """Return the name of the operation and a snapshot of its argument as a new tuple, or 0 if memory is short."""
        pair = _new_tuple(2)
        snapshot = _new_object(header.tensor, 0) if pair != 0 else 0
        if snapshot == 0:
            _decrement(pair)
            return 0
        for slot in (buffer_slot, backend_slot, key_slot):
            content = _word(thing + slot)
            _increment(content)
            pointer(snapshot + slot, types.int64)[0] = content
        _increment(header.source)
        _set_item(pair, 0, header.source)
        _set_item(pair, 1, snapshot)
        return pair

    def call(operation, arguments, count, names):
        table = _table(_word(operation + direct_slot))
        if table == 0:
            return _by_method(operation, arguments, count, names)
        header = record_at(table, calls.Header)
        pool = _word(header.pool)  # read once, because another thread may change it
        if names != 0 or count != header.arity:
            return _by_method(operation, arguments, count, names)
        found = find_entry(table, arguments, count)
        if found == 0:
            return _by_method(operation, arguments, count, names)
        entry = record_at(found, calls.TableEntry)
        if header.source != 0 and _word(_word(arguments) + type_slot) != header.tensor:
            return _by_method(operation, arguments, count, names)
        arrays = scratch(_ARRAYS, types.int64)
        scalars = scratch(_SCALARS, types.int64)
        shape = scratch(MAX_RANK, types.int64)
        owned = scratch(_MOST, types.int64)
        rank = 0
        recorded = _word(header.tapes) != 0
        # Without the GIL another thread may assign to a variable before the call is recorded; a tape would miss that.
        releases_gil = True
        for position in range(count):
            thing = _word(arguments + 8 * position)
            if is_tensor(header, thing):
                releases_gil = releases_gil and not (recorded and _word(thing + type_slot) == header.variable)
                array = _word(thing + buffer_slot)
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
        output = entry.output
        _increment(output)  # the new array takes over this reference
        numpy_call = (header.ndarray, output, np.int64(rank), address_of(shape), 0, 0, 0, 0)
        result = _call_address(header.new_array, numpy_call)
        if result == 0:
            return 0
        origin = np.int64(0)
        if header.source != 0:  # before the kernel, which may run without the GIL: the argument must not change
            origin = remember(header, _word(arguments))
            if origin == 0:
                _decrement(result)
                return 0
        arrays[0] = result
        kernel_address = entry.kernel
        if elements > _LONG and releases_gil:
            # If another thread assigns to a variable meanwhile, the extra reference to its array makes the assignment
            # use new memory instead of overwriting the array.
            for position in range(count):
                owned[position] = arrays[1 + position] if is_tensor(header, _word(arguments + 8 * position)) else 0
                if owned[position] != 0:
                    _increment(owned[position])
            state = _release_gil()
            _run(kernel_address, pool, arrays, count)
            _acquire_gil(state)
            for position in range(count):
                if owned[position] != 0:
                    _decrement(owned[position])
        else:
            _run(kernel_address, pool, arrays, count)
        tensor = _new_object(header.result, 0)
        if tensor == 0:
            _decrement(result)
            _decrement(origin)
            return 0
        backend = entry.backend
        _increment(backend)
        pointer(tensor + buffer_slot, types.int64)[0] = result
        pointer(tensor + backend_slot, types.int64)[0] = backend
        pointer(tensor + origin_slot, types.int64)[0] = origin
        key = _call_without(header.new_key)
        pointer(tensor + key_slot, types.int64)[0] = key
        if key == 0:  # near the recursion limit
            _decrement(tensor)
            return 0
        pointer(table + calls.CALLS, types.int64)[0] += 1  # safe: this thread has the GIL
        if not recorded:
            return tensor
        given = scratch(_GIVEN, types.int64)
        given[0], given[1] = operation, tensor
        for position in range(count):
            given[2 + position] = _word(arguments + 8 * position)
        answer = _call_with(header.record, address_of(given), count + 2, 0)
        _decrement(tensor)
        return answer

    return call, "int64(int64, int64, int64, int64)"


@kernel
def product_kernel(buffer_slot: int, backend_slot: int, key_slot: int) -> Definition:
    """Define the kernel ``k(table, arguments, count)``, called by CPython's fast convention without keywords.

    It returns the product of two tensors, or None for everything that the Python function has to handle. All slots are
    offsets in bytes from the address of a tensor.
    """
    type_slot = object.__basicsize__ - 8

    @jit
    def array_of(words, thing):
        """Return the array of a tensor on the backend, or 0 for everything else."""
        kind = _word(thing + type_slot)
        plain = kind == words.tensor or kind == words.shared or kind == words.remembering
        if (
            not (plain or kind == words.variable or kind == words.watched)
            or _word(thing + backend_slot) != words.backend
        ):
            return 0
        array = _word(thing + buffer_slot)
        return array if array != 0 and _word(array + type_slot) == words.ndarray and memory.rank(array) == 2 else 0

    @jit
    def multiplied(words, a, b):
        """Return a new array with the product of two, 0 if an exception is set, or None."""
        dtype = memory.dtype(a)
        if memory.dtype(b) != dtype or (dtype != words.single and dtype != words.double):
            return words.none
        m, k, n = memory.length(a, 0), memory.length(a, 1), memory.length(b, 1)
        if memory.length(b, 0) != k or min(m, n) < 1 or max(m, n, k) > _SMALL or m * n * k > _SMALL:
            return words.none
        pool = _word(words.pool)  # read once, because another thread may change it
        if pool < 0:  # the worker threads are not started yet
            return words.none
        shape = scratch(2, types.int64)
        shape[0], shape[1] = m, n
        _increment(dtype)  # the new array takes over this reference
        result = _call_address(words.new_array, (words.ndarray, dtype, np.int64(2), address_of(shape), 0, 0, 0, 0))
        if result == 0:
            return 0
        tasks = words.single_tasks if dtype == words.single else words.double_tasks
        # The result is 0, the kind of tasks that are missing, or -1 if memory is short.
        if _call_address(words.kernel, (pool, tasks, 0, result, 0, a, b, 0, 0)) != 0:
            _decrement(result)
            return words.none
        return result

    def call(capsule, arguments, count):
        table = _table(capsule)
        words = record_at(table, calls.Products)
        result = words.none
        if count == 2 and _word(words.tapes) == 0 and _word(words.listeners) == 0 and _word(words.enabled) != 0:
            a, b = array_of(words, _word(arguments)), array_of(words, _word(arguments + 8))
            if a != 0 and b != 0:
                result = multiplied(words, a, b)
        if result == words.none:
            _increment(result)
            return result
        tensor = _new_object(words.tensor, 0) if result != 0 else 0
        if tensor == 0:
            _decrement(result)
            return 0
        _increment(words.backend)
        pointer(tensor + buffer_slot, types.int64)[0] = result
        pointer(tensor + backend_slot, types.int64)[0] = words.backend
        key = _call_without(words.new_key)
        pointer(tensor + key_slot, types.int64)[0] = key
        if key == 0:  # near the recursion limit
            _decrement(tensor)
            return 0
        return tensor

    return call, "int64(int64, int64, int64)"
