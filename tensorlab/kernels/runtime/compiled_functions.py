"""The compiled calls that `matmul` and the reductions ask first, see `functions`.

A compiled call returns its result, or None for everything that the Python function has to handle.
"""

from __future__ import annotations

from numba import types

from tensorlab.kernels import CHUNK
from tensorlab.kernels.runtime import functions, memory
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.memory import MAX_RANK, address_of, pointer, scratch
from tensorlab.kernels.runtime.objects import (
    TYPE_SLOT,
    call_address,
    clear_error,
    decrement,
    error,
    increment,
    int_as_word,
    is_tensor,
    new_array,
    new_tensor,
    table_in,
    word,
)
from tensorlab.kernels.runtime.records import record_at

_MAX_MULTIPLY_ADDS = 1 << 20
"""The most multiply-adds of a product that is called this way. They take about 20 µs, so the GIL is not released."""
_MAX_ELEMENTS = 1 << 16
"""The same for the elements of a reduction."""
_HEADER_SIZE = 8 * (len(functions.Common._fields) + len(functions.Reductions._fields) - 1)
_ENTRY_SIZE = 8 * len(functions.ReductionEntry._fields)
_VIEW = memory.ARRAY_WORDS + 2 * MAX_RANK
"""The memory for a view of an array, in words: its fields, then its lengths and strides."""
_ALL, _OTHER = -1, -2
"""All axes, and an axis that the Python function has to handle."""


@jit
def _is_open(common):
    """Return whether compiled calls are allowed and nobody records this call."""
    return word(common.tapes) == 0 and word(common.listeners) == 0 and word(common.enabled) != 0


@jit
def _array_of(common, thing, slots):
    """Return the array of a tensor on the backend, or 0 for everything else."""
    if not is_tensor(common, thing) or word(thing + slots[1]) != common.backend:
        return 0
    array = word(thing + slots[0])
    return array if array != 0 and word(array + TYPE_SLOT) == common.ndarray else 0


@jit
def _answer(common, array, slots):
    """Return a new tensor for an array, None for None, or 0 if an exception is set."""
    if array == common.none:
        increment(array)
        return array
    return new_tensor(common, common.tensor, slots, array, common.backend) if array != 0 else 0


@kernel
def product_kernel(buffer_slot: int, backend_slot: int, key_slot: int) -> Definition:
    """Define the kernel ``k(table, arguments, count)``, called by CPython's fast convention without keywords.

    The arguments are two tensors. All slots are offsets in bytes from the address of a tensor.
    """
    slots = buffer_slot, backend_slot, key_slot

    @jit
    def multiplied(words, a, b):
        """Return a new array with the product of two, 0 if an exception is set, or None."""
        common = words.common
        dtype = memory.dtype(a)
        if memory.rank(a) != 2 or memory.rank(b) != 2:
            return common.none
        if memory.dtype(b) != dtype or (dtype != words.single and dtype != words.double):
            return common.none
        m, k, n = memory.length(a, 0), memory.length(a, 1), memory.length(b, 1)
        if (
            memory.length(b, 0) != k
            or min(m, n) < 1
            or max(m, n, k) > _MAX_MULTIPLY_ADDS
            or m * n * k > _MAX_MULTIPLY_ADDS
        ):
            return common.none
        pool = word(common.pool)  # read once, because another thread may change it
        if pool < 0:  # the worker threads are not started yet
            return common.none
        shape = scratch(2, types.int64)
        shape[0], shape[1] = m, n
        result = new_array(common, dtype, 2, address_of(shape))
        if result == 0:
            return 0
        tasks = words.single_tasks if dtype == words.single else words.double_tasks
        # The result is 0, the kind of tasks that are missing, or -1 if memory is short.
        if call_address(words.kernel, (pool, tasks, 0, result, 0, a, b, 0, 0)) != 0:
            decrement(result)
            return common.none
        return result

    def call(capsule, arguments, count):
        words = record_at(table_in(capsule), functions.Products)
        common = words.common
        result = common.none
        if count == 2 and _is_open(common):
            a, b = _array_of(common, word(arguments), slots), _array_of(common, word(arguments + 8), slots)
            if a != 0 and b != 0:
                result = multiplied(words, a, b)
        return _answer(common, result, slots)

    return call, "int64(int64, int64, int64)"


@jit
def _axis_of(common, thing, rank):
    """Return an axis counted from 0, `_ALL` for None, or `_OTHER`."""
    if thing == common.none:
        return _ALL
    if word(thing + TYPE_SLOT) != common.python_int:
        return _OTHER
    axis = int_as_word(thing)
    if axis == -1 and error() != 0:  # too large for a word
        clear_error()
        return _OTHER
    if axis < 0:
        axis += rank
    return axis if 0 <= axis < rank else _OTHER


@jit
def _with_last(view, array, axis):
    """Write an array with one axis moved to the end to the words of a view, and return its address."""
    rank = memory.rank(array)
    shape, strides = address_of(view) + 8 * memory.ARRAY_WORDS, address_of(view) + 8 * (memory.ARRAY_WORDS + MAX_RANK)
    for to in range(rank):
        source = axis if to == rank - 1 else to + (to >= axis)
        pointer(shape, types.int64)[to] = memory.length(array, source)
        pointer(strides, types.int64)[to] = memory.stride(array, source)
    memory.write_array(address_of(view), memory.data(array), rank, shape, strides, 0)
    return address_of(view)


@jit
def _flat(view, array, elements, size):
    """Write a dense array as a vector to the words of a view, and return its address."""
    view[memory.ARRAY_WORDS], view[memory.ARRAY_WORDS + 1] = elements, size
    shape = address_of(view) + 8 * memory.ARRAY_WORDS
    memory.write_array(address_of(view), memory.data(array), 1, shape, shape + 8, 1)
    return address_of(view)


@kernel
def reduction_kernel(buffer_slot: int, backend_slot: int, key_slot: int) -> Definition:
    """Define the kernel ``k(table, arguments, count)``, called by CPython's fast convention without keywords.

    The arguments are a tensor, an axis and ``keepdims``. All slots are offsets in bytes from the address of a tensor.
    """
    slots = buffer_slot, backend_slot, key_slot

    @jit
    def find_entry(table, entries, dtype):
        """Return the address of the entry for a dtype, or 0."""
        for index in range(entries):
            found = table + _HEADER_SIZE + index * _ENTRY_SIZE
            if record_at(found, functions.ReductionEntry).dtype == dtype:
                return found
        return 0

    @jit
    def reduced(table, array, axis_object, keepdims):
        """Return a new array with the reduction of one, 0 if an exception is set, or None."""
        words = record_at(table, functions.Reductions)
        common = words.common
        found = find_entry(table, words.entries, memory.dtype(array))
        if found == 0:
            return common.none
        entry = record_at(found, functions.ReductionEntry)
        rank = memory.rank(array)
        axis = _axis_of(common, axis_object, rank)
        elements = 1
        for k in range(rank):
            elements *= memory.length(array, k)
        if axis == _OTHER or elements == 0 or elements > _MAX_ELEMENTS:
            return common.none
        if axis == _ALL and words.of_indices and not memory.is_dense(array):
            return common.none
        pool = word(common.pool) if elements > CHUNK else 0  # read once, because another thread may change it
        if pool < 0:  # the worker threads are not started yet
            return common.none
        shape = scratch(MAX_RANK, types.int64)
        kept = 0
        for k in range(rank):
            if axis != _ALL and k != axis:
                shape[kept] = memory.length(array, k)
                kept += 1
            elif keepdims:
                shape[kept] = 1
                kept += 1
        view = scratch(_VIEW, types.int64)
        x = array
        if axis == _ALL and words.of_indices:
            x = _flat(view, array, elements, entry.size)
        elif axis != _ALL and axis != rank - 1:
            x = _with_last(view, array, axis)
        result = new_array(common, entry.output, kept, address_of(shape))
        if result == 0:
            return 0
        given = scratch(4, types.int64)
        given[0] = pool
        if words.of_indices:
            given[1], given[2] = result, x
        else:
            given[1], given[2], given[3] = (0 if axis == _ALL else rank - 1), result, x
        if call_address(entry.launch, (address_of(given),)) != 0:  # memory is short; the Python function raises
            decrement(result)
            return common.none
        return result

    def call(capsule, arguments, count):
        table = table_in(capsule)
        common = record_at(table, functions.Reductions).common
        result = common.none
        if count == 3 and _is_open(common):
            array, keepdims = _array_of(common, word(arguments), slots), word(arguments + 16)
            if array != 0 and (keepdims == common.true or keepdims == common.false):
                result = reduced(table, array, word(arguments + 8), keepdims == common.true)
        return _answer(common, result, slots)

    return call, "int64(int64, int64, int64)"
