"""Matrix products of whole arrays: stacks of matrices, and operands of the epilogue that broadcast."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from tensorlab.kernels import memory
from tensorlab.kernels.atomics import entry
from tensorlab.kernels.compiler import jit, kernel
from tensorlab.kernels.lift import lift, storage
from tensorlab.kernels.matmul import build_matmul
from tensorlab.kernels.matmul_epilogue import epilogue_task
from tensorlab.kernels.tile import host_tile
from tensorlab.scalars import ScalarFunction


@jit
def step(array, axis, size):
    """The stride in elements along an axis, counted from the last; 0 where the array is repeated."""
    own = memory.rank(array) - 1 - axis
    if own < 0 or memory.length(array, own) == 1:
        return 0
    return memory.stride(array, own) // size


@jit
def place(array, index, like, size):
    """The address of matrix ``index`` of a stack, counted in the shape of another array."""
    address = memory.data(array)
    for axis in range(2, memory.rank(like)):
        extent = memory.length(like, memory.rank(like) - 1 - axis)
        address += index % extent * step(array, axis, size) * size
        index //= extent
    return address


@functools.cache
def matmul_kernel(dtype: str) -> Callable[..., None]:
    """The kernel ``k(pool, epilogue, result, product, a, b, operand)`` for all products of a dtype.

    Args:
        dtype: of all arrays.

    Returns:
        a compiled function of the pool's address, what `epilogue_kernel` returns or 0, and the ``id`` of each array.
        ``product``, which takes the product without the epilogue, and ``operand`` may be 0. The leading axes of ``a``,
        ``b`` and the operand broadcast to those of the result, which is C-contiguous and not empty.
    """
    memory.check_layout()
    product = jit(build_matmul(storage(dtype)))
    size = np.int64(np.dtype(dtype).itemsize)

    def launch(pool, epilogue, c, z, a, b, p):
        rank = memory.rank(c)
        matrices = 1
        for axis in range(rank - 2):
            matrices *= memory.length(c, axis)
        m = memory.length(c, rank - 2)
        n = memory.length(c, rank - 1)
        k = memory.length(a, memory.rank(a) - 1)
        z_address = z_row = p_address = p_row = p_column = 0
        for index in range(matrices):
            if z != 0:
                z_address, z_row = place(z, index, c, size), step(z, 1, size)
            if p != 0:
                p_address, p_row, p_column = place(p, index, c, size), step(p, 1, size), step(p, 0, size)
            a_address, a_row, a_column = place(a, index, c, size), step(a, 1, size), step(a, 0, size)
            b_address, b_row, b_column = place(b, index, c, size), step(b, 1, size), step(b, 0, size)
            c_address, c_row = place(c, index, c, size), step(c, 1, size)
            product(
                pool,
                epilogue,
                m,
                n,
                k,
                a_address,
                a_row,
                a_column,
                b_address,
                b_row,
                b_column,
                c_address,
                c_row,
                z_address,
                z_row,
                p_address,
                p_row,
                p_column,
                0,
                0,
                0,
            )

    return kernel(launch, f"void({', '.join(['int64'] * 7)})", f"{dtype} {host_tile()}")


@functools.cache
def epilogue_kernel(epilogue: ScalarFunction | None, dtype: str, operands: int) -> Callable[[], int]:
    """``k()``: the address of a compiled epilogue, for `matmul_kernel`.

    Args:
        epilogue: what is computed of each element of the product, and of the operand; None to keep the product alone.
        dtype: of all arrays.
        operands: how many operands the epilogue has, 0 or 1.
    """
    task = epilogue_task(storage(dtype), None if epilogue is None else lift(epilogue, dtype), operands)

    def address():
        return entry(task)

    name = "nothing" if epilogue is None else f"{epilogue.name} {epilogue.key}"
    return kernel(address, "int64()", f"{name} {dtype} {operands}")
