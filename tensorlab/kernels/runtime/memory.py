"""Memory access by address: typed pointers, stack buffers, and the fields of NumPy arrays.

A kernel receives every array as the address of its NumPy object and reads data, shape and strides from there (see
`layout`). So a kernel has one signature for arrays of any rank and layout, and a call does not unbox arrays.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.layout import DATA, DTYPE, FLAGS, RANK, SHAPE, STRIDES

__all__ = [
    "ARRAY_WORDS",
    "MAX_RANK",
    "address",
    "address_of",
    "array_object",
    "data",
    "dtype",
    "is_dense",
    "length",
    "lengths",
    "pointer",
    "rank",
    "scratch",
    "stack",
    "stride",
    "write_array",
    "write_scalar",
]

_WORD = ir.IntType(64)
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


def _loaded(builder: Any, address: Any, offset: int, kind: Any = _WORD) -> Any:
    """Emit a load from an address."""
    return builder.load(builder.inttoptr(builder.add(address, _WORD(offset)), kind.as_pointer()))


# The functions below are intrinsics because Numba takes fifty times as long to compile a Python function and its calls.


def _field(offset: int) -> Any:
    @intrinsic
    def field(typingctx: Any, array: Any) -> Any:
        return types.int64(types.int64), lambda context, builder, signature, values: _loaded(builder, values[0], offset)

    return field


def _word_of_axis(offset: int) -> Any:
    @intrinsic
    def word(typingctx: Any, array: Any, axis: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            array, axis = values
            words = _loaded(builder, array, offset)
            return _loaded(builder, builder.add(words, builder.shl(axis, _WORD(3))), 0)

        return types.int64(types.int64, types.int64), codegen

    return word


data = _field(DATA)
"""Return the address of the first element of an array."""
lengths = _field(SHAPE)
"""Return the address of the lengths of the axes."""
dtype = _field(DTYPE)
"""Return the address of the array's dtype object."""
length = _word_of_axis(SHAPE)
"""Return the length of one axis of an array."""
stride = _word_of_axis(STRIDES)
"""Return the stride in bytes along one axis."""


@intrinsic
def rank(typingctx: Any, array: Any) -> Any:
    """Return the number of axes."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.sext(_loaded(builder, values[0], RANK, ir.IntType(32)), _WORD)

    return types.int64(types.int64), codegen


@intrinsic
def is_dense(typingctx: Any, array: Any) -> Any:
    """Return whether an array is C-contiguous."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        flags = _loaded(builder, values[0], FLAGS, ir.IntType(32))
        return builder.trunc(flags, ir.IntType(1))  # NumPy's flag NPY_ARRAY_C_CONTIGUOUS is 1

    return types.boolean(types.int64), codegen


ARRAY_WORDS = (FLAGS >> 3) + 1
"""The number of words of an array that `write_array` writes."""


@jit
def write_array(array, data, rank, lengths, strides, dense):
    """Write the fields of an array, as far as kernels read them, to address ``array``. All arguments are words."""
    pointer(array, types.int64)[DATA >> 3] = data
    pointer(array + RANK, types.int32)[0] = rank
    pointer(array, types.int64)[SHAPE >> 3] = lengths
    pointer(array, types.int64)[STRIDES >> 3] = strides
    pointer(array + FLAGS, types.int32)[0] = dense  # NumPy's flag NPY_ARRAY_C_CONTIGUOUS is 1


@jit
def write_scalar(array, element):
    """Write the fields of an array of rank 0, whose element is at address ``element``, to address ``array``."""
    write_array(array, element, 0, 0, 0, 1)
