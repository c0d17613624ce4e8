"""Python objects in machine code: C functions of CPython, the slots of tensors, and new arrays and tensors.

Objects are addresses. The callers have the GIL.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tensorlab.kernels.runtime import calls
from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.memory import pointer

_WORD = ir.IntType(64)
TYPE_SLOT = object.__basicsize__ - 8
"""The slot of an object's type, in bytes from its address."""


def _external(symbol: str, result: Any, *arguments: Any) -> Any:
    return types.ExternalFunction(symbol, result(*arguments))


increment = _external("Py_IncRef", types.void, types.int64)
decrement = _external("Py_DecRef", types.void, types.int64)  # both do nothing for the address 0
new_object = _external("PyType_GenericAlloc", types.int64, types.int64, types.int64)
new_tuple = _external("PyTuple_New", types.int64, types.int64)
set_item = _external("PyTuple_SetItem", types.int32, types.int64, types.int64, types.int64)
call_with = _external("PyObject_Vectorcall", types.int64, types.int64, types.int64, types.int64, types.int64)
attribute = _external("PyObject_GetAttrString", types.int64, types.int64, types.int64)
float_as_double = _external("PyFloat_AsDouble", types.float64, types.int64)
int_as_double = _external("PyLong_AsDouble", types.float64, types.int64)
int_as_word = _external("PyLong_AsLong", types.int64, types.int64)
error = _external("PyErr_Occurred", types.int64)
clear_error = _external("PyErr_Clear", types.void)
release_gil = _external("PyEval_SaveThread", types.int64)
acquire_gil = _external("PyEval_RestoreThread", types.void, types.int64)
_next = _external("PyIter_Next", types.int64, types.int64)
_in_capsule = _external("PyCapsule_GetPointer", types.int64, types.int64, types.int64)


@intrinsic
def call_address(typingctx: Any, function: Any, arguments: Any) -> Any:
    """Call the C function at an address; its arguments and its result are 64-bit words."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        words = cgutils.unpack_tuple(builder, values[1])
        kind = ir.FunctionType(_WORD, [_WORD] * len(words))
        return builder.call(builder.inttoptr(values[0], kind.as_pointer()), words)

    return types.int64(types.int64, arguments), codegen


def text_address(text: str) -> Any:
    """Return an intrinsic that returns the address of a constant C string."""

    @intrinsic
    def address(typingctx: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.ptrtoint(context.insert_const_string(builder.module, text), _WORD)

        return types.int64(), codegen

    return address


_capsule_name = text_address(calls.CAPSULE)


@jit
def word(address):
    return pointer(address, types.int64)[0]


@jit
def table_in(content):
    """Return the address of the table in a capsule, or 0 if the slot is empty or contains another object."""
    table = _in_capsule(content, _capsule_name())
    if table == 0:
        clear_error()
    return table


@jit
def is_tensor(words, thing):
    """Return whether a thing is an object of a class of tensors named in a table."""
    kind = word(thing + TYPE_SLOT)
    plain = kind == words.tensor or kind == words.shared or kind == words.remembering
    return plain or kind == words.variable or kind == words.watched


@jit
def new_array(words, dtype, rank, shape):
    """Return a new C-contiguous array, or 0 if an exception is set. ``shape`` is an address."""
    increment(dtype)  # the array takes over this reference
    return call_address(words.new_array, (words.ndarray, dtype, np.int64(rank), shape, 0, 0, 0, 0))


@jit
def new_tensor(words, kind, slots, array, backend):
    """Return a new tensor that takes over the reference to its array, or 0 if an exception is set.

    Args:
        words: the table.
        kind: the class.
        slots: the slots of the buffer, the backend and the key.
        array: its array.
        backend: its backend.
    """
    tensor = new_object(kind, 0)
    if tensor == 0:
        decrement(array)
        return 0
    increment(backend)
    pointer(tensor + slots[0], types.int64)[0] = array
    pointer(tensor + slots[1], types.int64)[0] = backend
    key = _next(words.keys)
    pointer(tensor + slots[2], types.int64)[0] = key
    if key == 0:
        decrement(tensor)
        return 0
    return tensor
