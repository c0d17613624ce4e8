"""Memory by address: typed pointers, and the arrays that a kernel is handed.

A kernel takes every array as the address of its NumPy object, one machine word, and reads data, shape and strides from
there itself. So a kernel has one signature for arrays of any rank and layout, and a call unboxes nothing.
The fields below are NumPy's public C structure ``PyArrayObject_fields``, in place since NumPy 1.0; `check_layout`
compares what is read with what NumPy says, once a process.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import NativeValue, intrinsic, models, register_model, unbox

from tensorlab.kernels.compiler import jit, kernel

_DATA = object.__basicsize__  # the fields follow the object header, which is longer in a free-threaded Python
_RANK, _SHAPE, _STRIDES, _DTYPE = _DATA + 8, _DATA + 16, _DATA + 24, _DATA + 40

MAX_RANK = 64
"""NumPy's own limit."""


class _ArrayObject(types.Type):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__("array_object")


array_object = _ArrayObject()
"""The type of a kernel's parameter that takes an array: its object, of which `address` is the place in memory."""


@register_model(_ArrayObject)
class _Model(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.IntType(64))


@unbox(_ArrayObject)
def _unbox(kind: Any, value: Any, context: Any) -> Any:
    return NativeValue(context.builder.ptrtoint(value, ir.IntType(64)))


@intrinsic
def address(typingctx: Any, array: Any) -> Any:
    """The address of an array's object, which the functions below take. The caller keeps the array alive."""
    return types.int64(array), lambda context, builder, signature, values: values[0]


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
        with builder.goto_entry_block():  # cgutils.alloca_once would fill it with zeros, at every call
            room = builder.alloca(ir.ArrayType(element, size))
        room.align = 64
        return builder.bitcast(room, context.get_value_type(kind))

    return kind(count, dtype), codegen


@intrinsic
def address_of(typingctx: Any, place: Any) -> Any:
    """The address that a pointer holds."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.ptrtoint(values[0], ir.IntType(64))

    return types.int64(place), codegen


@jit
def data(array):
    """The address of the first element."""
    return pointer(array, types.int64)[_DATA >> 3]


@jit
def rank(array):
    """The number of axes."""
    return np.int64(pointer(array + _RANK, types.int32)[0])


@jit
def lengths(array):
    """The address of the lengths of the axes."""
    return pointer(array, types.int64)[_SHAPE >> 3]


@jit
def length(array, axis):
    """The length of one axis."""
    return pointer(lengths(array), types.int64)[axis]


@jit
def stride(array, axis):
    """The bytes from one element to the next along one axis."""
    return pointer(pointer(array, types.int64)[_STRIDES >> 3], types.int64)[axis]


@jit
def dtype(array):
    """The address of the object that describes the elements."""
    return pointer(array, types.int64)[_DTYPE >> 3]


@jit
def write_scalar(array, place):
    """Write, at an address, what the functions above read of an array of rank 0 whose element is at ``place``."""
    pointer(array, types.int64)[_DATA >> 3] = place
    pointer(array + _RANK, types.int32)[0] = 0


def _read(array_object, found):
    array = address(array_object)
    words = pointer(found, types.int64)
    words[0] = data(array)
    words[1] = dtype(array)
    words[2] = rank(array)
    for axis in range(rank(array)):
        words[3 + axis] = length(array, axis)
        words[3 + rank(array) + axis] = stride(array, axis)


@functools.cache
def check_layout() -> None:
    """Raise if this NumPy does not lay its arrays out as this module reads them."""
    array = np.zeros((5, 4, 3), np.float32)[::2, :, 1:]
    found = np.zeros(9, np.int64)
    kernel(_read, (array_object, types.int64), "memory")(array, found.ctypes.data)
    if found.tolist() != [array.ctypes.data, id(array.dtype), array.ndim, *array.shape, *array.strides]:
        raise RuntimeError(f"tensorlab cannot read the arrays of NumPy {np.__version__}; please report this version")
