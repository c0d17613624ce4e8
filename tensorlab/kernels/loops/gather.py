"""The gather kernel: copies of some rows of an array, of any dtype."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tensorlab.kernels.runtime import memory
from tensorlab.kernels.runtime.atomics import closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.memory import pointer
from tensorlab.kernels.runtime.threads import run

_GRAIN = 1 << 15
"""The number of bytes of a chunk, at least."""
_BYTE = ir.IntType(8)


@intrinsic
def copy(typingctx: Any, target: Any, source: Any, size: Any) -> Any:
    """Copy ``size`` bytes from one address to another."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        target, source = (builder.inttoptr(value, _BYTE.as_pointer()) for value in values[:2])
        cgutils.raw_memcpy(builder, target, source, values[2], 1)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 3), codegen


@jit
def _task(chunk, rows, count, size, target, source, step, length, indices_address):
    indices = pointer(indices_address, types.int64)
    end = min((chunk + 1) * count, rows)
    for row in range(chunk * count, end):
        index = indices[row]
        copy(target + row * size, source + (index + length if index < 0 else index) * step, size)


def _gather(pool, size, result, source, indices):
    from_, by = memory.address(source), memory.address(indices)
    rows, length = memory.length(by, 0), memory.length(from_, 0)
    chosen = pointer(memory.data(by), types.int64)
    for row in range(rows):
        if chosen[row] < -length or chosen[row] >= length:
            return 1
    count = _GRAIN // size + 1
    to, start = memory.data(memory.address(result)), memory.data(from_)
    arguments = (rows, count, size, to, start, memory.stride(from_, 0), length, memory.data(by))
    run(pool, (rows + count - 1) // count, *closure(_task, arguments))
    return 0


@kernel
def gather_kernel() -> Definition:
    """Define the kernel ``k(pool, size, result, source, indices)``, which returns 1 if an index is out of range, or 0.

    Returns:
        the function and its signature. It takes the pool's address, the size of a row in bytes, at least 1, and the
        arrays. Each row of the source is contiguous, the result is C-contiguous, and the indices are int64, contiguous,
        and count from the end if they are negative.
    """
    return _gather, (*[types.int64] * 2, *[memory.array_object] * 3)
