"""Matrix products of arrays: stacks of matrices, with epilogue operands that broadcast."""

from __future__ import annotations

from numba import types

from tensorlab.kernels.matmul.epilogue import epilogue_task
from tensorlab.kernels.matmul.job import Matrix, Table
from tensorlab.kernels.matmul.product import matmul
from tensorlab.kernels.runtime import memory
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.lift import lift, storage
from tensorlab.kernels.runtime.records import record_at
from tensorlab.scalars import ScalarFunction


@jit
def step(array, axis, size):
    """Return the stride in elements along an axis, counted from the last; 0 if the array is broadcast along it."""
    own = memory.rank(array) - 1 - axis
    if own < 0 or memory.length(array, own) == 1:
        return 0
    return memory.stride(array, own) // size


@jit
def matrix(array, index, like, size):
    """Return the matrix of ``array`` that broadcasts to matrix ``index`` of the stack ``like``."""
    address = memory.data(array)
    for axis in range(2, memory.rank(like)):
        extent = memory.length(like, memory.rank(like) - 1 - axis)
        address += index % extent * step(array, axis, size) * size
        index //= extent
    return Matrix(address, step(array, memory.number(1), size), step(array, memory.number(0), size))


def stacked_matmul(pool, table, epilogue, c_object, z, a_object, b_object, p, q):
    """Compute ``C = epilogue(A @ B, P, Q)`` for stacks of matrices.

    Args:
        pool: the address of the pool, or 0.
        table: the address of `products.Tasks`.
        epilogue: the address of an `epilogue_kernel`, or 0.
        c_object: the result, C-contiguous and not empty.
        z: the ``id`` of the array for the product without the epilogue, or 0.
        a_object: the left operand, whose leading axes broadcast to those of the result.
        b_object: the right operand, whose leading axes broadcast to those of the result.
        p: the ``id`` of the epilogue's first operand, which broadcasts to the result, or 0.
        q: the ``id`` of the epilogue's second operand, which broadcasts to the result, or 0.

    Returns:
        0, or the kind of the products, if the caller has to compile their tasks and try again (see `product.matmul`).
    """
    a, b, c = memory.address(a_object), memory.address(b_object), memory.address(c_object)
    size = record_at(table, Table).size
    rank = memory.rank(c)
    matrices = 1
    for axis in range(rank - 2):
        matrices *= memory.length(c, axis)
    m, n, k = memory.length(c, rank - 2), memory.length(c, rank - 1), memory.length(a, memory.rank(a) - 1)
    to_z = from_p = from_q = Matrix(0, 0, 0)
    for index in range(matrices):
        if z != 0:
            to_z = matrix(z, index, c, size)
        if p != 0:
            from_p = matrix(p, index, c, size)
        if q != 0:
            from_q = matrix(q, index, c, size)
        from_a, from_b, to_c = matrix(a, index, c, size), matrix(b, index, c, size), matrix(c, index, c, size)
        missing = matmul(pool, table, epilogue, m, n, k, from_a, from_b, to_c, to_z, from_p, from_q)
        if missing != 0:
            return missing
    return 0


@kernel
def matmul_kernel() -> Definition:
    """Define the kernel of `stacked_matmul`, for all dtypes."""
    word, array = types.int64, memory.array_object
    return stacked_matmul, (word, word, word, array, word, array, array, word, word)


@kernel
def epilogue_kernel(epilogue: ScalarFunction | None, dtype: str, operands: int) -> Definition:
    """Define the kernel of an epilogue, whose address `stacked_matmul` takes.

    Args:
        epilogue: a scalar function of an element of the product and one of each operand; None for the identity.
        dtype: the dtype of all arrays.
        operands: the number of operands of the epilogue, 0 to 2.
    """
    task = epilogue_task(storage(dtype), None if epilogue is None else lift(epilogue, dtype), operands)
    return task, "void(int64, int64)"
