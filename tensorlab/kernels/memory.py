"""Memory by address: typed pointers, and the arrays that a kernel is handed.

A kernel takes every array as the address of its NumPy object, one machine word, and reads data, shape and strides from
there itself. So a kernel has one signature for arrays of any rank and layout, and a call unboxes nothing but integers.
The fields below are NumPy's public C structure ``PyArrayObject_fields``, in place since NumPy 1.0; `check_layout`
compares what is read with what NumPy says, once a process.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tensorlab.kernels.compiler import jit, kernel

_DATA = object.__basicsize__  # the fields follow the object header, which is longer in a free-threaded Python
_RANK, _SHAPE, _STRIDES = _DATA + 8, _DATA + 16, _DATA + 24

MAX_RANK = 64
"""NumPy's own limit."""


@intrinsic
def pointer(typingctx: Any, address: Any, dtype: Any) -> Any:
    """The ``int64`` address as a pointer to ``dtype``; ``p[i]`` reads and writes without any check."""
    kind = types.CPointer(dtype.dtype if isinstance(dtype, types.DTypeSpec) else dtype.instance_type)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], context.get_value_type(kind))

    return kind(types.int64, dtype), codegen


@intrinsic(prefer_literal=True)
def scratch(typingctx: Any, count: Any, dtype: Any) -> Any:
    """Uninitialised room for ``count`` (a constant) elements of ``dtype`` in the frame of the calling function."""
    kind = types.CPointer(dtype.dtype if isinstance(dtype, types.DTypeSpec) else dtype.instance_type)
    size = count.literal_value

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        element = context.get_data_type(kind.dtype)
        room = cgutils.alloca_once(builder, ir.ArrayType(element, size))
        room.align = 64
        return builder.bitcast(room, context.get_value_type(kind))

    return kind(count, dtype), codegen


@intrinsic
def packed(typingctx: Any, words: Any) -> Any:
    """The address of a tuple of ``int64``, one after the other in the frame of the calling function."""
    kind = types.UniTuple(types.int64, len(words))

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        room = cgutils.alloca_once(builder, context.get_value_type(kind))
        builder.store(context.cast(builder, values[0], words, kind), room)
        return builder.ptrtoint(room, ir.IntType(64))

    return types.int64(words), codegen


@intrinsic
def address_of(typingctx: Any, place: Any) -> Any:
    """The address that a pointer holds."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.ptrtoint(values[0], ir.IntType(64))

    return types.int64(place), codegen


@intrinsic
def number(typingctx: Any, constant: Any) -> Any:
    """A constant as a value that Numba does not know: a function is compiled again for every constant it is given."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return values[0]

    return types.int64(types.int64), codegen


@jit
def data(array):
    """The address of the first element."""
    return pointer(array, types.int64)[_DATA >> 3]


@jit
def rank(array):
    """The number of axes."""
    return np.int64(pointer(array + _RANK, types.int32)[0])


@jit
def length(array, axis):
    """The length of one axis."""
    return pointer(pointer(array, types.int64)[_SHAPE >> 3], types.int64)[axis]


@jit
def stride(array, axis):
    """The bytes from one element to the next along one axis."""
    return pointer(pointer(array, types.int64)[_STRIDES >> 3], types.int64)[axis]


def _read(array, found):
    words = pointer(found, types.int64)
    words[0] = data(array)
    words[1] = rank(array)
    for axis in range(rank(array)):
        words[2 + axis] = length(array, axis)
        words[2 + rank(array) + axis] = stride(array, axis)


@functools.cache
def check_layout() -> None:
    """Raise if this NumPy does not lay its arrays out as this module reads them."""
    array = np.zeros((5, 4, 3), np.float32)[::2, :, 1:]
    found = np.zeros(8, np.int64)
    kernel(_read, "void(int64, int64)", "memory")(id(array), found.ctypes.data)
    if found.tolist() != [array.ctypes.data, array.ndim, *array.shape, *array.strides]:
        raise RuntimeError(f"tensorlab cannot read the arrays of NumPy {np.__version__}; please report this version")
