"""Simulate a lack of memory by replacing the allocator that kernels use."""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from llvmlite import ir
from numba import cfunc, types
from numba.extending import intrinsic

_RAW = 0  # PYMEM_DOMAIN_RAW


class _Allocator(ctypes.Structure):
    """CPython's ``PyMemAllocatorEx``."""

    _fields_ = (
        ("context", ctypes.c_void_p),
        *[(name, ctypes.c_void_p) for name in ("malloc", "calloc", "realloc", "free")],
    )


@intrinsic
def _call(typingctx: Any, function: Any, context: Any, size: Any) -> Any:
    def codegen(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        word = ir.IntType(64)
        kind = ir.FunctionType(word, [word, word])
        return builder.call(builder.inttoptr(values[0], kind.as_pointer()), values[1:])

    return types.int64(types.int64, types.int64, types.int64), codegen


@intrinsic
def _words(typingctx: Any, address: Any) -> Any:
    kind = types.CPointer(types.int64)

    def codegen(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], target.get_value_type(kind))

    return kind(types.int64), codegen


@functools.cache
def _malloc() -> Any:
    """Return the allocator. It needs no GIL; its context has four words: address, context, size, number to grant."""

    @cfunc("int64(int64, int64)", nopython=True)
    def malloc(context: Any, size: Any) -> Any:
        words = _words(context)
        if size >= words[2]:
            words[3] -= 1
            if words[3] < 0:
                return 0
        return _call(words[0], words[1], size)

    return malloc


@contextlib.contextmanager
def memory_refused(least: int = 1, granted: int = 0) -> Iterator[np.ndarray[Any, Any]]:
    """Make ``PyMem_RawMalloc`` fail for requests of a size or more.

    Args:
        least: the size in bytes. Python itself and its threads request less.
        granted: the number of such requests that succeed before.

    Yields:
        words, the last of which is the number of further requests that would succeed; negative if one failed.
    """
    malloc = _malloc()
    usual, other = _Allocator(), _Allocator()
    ctypes.pythonapi.PyMem_GetAllocator(_RAW, ctypes.byref(usual))
    if usual.context:
        pytest.skip("Python uses other allocators, such as debug ones")
    words = np.array([usual.malloc or 0, usual.context or 0, least, granted], np.int64)
    other.context, other.malloc = words.ctypes.data, malloc.address
    # The other functions receive our context in place of their own, which the C library's functions ignore.
    other.calloc, other.realloc, other.free = usual.calloc, usual.realloc, usual.free
    ctypes.pythonapi.PyMem_SetAllocator(_RAW, ctypes.byref(other))
    try:
        yield words
    finally:
        ctypes.pythonapi.PyMem_SetAllocator(_RAW, ctypes.byref(usual))
