"""Compiled calls: an elementwise operation on tensors as one machine-code function.

In a Python call on small tensors, the kernel takes a tenth of the time. The rest is spent on checks of types, dtypes
and shapes and on the creation of the result. The compiled function of `compiled_call` does all of this in machine code
if the tensors have one dtype and device; it also accepts Python numbers if the dtype is real. While a tape is open, it
then calls the method ``_recorded``. In every other case, errors included, it calls the Python method that it replaces.

The code calls C functions of CPython and NumPy by address. It relies on three memory layouts: the offset of an object's
type, NumPy's public structure for arrays (see `layout`), and the offsets of the slots of tensorlab's own classes, which
are looked up at run time. A slot may be empty or contain any object, so its content is checked before use.

Each operation holds its table of addresses in a capsule. Python code cannot read, change, copy or pickle a capsule, so
no address leaves the process. Tables are never freed, nor is the code that they refer to. Equal tables are stored once.
"""

from __future__ import annotations

import ctypes
import importlib
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tensorlab.forks import guard
from tensorlab.kernels.runtime import library, pool
from tensorlab.kernels.runtime.native import Method, address, keep_to_the_end


class Header(NamedTuple):
    """The first words of a table; objects are stored by address. Only the last five words depend on the operation."""

    tapes: int
    """The address of a word that is 0 while no tape records."""
    pool: int
    """The address of a word that contains the address of the pool."""
    tensor: int
    """The class of most results. Arguments may also be of the next four classes."""
    shared: int
    remembering: int
    """The class of results that keep a snapshot of their argument, see `source`."""
    variable: int
    watched: int
    python_int: int
    python_float: int
    ndarray: int
    new_array: int
    """NumPy's C function that creates an array."""
    keys: int
    """The iterator that yields the keys of tensors."""
    record: int
    """The method that records a call on tapes."""
    result: int
    """The class of results: `tensor` or `remembering`."""
    source: int
    """The name that results keep in the slot ``origin`` with a snapshot of their argument; 0 if they keep neither."""
    arity: int
    """The number of arguments, or -1 if all calls of the operation go through Python."""
    entries: int
    """The number of entries that follow."""
    calls: int
    """The number of compiled calls that have used the table."""


class TableEntry(NamedTuple):
    """The words of a table for one combination of dtype and backend."""

    dtype: int
    real: int
    """The size of an element in bytes if the dtype is real, else 0."""
    output: int
    """The dtype of the result."""
    backend: int
    kernel: int


CALLS = 8 * Header._fields.index("calls")
"""The offset of `Header.calls` in a table, in bytes."""

MAX_ARGUMENTS = 3
"""The maximum number of arguments of a compiled call."""

CAPSULE = "tensorlab.kernels.runtime.calls.table"
"""The name of the capsules."""
METHOD = "_by_python"
"""The method that is called for everything that the compiled function does not handle."""

FAST = 0x0080
"""CPython's fast calling convention."""
_FAST_WITH_KEYWORDS = FAST | 0x0002
enabled = np.ones(1, np.int64)
"""1 if calls use compiled functions, else 0. The compiled code reads this word."""
_header: Header | None = None
_installed: list[tuple[Any, Any]] = []
"""Each class with the compiled function that replaces its ``__call__``."""
_tables: dict[bytes, Any] = {}
_kept: dict[int, Any] = {}
"""Objects that compiled code refers to by address; they are never freed."""


def install(kinds: Sequence[type], operation: Any, tensors: Sequence[type], tapes: int, keys: Iterator[int]) -> None:
    """Replace the ``__call__`` of classes of operations with the compiled function, once per process.

    Args:
        kinds: the classes, each with a ``__call__`` of its own; all are subclasses of the first. The slot ``_direct``
            of an object contains its table or None. While a tape is open, the result and the arguments are passed to
            the method ``_recorded``. The method ``_by_python`` is called for everything that the compiled function
            does not handle.
        operation: an instance of one of the classes, from which slot offsets are read.
        tensors: the classes `Header.tensor` to `Header.watched`.
        tapes: the address of a word that is 0 while no tape records.
        keys: yields the keys of tensors.
    """
    if sysconfig.get_config_var("Py_GIL_DISABLED"):  # reading slots without locks relies on the GIL
        return
    with guard:
        if _header is None:
            _install(kinds, operation, tensors, tapes, keys)


def _install(kinds: Sequence[type], operation: Any, tensors: Sequence[type], tapes: int, keys: Iterator[int]) -> None:
    global _header
    record = vars(kinds[0])["_recorded"]
    call = address(library.find("runtime.compiled_call.call_kernel", slots(operation, tensors[0])))
    tensor, shared, remembering, variable, watched = map(kept_at, tensors)
    header = Header(
        tapes=tapes,
        pool=pool.shared.ctypes.data,
        tensor=tensor,
        shared=shared,
        remembering=remembering,
        variable=variable,
        watched=watched,
        python_int=id(int),
        python_float=id(float),
        ndarray=id(np.ndarray),
        new_array=new_array_address(),
        keys=kept_at(keys),
        record=kept_at(record),
        result=tensor,
        source=0,
        arity=-1,
        entries=0,
        calls=0,
    )
    prototype = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.c_void_p)
    new_method = prototype(("PyDescr_NewMethod", ctypes.pythonapi))
    for kind in kinds:
        definition = Method(b"__call__", call, _FAST_WITH_KEYWORDS, (kind.__call__.__doc__ or "").encode())
        keep_to_the_end(definition)
        _installed.append((kind, new_method(kind, ctypes.addressof(definition))))
    switch(compiled=True)
    _header = header


def slots(operation: Any, tensor: type) -> tuple[int, ...]:
    """Return the offsets of the slots that the compiled function uses, of an operation and of a class of tensors."""
    return _slot(operation, "_direct"), *tensor_slots(tensor, "_buffer", "_backend", "key", "origin")


def tensor_slots(tensor: type, *names: str) -> tuple[int, ...]:
    """Return the offsets of the named slots of a class of tensors."""
    some: Any = tensor(np.empty(0), object())
    some.origin = object()
    return tuple([_slot(some, name) for name in names])


def switch(compiled: bool) -> None:
    """Select whether calls use the compiled function, if it is installed, or the Python method."""
    enabled[0] = compiled
    for kind, call in _installed:
        kind.__call__ = call if compiled else vars(kind)[METHOD]


def kept_at(thing: Any) -> int:
    """Keep an object alive for the whole process, and return its address."""
    _kept[id(thing)] = thing
    return id(thing)


def _slot(thing: Any, name: str) -> int:
    """Return the offset in bytes of one of an object's ``__slots__``."""
    words = (ctypes.c_ssize_t * (type(thing).__basicsize__ // 8)).from_address(id(thing))
    first = object.__basicsize__ // 8
    return 8 * (first + words[first:].index(id(getattr(thing, name))))


def new_array_address() -> int:
    """Return the address of NumPy's C function ``PyArray_NewFromDescr``."""
    capsule = importlib.import_module("numpy._core._multiarray_umath")._ARRAY_API
    prototype = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    # Not ctypes.pythonapi.PyCapsule_GetPointer, which all libraries share and may give other argument types.
    functions = prototype(("PyCapsule_GetPointer", ctypes.pythonapi))(capsule, None)
    return ctypes.c_ssize_t.from_address(functions + 8 * 94).value  # by its index in NumPy's table of functions


def table(
    arity: int, entries: Sequence[tuple[Any, Any, Any, Callable[..., Any]]], remembered: tuple[type, str] | None = None
) -> Any:
    """Return the table of an operation as a capsule, or None if compiled calls are not installed.

    Args:
        arity: the number of arguments of the operation.
        entries: for each dtype and backend with a kernel: the dtype, the dtype of the result, the backend, the kernel.
        remembered: the class `Header.result` and the name `Header.source`, for results that keep their argument.
    """
    if _header is None:
        return None
    result, source = (_header.result, 0) if remembered is None else map(kept_at, remembered)
    shown = arity if arity <= MAX_ARGUMENTS else -1
    own = {"arity": shown, "entries": len(entries), "result": result, "source": source}
    words = [*_header._replace(**own)]
    for dtype, output, backend, kernel in entries:
        real = dtype.itemsize if dtype.kind == "f" else 0
        words += TableEntry(kept_at(dtype), real, kept_at(output), kept_at(backend), address(kernel))
    content = np.array(words, np.int64)
    with guard:
        capsule = _tables.get(content.tobytes())
        if capsule is None:
            capsule = _tables[content.tobytes()] = new_capsule(content)
    return capsule


_NAME = CAPSULE.encode()


def new_capsule(content: Any) -> Any:
    """Return a table, an array of words that is kept for the whole process, as a capsule."""
    prototype = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    keep_to_the_end(content)
    keep_to_the_end(_NAME)
    return prototype(("PyCapsule_New", ctypes.pythonapi))(content.ctypes.data, _NAME, None)


def count(capsule: Any) -> int:
    """Return the number of compiled calls that have used a table, or 0 if the object is not the capsule of a table."""
    is_valid = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    if not is_valid(("PyCapsule_IsValid", ctypes.pythonapi))(capsule, _NAME):
        return 0
    start = pointer(("PyCapsule_GetPointer", ctypes.pythonapi))(capsule, _NAME)
    return ctypes.c_int64.from_address(start + CALLS).value
