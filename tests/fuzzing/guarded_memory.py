"""A memory handler for NumPy that puts every array between two pages that nobody may read or write.

An array ends exactly where the page behind it begins, or, every other one, begins where the page in front of it ends.
So the first access beyond that end kills the process. On the other side are up to 4,095 bytes of a pattern, which is
compared when the array is freed; a change aborts the process. Freed arrays are unmapped, so their use is found too.

Kernels need no changes, since the results of operations are NumPy arrays. The handler is NumPy's own interface
(NEP 49), its functions are compiled by Numba, and it holds for the thread that sets it.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numba import cfunc, types

PAGE = 4096
_PATTERN = 0xA5
_SET_HANDLER = 304  # the index of PyDataMem_SetHandler in NumPy's table of C functions
_READ_WRITE, _PRIVATE_ANONYMOUS, _NONE = 3, 0x22, 0

_int, _size = types.int32, types.uintp
_mmap = types.ExternalFunction("mmap", _size(_size, _size, _int, _int, _int, types.int64))
_munmap = types.ExternalFunction("munmap", _int(_size, _size))
_mprotect = types.ExternalFunction("mprotect", _int(_size, _size, _int))
_memset = types.ExternalFunction("memset", _size(_size, _int, _size))
_memcpy = types.ExternalFunction("memcpy", _size(_size, _size, _size))
_abort = types.ExternalFunction("abort", types.void())


def handler() -> Any:
    """Return the handler, compiled; the caller keeps the functions of it alive by keeping the result."""
    from numba import njit

    from tensorlab.kernels.runtime.memory import pointer

    @njit(_size(_size))
    def placed(size):  # type: ignore[no-untyped-def]
        length = (size + PAGE - 1) // PAGE * PAGE
        if length == 0:
            length = PAGE
        whole = length + 3 * PAGE
        start = _mmap(0, whole, _READ_WRITE, _PRIVATE_ANONYMOUS, -1, 0)
        if start == _size(0xFFFFFFFFFFFFFFFF):
            return _size(0)
        words = pointer(types.int64(start), types.uintp)
        words[0], words[1] = whole, size
        data = start + 2 * PAGE
        _memset(data, _PATTERN, length)
        _mprotect(start + PAGE, PAGE, _NONE)
        _mprotect(data + length, PAGE, _NONE)
        # Every other array begins at the page; addresses of mappings differ in no regular way, but sizes do.
        if (size >> 2) & 1 and (start >> 14) & 1:
            return data
        return data + (length - size)

    @njit(types.void(_size))
    def freed(address):  # type: ignore[no-untyped-def]
        data = address // PAGE * PAGE
        start = data - 2 * PAGE
        words = pointer(types.int64(start), types.uintp)
        whole, size = words[0], words[1]
        content = pointer(types.int64(data), types.uint8)
        first = address - data
        last = first + size
        for index in range(whole - 3 * PAGE):
            if (index < first or index >= last) and content[index] != _PATTERN:
                _abort()
        _munmap(start, whole)

    @cfunc(_size(_size, _size))
    def malloc(context, size):  # type: ignore[no-untyped-def]
        return placed(size)

    @cfunc(_size(_size, _size, _size))
    def calloc(context, count, size):  # type: ignore[no-untyped-def]
        made = placed(count * size)
        if made:
            _memset(made, 0, count * size)
        return made

    @cfunc(_size(_size, _size, _size))
    def realloc(context, address, size):  # type: ignore[no-untyped-def]
        made = placed(size)
        if made and address:
            before = pointer(types.int64(address // PAGE * PAGE - 2 * PAGE), types.uintp)[1]
            _memcpy(made, address, min(before, size))
            freed(address)
        return made

    @cfunc(types.void(_size, _size, _size))
    def free(context, address, size):  # type: ignore[no-untyped-def]
        if address:
            freed(address)

    return malloc, calloc, realloc, free


class _Allocator(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("context", "malloc", "calloc", "realloc", "free")]


class _Handler(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char * 127), ("version", ctypes.c_uint8), ("allocator", _Allocator)]


_kept: list[Any] = []


def guard_this_thread() -> None:
    """Let all arrays that this thread makes from now on lie between pages that cannot be accessed."""
    if not _kept:
        functions = handler()
        made = _Handler(b"guarded", 1, _Allocator(None, *[function.address for function in functions]))
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        _kept.extend([functions, made, new(ctypes.addressof(made), b"mem_handler", None)])
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(_kept))  # arrays may be freed after this module
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = ctypes.cast(get(np._core._multiarray_umath._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(table[_SET_HANDLER])
    set_handler(_kept[2])


def is_guarded(array: np.ndarray[Any, Any]) -> bool:
    """Return whether the memory of an array is guarded."""
    name: str | None = np._core.multiarray.get_handler_name(array)
    return name == "guarded"
