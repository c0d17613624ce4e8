"""The outer update kernel: an optimizer's update of a weight whose gradient is the outer product of two vectors.

That is the gradient of one sample. Storing it and reading it again would take longer than computing it. So a few
elements at a time are computed into a buffer, which stays in the first-level cache, and updated by the update kernel.
The update kernel itself is called, so any optimizer function is supported, with the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tensorlab.kernels import CHUNK
from tensorlab.kernels.runtime import memory
from tensorlab.kernels.runtime.atomics import closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.layout import DATA
from tensorlab.kernels.runtime.lift import storage
from tensorlab.kernels.runtime.memory import pointer
from tensorlab.kernels.runtime.replay import launch
from tensorlab.kernels.runtime.threads import run

_BLOCK = 1 << 11
"""The number of elements that are computed and updated together. The buffer has 8 or 16 KB."""
_POOL, _TOTAL, _ARRAYS, _GRADIENT = 0, 1, 2, 3
"""The words of an update: the pool, the number of elements, and the arrays, of which the gradient is the second."""
_ARRAY = DATA + 8
"""The size of the part of an array's object that the update kernel reads."""


@intrinsic
def product(typingctx: Any, x: Any, y: Any) -> Any:
    """Return ``x * y`` as `matmul.tile.register_tile` computes it: rounded once, with +0 in place of -0."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = values[0].type
        name = f"llvm.fmuladd.{kind.intrinsic_name}"
        fused = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * 3), name)
        # The addition of +0 is separate, because fused with the product it would keep the -0 of an underflow.
        return builder.fadd(builder.call(fused, [*values, kind(0.0)]), kind(0.0))

    return x(x, x), codegen


@kernel
def outer_update_kernel(dtype: str) -> Definition:
    """Define the kernel ``k(pool, update, words, count, arrays, x, d)``.

    Args:
        dtype: the dtype of all arrays.

    Returns:
        the function and its signature. It takes the pool's address; for the update, the address of the function that
        launches it, that of its words (see `native.launch_address`), their number, and the number of arrays among
        them; and the arrays of the outer product: x of shape (m, 1) with any stride, and d of shape (1, n), whose row
        is contiguous. The update's gradient, of shape (m, n), is not read.
    """
    kind, size = storage(dtype), np.int64(np.dtype(dtype).itemsize)

    @jit
    def fill(buffer, first, count, columns, x_address, x_step, d_address):
        """Compute some elements of the outer product, counted row by row."""
        x, d, out = pointer(x_address, kind), pointer(d_address, kind), pointer(buffer, kind)
        row = first // columns
        column = first - row * columns
        done = 0
        while done < count:
            steps = min(columns - column, count - done)
            factor = x[row * x_step]
            for j in range(steps):
                out[done + j] = product(factor, d[column + j])
            done += steps
            column = 0
            row += 1

    @jit
    def task(chunk, total, update, words, count, arrays, columns, x, x_step, d):
        given, made = pointer(words, types.int64), memory.stack(8 * count)
        own, objects = pointer(made, types.int64), memory.stack(arrays * _ARRAY)
        buffer = memory.stack(_BLOCK * size)
        for index in range(count):
            own[index] = given[index]
        own[_POOL] = 0
        end = min((chunk + 1) * CHUNK, total)
        for first in range(chunk * CHUNK, end, _BLOCK):
            own[_TOTAL] = min(_BLOCK, end - first)
            fill(buffer, first, own[_TOTAL], columns, x, x_step, d)
            for index in range(_ARRAYS, _ARRAYS + arrays):
                part = objects + (index - _ARRAYS) * _ARRAY
                whole = buffer if index == _GRADIENT else memory.data(given[index]) + first * size
                pointer(part, types.int64)[DATA >> 3] = whole
                own[index] = part
            launch(update, made)

    def outer_update(pool, update, words, count, arrays, x, d):
        x_object, d_object = memory.address(x), memory.address(d)
        columns = memory.length(d_object, 1)
        total = memory.length(x_object, 0) * columns
        x_data, x_step, d_data = memory.data(x_object), memory.stride(x_object, 0) // size, memory.data(d_object)
        arguments = (total, update, words, count, arrays, columns, x_data, x_step, d_data)
        run(pool, (total + CHUNK - 1) // CHUNK, *closure(task, arguments))

    return outer_update, (*[types.int64] * 5, *[memory.array_object] * 2)
