"""Calls from Python that run no Python: an elementwise operation on tensors, as one compiled function.

In a call of an operation on small tensors the kernel takes a tenth of the time; the rest is Python that looks at types,
dtypes and shapes, and makes the result. For tensors of one dtype and device, and numbers among real ones, the function
below does all of that in machine code, while no tape records. Whatever else is asked for, and every mistake, goes to
the method it stands in for.

It uses CPython's and NumPy's C interfaces by address. What it knows of the memory of objects is where an object's type
is, NumPy's public C structure (see `memory`), and the places of the slots of our own classes, which are looked up.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import sysconfig
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tensorlab.kernels import memory, threads
from tensorlab.kernels.atomics import call_task
from tensorlab.kernels.compiler import jit, kernel
from tensorlab.kernels.lift import build
from tensorlab.kernels.memory import MAX_RANK, address_of, pointer, scratch

_WORD = ir.IntType(64)

# The words of a table: what is the same for all operations, then what is ready of this one, an entry for each dtype.
_TAPES, _POOL, _TENSOR, _VARIABLE, _WATCHED, _INT, _FLOAT, _NDARRAY = range(8)
_NEW_ARRAY, _NEW_KEY, _METHOD, _ARITY, _ENTRIES = range(8, 13)
HEADER = 13
_DTYPE, _REAL, _OUTPUT, _BACKEND, _KERNEL = range(5)
_ENTRY = 5

_MOST = 8
"""The most arguments of an operation that is called this way."""
_ARRAYS, _SCALARS = 1 + _MOST, 16 * _MOST

Words = np.ndarray[Any, np.dtype[np.int64]]

_LONG = 4096
"""The number of elements from which on other Python threads may run meanwhile."""


def _external(symbol: str, result: Any, *arguments: Any) -> Any:
    return types.ExternalFunction(symbol, result(*arguments))


_increment = _external("Py_IncRef", types.void, types.int64)
_decrement = _external("Py_DecRef", types.void, types.int64)
_new_object = _external("PyType_GenericAlloc", types.int64, types.int64, types.int64)
_call_without = _external("PyObject_CallNoArgs", types.int64, types.int64)
_call_with = _external("PyObject_Vectorcall", types.int64, types.int64, types.int64, types.int64, types.int64)
_float_as_double = _external("PyFloat_AsDouble", types.float64, types.int64)
_int_as_double = _external("PyLong_AsDouble", types.float64, types.int64)
_error = _external("PyErr_Occurred", types.int64)
_clear_error = _external("PyErr_Clear", types.void)
_release_interpreter = _external("PyEval_SaveThread", types.int64)
_acquire_interpreter = _external("PyEval_RestoreThread", types.void, types.int64)


@intrinsic
def _call_address(typingctx: Any, function: Any, arguments: Any) -> Any:
    """Call the C function at an address with words, for a word."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        words = cgutils.unpack_tuple(builder, values[1])
        kind = ir.FunctionType(_WORD, [_WORD] * len(words))
        return builder.call(builder.inttoptr(values[0], kind.as_pointer()), words)

    return types.int64(types.int64, arguments), codegen


@intrinsic
def _c_function(typingctx: Any, function: Any) -> Any:
    """The address of a compiled function of four words as a function of C, for as long as its kernel is alive."""
    kinds = (types.int64,) * 4
    function.get_call_type(typingctx, kinds, {})
    compiled = function.dispatcher.overloads[kinds]

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        context.active_code_library.add_linking_library(compiled.library)
        name = f"c.{compiled.fndesc.llvm_func_name}"
        outer = ir.Function(builder.module, ir.FunctionType(_WORD, [_WORD] * 4), name)
        outer.linkage = "internal"
        body = ir.IRBuilder(outer.append_basic_block())
        target = context.declare_function(body.module, compiled.fndesc)
        _, value = context.call_conv.call_function(body, target, types.int64, kinds, outer.args)
        body.ret(value)
        return builder.ptrtoint(outer, _WORD)

    return types.int64(function), codegen


@functools.cache
def launcher(count: int) -> Callable[..., None]:
    """``launch(kernel, pool, *arrays)``: run the task at an address on so many arrays."""
    names = [f"array{position}" for position in range(count)]
    stores = "".join(f"    words[{position}] = address({name})\n" for position, name in enumerate(names))
    source = f"""
def launch(kernel, pool, {", ".join(names)}):
    words = scratch({count}, int64)
{stores}    call_task(kernel, address_of(words), pool)
"""
    namespace = {
        "address": memory.address,
        "address_of": address_of,
        "call_task": call_task,
        "int64": types.int64,
        "scratch": scratch,
    }
    signature = (*[types.int64] * 2, *[memory.array_object] * count)
    return kernel(build(source, namespace, f"launcher {count}")["launch"], signature, f"launcher {count}")


@jit
def _word(address):
    return pointer(address, types.int64)[0]


@jit
def _by_method(words, operation, arguments, count, names):
    # CPython hands over the rest of an array that begins with the object itself. Were it otherwise, a SystemError.
    return _call_with(words[_METHOD], arguments - 8, count + 1, names) if _word(arguments - 8) == operation else 0


@functools.cache
def _call_kernel(slots: tuple[int, int, int, int]) -> int:
    """The address of ``call(operation, arguments, count, names)``, a function of CPython's fast calling convention."""
    direct_slot, buffer_slot, backend_slot, key_slot = slots
    type_slot = object.__basicsize__ - 8

    @jit
    def is_tensor(words, thing):
        kind = _word(thing + type_slot)
        return kind == words[_TENSOR] or kind == words[_VARIABLE] or kind == words[_WATCHED]

    @jit
    def ready(words, arguments, count):
        """The address of the entry for the dtype and the device that all tensors among the arguments share, or 0."""
        dtype = backend = 0
        for position in range(count):
            thing = _word(arguments + 8 * position)
            if is_tensor(words, thing):
                array = _word(thing + buffer_slot)
                if _word(array + type_slot) != words[_NDARRAY]:
                    return 0
                if dtype == 0:
                    dtype, backend = memory.dtype(array), _word(thing + backend_slot)
                elif memory.dtype(array) != dtype or _word(thing + backend_slot) != backend:
                    return 0
        for entry in range(words[_ENTRIES]):
            found = address_of(words) + 8 * (HEADER + entry * _ENTRY)
            if _word(found + 8 * _DTYPE) == dtype and _word(found + 8 * _BACKEND) == backend:
                return found
        return 0

    @jit
    def number(words, thing, size, scalars, position):
        """The address of an array of rank 0 with the value of a Python number, in so many bytes; 0 for other things."""
        kind = _word(thing + type_slot)
        if size == 0:
            return 0
        if kind == words[_INT]:
            value = _int_as_double(thing)
            if value == -1.0 and _error() != 0:
                _clear_error()
                return 0
        elif kind == words[_FLOAT]:
            value = _float_as_double(thing)
        else:
            return 0
        place = address_of(scalars) + position * 16 * 8
        if size == 4:
            pointer(place, types.float32)[0] = np.float32(value)
        else:
            pointer(place, types.float64)[0] = value
        memory.write_scalar(place + 8, place)
        return place + 8

    @jit
    def call(operation, arguments, count, names):
        words = pointer(memory.data(_word(operation + direct_slot)), types.int64)
        pool = _word(words[_POOL])
        if names != 0 or count != words[_ARITY] or _word(words[_TAPES]) != 0 or pool < 0:
            return _by_method(words, operation, arguments, count, names)
        found = ready(words, arguments, count)
        if found == 0:
            return _by_method(words, operation, arguments, count, names)
        arrays = scratch(_ARRAYS, types.int64)
        scalars = scratch(_SCALARS, types.int64)
        shape = scratch(MAX_RANK, types.int64)
        rank = 0
        for position in range(count):
            thing = _word(arguments + 8 * position)
            if is_tensor(words, thing):
                array = _word(thing + buffer_slot)
            else:
                array = number(words, thing, _word(found + 8 * _REAL), scalars, position)
                if array == 0:
                    return _by_method(words, operation, arguments, count, names)
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
                        return _by_method(words, operation, arguments, count, names)
                    shape[axis] = extent
        output = _word(found + 8 * _OUTPUT)
        _increment(output)  # which the new array takes over
        numpy_call = (words[_NDARRAY], output, np.int64(rank), address_of(shape), 0, 0, 0, 0)
        result = _call_address(words[_NEW_ARRAY], numpy_call)
        if result == 0:
            return 0
        arrays[0] = result
        elements = 1
        for axis in range(rank):
            elements *= shape[axis]
        if elements > _LONG:
            # A variable may be assigned to meanwhile: who holds its memory sees to it that it takes other memory.
            for position in range(count):
                thing = _word(arguments + 8 * position)
                if is_tensor(words, thing):
                    _increment(arrays[1 + position])
            state = _release_interpreter()
            call_task(_word(found + 8 * _KERNEL), address_of(arrays), pool)
            _acquire_interpreter(state)
            for position in range(count):
                if is_tensor(words, _word(arguments + 8 * position)):
                    _decrement(arrays[1 + position])
        else:
            call_task(_word(found + 8 * _KERNEL), address_of(arrays), pool)
        tensor = _new_object(words[_TENSOR], 0)
        if tensor == 0:
            _decrement(result)
            return 0
        backend = _word(found + 8 * _BACKEND)
        _increment(backend)
        pointer(tensor + buffer_slot, types.int64)[0] = result
        pointer(tensor + backend_slot, types.int64)[0] = backend
        pointer(tensor + key_slot, types.int64)[0] = _call_without(words[_NEW_KEY])
        return tensor

    def address():
        return _c_function(call)

    return kernel(address, "int64()", f"calls {slots}")()  # type: ignore[no-any-return]


def slot(thing: Any, name: str) -> int:
    """Where an object keeps one of its ``__slots__``: the bytes from its address."""
    value = getattr(thing, name)
    size = type(thing).__basicsize__
    words = (ctypes.c_ssize_t * (size // 8)).from_address(id(thing))
    first = object.__basicsize__ // 8
    return 8 * words[first:].index(id(value)) + 8 * first


class _Method(ctypes.Structure):
    """CPython's ``PyMethodDef``."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_FAST_WITH_KEYWORDS = 0x0080 | 0x0002
_kept: list[Any] = []
"""What compiled code refers to by address, for the life of the process."""


def install(
    kind: type, operation: Any, tensors: Sequence[type], blank: Words, tapes: int, new_key: Callable[[], int]
) -> None:
    """Put the compiled function in place of the ``__call__`` of a class of operations, once a process.

    Args:
        kind: the class. Each of its objects has a table in its slot ``_direct``.
        operation: one of them.
        tensors: the class of what they give, and two more of what they are applied to.
        blank: the table of those of which nothing is ready yet, of zeros; it is filled in.
        tapes: the address of a word that is 0 while no tape records.
        new_key: makes the key of a tensor.
    """
    if blank[_METHOD] or sysconfig.get_config_var("Py_GIL_DISABLED"):  # without the lock, slots are read otherwise
        return
    method = vars(kind)["__call__"]
    some = tensors[0](np.empty(0), object())
    slots = (_slot(operation, "_direct"), *(_slot(some, name) for name in ("_buffer", "_backend", "key")))
    definition = _Method(b"__call__", _call_kernel(slots), _FAST_WITH_KEYWORDS, (method.__doc__ or "").encode())
    _kept.extend((method, definition, new_key, *tensors))
    words = {
        _TAPES: tapes,
        _POOL: threads.shared.ctypes.data,
        **{place: id(one) for place, one in zip((_TENSOR, _VARIABLE, _WATCHED), tensors, strict=True)},
        _INT: id(int),
        _FLOAT: id(float),
        _NDARRAY: id(np.ndarray),
        _NEW_ARRAY: _numpy_function(94),  # PyArray_NewFromDescr
        _NEW_KEY: id(new_key),
        _ARITY: -1,
        _METHOD: id(method),
    }
    for place, word in words.items():
        blank[place] = word
    new_method = ctypes.pythonapi.PyDescr_NewMethod
    new_method.restype, new_method.argtypes = ctypes.py_object, [ctypes.py_object, ctypes.c_void_p]
    kind.__call__ = new_method(kind, ctypes.addressof(definition))  # type: ignore[method-assign]


def _slot(thing: Any, name: str) -> int:
    """Where an object keeps one of its ``__slots__``: the bytes from its address."""
    words = (ctypes.c_ssize_t * (type(thing).__basicsize__ // 8)).from_address(id(thing))
    first = object.__basicsize__ // 8
    return 8 * (first + words[first:].index(id(getattr(thing, name))))


def _numpy_function(place: int) -> int:
    """The address of a function of NumPy's C interface, by its place in the table of them."""
    capsule = importlib.import_module("numpy._core._multiarray_umath")._ARRAY_API
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    functions = pointer_of(capsule, None)
    return ctypes.c_ssize_t.from_address(functions + 8 * place).value


def table(blank: Words, arity: int, entries: Sequence[tuple[Any, Any, Any, int]]) -> Words:
    """The table of an operation.

    Args:
        blank: the table of which nothing is ready.
        arity: of the operation.
        entries: for each dtype on each backend that is ready: the dtype, that of the result, the backend, and the
            kernel's address.
    """
    words = blank.tolist()
    words[_ARITY], words[_ENTRIES] = arity if arity <= _MOST else -1, len(entries)
    for dtype, output, backend, address in entries:
        _kept.extend((dtype, output, backend))
        words += [id(dtype), dtype.itemsize if dtype.kind == "f" else 0, id(output), id(backend), address]
    return np.array(words, np.int64)
