"""Matrix products of whole arrays: stacks of matrices, and operands of the epilogue that broadcast."""

from __future__ import annotations

from numba import types

from tensorlab.kernels.matmul.epilogue import epilogue_task
from tensorlab.kernels.matmul.product import matmul
from tensorlab.kernels.runtime import memory
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.lift import lift, storage
from tensorlab.scalars import ScalarFunction


@jit
def step(array, axis, size):
    """The stride in elements along an axis, counted from the last; 0 where the array is repeated."""
    own = memory.rank(array) - 1 - axis
    if own < 0 or memory.length(array, own) == 1:
        return 0
    return memory.stride(array, own) // size


@jit
def matrix(array, index, like, size):
    """The address of matrix ``index`` of a stack, counted in the shape of ``like``, and its strides in elements."""
    address = memory.data(array)
    for axis in range(2, memory.rank(like)):
        extent = memory.length(like, memory.rank(like) - 1 - axis)
        address += index % extent * step(array, axis, size) * size
        index //= extent
    return address, step(array, memory.number(1), size), step(array, memory.number(0), size)


def stacked_matmul(pool, table, epilogue, c_object, z, a_object, b_object, p, q):
    """``C = epilogue(A @ B, P, Q)`` for stacks of matrices.

    Args:
        pool: the address of a pool, or 0.
        table: that of `products.Tasks`.
        epilogue: the address of an `epilogue_kernel`, or 0.
        c_object: the result, which is C-contiguous and not empty.
        z: the ``id`` of the array that takes the product without the epilogue, or 0.
        a_object, b_object: the operands, whose leading axes broadcast to those of the result.
        p, q: the ``id`` of each of the epilogue's operands, which broadcast to the result, or 0.
    """
    a, b, c = memory.address(a_object), memory.address(b_object), memory.address(c_object)
    size = memory.pointer(table, types.int64)[0]
    rank = memory.rank(c)
    matrices = 1
    for axis in range(rank - 2):
        matrices *= memory.length(c, axis)
    m, n, k = memory.length(c, rank - 2), memory.length(c, rank - 1), memory.length(a, memory.rank(a) - 1)
    to_z = from_p = from_q = (0, 0, 0)
    for index in range(matrices):
        if z != 0:
            to_z = matrix(z, index, c, size)
        if p != 0:
            from_p = matrix(p, index, c, size)
        if q != 0:
            from_q = matrix(q, index, c, size)
        from_a, from_b, to_c = matrix(a, index, c, size), matrix(b, index, c, size), matrix(c, index, c, size)
        matmul(pool, table, epilogue, m, n, k, *from_a, *from_b, *to_c[:2], *to_z[:2], *from_p, *from_q)


@kernel
def matmul_kernel() -> Definition:
    """The compiled `stacked_matmul`, for all dtypes."""
    word, array = types.int64, memory.array_object
    return stacked_matmul, (word, word, word, array, word, array, array, word, word)


@kernel
def epilogue_kernel(epilogue: ScalarFunction | None, dtype: str, operands: int) -> Definition:
    """The compiled epilogue, whose address `stacked_matmul` takes.

    Args:
        epilogue: what is computed of each element of the product, and of the operand; None to keep the product alone.
        dtype: of all arrays.
        operands: how many operands the epilogue has, 0 to 2.
    """
    task = epilogue_task(storage(dtype), None if epilogue is None else lift(epilogue, dtype), operands)
    return task, "void(int64, int64)"
