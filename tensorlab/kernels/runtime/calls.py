"""Calls from Python that run no Python: an elementwise operation on tensors, as one compiled function.

In a call of an operation on small tensors the kernel takes a tenth of the time; the rest is Python that looks at types,
dtypes and shapes, and makes the result. For tensors of one dtype and device, and numbers among real ones, the function
in `direct` does all of that in machine code, and calls a method to record it while a tape is open. Whatever else is
asked for, and every mistake, goes to the method it stands in for.

It uses CPython's and NumPy's C interfaces by address. What it knows of the memory of objects is where an object's type
is, NumPy's public C structure (see `memory`), and the offsets of the slots of our own classes, which are looked up.
A slot may be empty or hold anything: what is found there is checked before it is used.

An operation refers to its table of addresses by a capsule, which Python can neither read, change, copy nor pickle. So
no address leaves the process. Tables, like the code that they name, stay to its end, and equal operations share one.
"""

from __future__ import annotations

import ctypes
import importlib
import sysconfig
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorlab.forks import guard
from tensorlab.kernels.runtime import library, pool
from tensorlab.kernels.runtime.native import Method, address, keep_to_the_end

# The words of a table: what is the same for all operations, then what is ready of this one, an entry for each dtype.
TAPES, POOL, TENSOR, SHARED, VARIABLE, WATCHED, INT, FLOAT, NDARRAY = range(9)
NEW_ARRAY, NEW_KEY, RECORD, ARITY, ENTRIES, COUNT = range(9, 15)
HEADER = 15
DTYPE, REAL, OUTPUT, BACKEND, KERNEL = range(5)
ENTRY = 5

MOST = 3
"""The most arguments of an operation that is called this way."""

CAPSULE = "tensorlab.kernels.runtime.calls.table"
"""The name of the capsules."""
METHOD = "_by_python"
"""The method that does what the compiled function does not do."""

_FAST_WITH_KEYWORDS = 0x0080 | 0x0002
_header: list[int] = []
_installed: list[tuple[Any, Any]] = []
"""The class, and the compiled function that stands in for its ``__call__``."""
_tables: dict[bytes, Any] = {}
_kept: dict[int, Any] = {}
"""What compiled code refers to by address, for the life of the process."""


def install(kind: type, operation: Any, tensors: Sequence[type], tapes: int, new_key: Callable[[], int]) -> None:
    """Put the compiled function in place of the ``__call__`` of a class of operations, once a process.

    Args:
        kind: the class. Each of its objects has a table in its slot ``_direct``, or None; while a tape is open, the
            result and the arguments go through its method ``_recorded``; what the compiled function does not do goes
            to its method ``_by_python``.
        operation: one of them.
        tensors: the class of what they give, and three more of what they are applied to.
        tapes: the address of a word that is 0 while no tape records.
        new_key: makes the key of a tensor.
    """
    if sysconfig.get_config_var("Py_GIL_DISABLED"):  # without the lock, slots are read otherwise
        return
    with guard:
        if not _header:
            _install(kind, operation, tensors, tapes, new_key)


def _install(kind: type, operation: Any, tensors: Sequence[type], tapes: int, new_key: Callable[[], int]) -> None:
    record = vars(kind)["_recorded"]
    some = tensors[0](np.empty(0), object())
    slots = (_slot(operation, "_direct"), *(_slot(some, name) for name in ("_buffer", "_backend", "key")))
    call = address(library.find("loops.direct.call_kernel", slots))
    definition = Method(b"__call__", call, _FAST_WITH_KEYWORDS, (kind.__call__.__doc__ or "").encode())
    keep_to_the_end(definition)
    words = {
        TAPES: tapes,
        POOL: pool.shared.ctypes.data,
        **{place: _kept_at(one) for place, one in zip((TENSOR, SHARED, VARIABLE, WATCHED), tensors, strict=True)},
        INT: id(int),
        FLOAT: id(float),
        NDARRAY: id(np.ndarray),
        NEW_ARRAY: _numpy_function(94),  # PyArray_NewFromDescr
        NEW_KEY: _kept_at(new_key),
        RECORD: _kept_at(record),
    }
    prototype = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.c_void_p)
    new_method = prototype(("PyDescr_NewMethod", ctypes.pythonapi))
    _installed.append((kind, new_method(kind, ctypes.addressof(definition))))
    switch(compiled=True)
    _header.extend([words[place] for place in range(len(words))])


def switch(compiled: bool) -> None:
    """Let calls go through the compiled function, if it is installed, or through Python."""
    for kind, call in _installed:
        kind.__call__ = call if compiled else vars(kind)[METHOD]


def _kept_at(thing: Any) -> int:
    """The address of an object, which is kept."""
    _kept[id(thing)] = thing
    return id(thing)


def _slot(thing: Any, name: str) -> int:
    """Where an object keeps one of its ``__slots__``: the bytes from its address."""
    words = (ctypes.c_ssize_t * (type(thing).__basicsize__ // 8)).from_address(id(thing))
    first = object.__basicsize__ // 8
    return 8 * (first + words[first:].index(id(getattr(thing, name))))


def _numpy_function(place: int) -> int:
    """The address of a function of NumPy's C interface, by its place in the table of them."""
    capsule = importlib.import_module("numpy._core._multiarray_umath")._ARRAY_API
    prototype = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)  # a function of our own
    functions = prototype(("PyCapsule_GetPointer", ctypes.pythonapi))(capsule, None)
    return ctypes.c_ssize_t.from_address(functions + 8 * place).value


def table(arity: int, entries: Sequence[tuple[Any, Any, Any, Callable[..., Any]]]) -> Any:
    """The table of an operation, as a capsule; None if calls are not compiled.

    Args:
        arity: of the operation.
        entries: for each dtype on each backend that is ready: the dtype, that of the result, the backend, and the
            kernel.
    """
    if not _header:
        return None
    words = [*_header, arity if arity <= MOST else -1, len(entries), 0]
    for dtype, output, backend, kernel in entries:
        real = dtype.itemsize if dtype.kind == "f" else 0
        words += [_kept_at(dtype), real, _kept_at(output), _kept_at(backend), address(kernel)]
    content = np.array(words, np.int64)
    with guard:
        capsule = _tables.get(content.tobytes())
        if capsule is None:
            capsule = _tables[content.tobytes()] = _new_capsule(content)
    return capsule


_NAME = CAPSULE.encode()


def _new_capsule(content: Any) -> Any:
    prototype = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    keep_to_the_end(content)
    keep_to_the_end(_NAME)
    return prototype(("PyCapsule_New", ctypes.pythonapi))(content.ctypes.data, _NAME, None)


def count(capsule: Any) -> int:
    """Return how many calls have used a table; 0 for anything else than the capsule of one."""
    is_valid = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)  # functions of our own
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    if not is_valid(("PyCapsule_IsValid", ctypes.pythonapi))(capsule, _NAME):
        return 0
    start = pointer(("PyCapsule_GetPointer", ctypes.pythonapi))(capsule, _NAME)
    return ctypes.c_int64.from_address(start + 8 * COUNT).value
