"""Memory access by address: typed pointers, stack buffers, and the fields of NumPy arrays.

A kernel receives every array as the address of its NumPy object and reads data, shape and strides from there (see
`layout`). So a kernel has one signature for arrays of any rank and layout, and a call does not unbox arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.layout import DATA, DTYPE, RANK, SHAPE, STRIDES

__all__ = [
    "MAX_RANK",
    "address",
    "address_of",
    "array_object",
    "data",
    "dtype",
    "length",
    "lengths",
    "pointer",
    "rank",
    "scratch",
    "stack",
    "stride",
    "write_scalar",
]

MAX_RANK = 64
"""NumPy's maximum number of axes."""


class _ArrayObject(types.Type):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__("array_object")


array_object = _ArrayObject()
"""The Numba type of an array parameter. Its value is the address of the array's object, which `address` returns."""


@register_model(_ArrayObject)
class _Model(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.IntType(64))


@intrinsic
def address(typingctx: Any, array: Any) -> Any:
    """Return the address of an array's object, which the functions below take; the caller keeps the array alive."""
    return types.int64(array), lambda context, builder, signature, values: values[0]


@intrinsic
def pointer(typingctx: Any, address: Any, dtype: Any) -> Any:
    """Return an ``int64`` address as a pointer to ``dtype``; ``p[i]`` reads and writes without bounds checks."""
    kind = types.CPointer(dtype.dtype if isinstance(dtype, types.DTypeSpec) else dtype.instance_type)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], context.get_value_type(kind))

    return kind(types.int64, dtype), codegen


@intrinsic(prefer_literal=True)
def scratch(typingctx: Any, count: Any, dtype: Any) -> Any:
    """Allocate ``count`` (a constant) uninitialized elements of ``dtype`` in the caller's stack frame."""
    kind = types.CPointer(dtype.dtype if isinstance(dtype, types.DTypeSpec) else dtype.instance_type)
    size = count.literal_value

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        element = context.get_data_type(kind.dtype)
        with builder.goto_entry_block():  # cgutils.alloca_once would zero it in every call
            buffer = builder.alloca(ir.ArrayType(element, size))
        buffer.align = 64
        return builder.bitcast(buffer, context.get_value_type(kind))

    return kind(count, dtype), codegen


@intrinsic
def stack(typingctx: Any, size: Any) -> Any:
    """Allocate ``size`` uninitialized bytes in the caller's stack frame and return their address."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        buffer = builder.alloca(ir.IntType(8), values[0])
        buffer.align = 64
        return builder.ptrtoint(buffer, ir.IntType(64))

    return types.int64(types.int64), codegen


@intrinsic
def address_of(typingctx: Any, value: Any) -> Any:
    """Return a pointer as an ``int64`` address."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.ptrtoint(values[0], ir.IntType(64))

    return types.int64(value), codegen


@intrinsic
def number(typingctx: Any, constant: Any) -> Any:
    """Return a constant as a plain ``int64``; Numba would compile a callee again for every literal argument."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return values[0]

    return types.int64(types.int64), codegen


@jit
def data(array):
    """Return the address of the first element."""
    return pointer(array, types.int64)[DATA >> 3]


@jit
def rank(array):
    """Return the number of axes."""
    return np.int64(pointer(array + RANK, types.int32)[0])


@jit
def lengths(array):
    """Return the address of the lengths of the axes."""
    return pointer(array, types.int64)[SHAPE >> 3]


@jit
def length(array, axis):
    """Return the length of one axis."""
    return pointer(lengths(array), types.int64)[axis]


@jit
def stride(array, axis):
    """Return the stride in bytes along one axis."""
    return pointer(pointer(array, types.int64)[STRIDES >> 3], types.int64)[axis]


@jit
def dtype(array):
    """Return the address of the array's dtype object."""
    return pointer(array, types.int64)[DTYPE >> 3]


@jit
def write_scalar(array, element):
    """Write the fields of an array of rank 0, whose element is at address ``element``, to address ``array``."""
    pointer(array, types.int64)[DATA >> 3] = element
    pointer(array + RANK, types.int32)[0] = 0
