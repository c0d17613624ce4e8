"""Matrix products of whole arrays: stacks of matrices, and operands of the epilogue that broadcast."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from tensorlab.kernels import memory
from tensorlab.kernels.compiler import jit, kernel
from tensorlab.kernels.lift import build, lift, storage
from tensorlab.kernels.matmul import build_matmul
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


_SOURCE = """
def launch(pool, {results}, a, b{operands}):
    rank = memory.rank(c)
    matrices = 1
    for axis in range(rank - 2):
        matrices *= memory.length(c, axis)
    m = memory.length(c, rank - 2)
    n = memory.length(c, rank - 1)
    k = memory.length(a, memory.rank(a) - 1)
    for index in range(matrices):
        product(
            pool, m, n, k,
            place(a, index, c, size), step(a, 1, size), step(a, 0, size),
            place(b, index, c, size), step(b, 1, size), step(b, 0, size),
            place(c, index, c, size), step(c, 1, size),
            {z},
            {p},
            0, 0, 0,
        )
"""


@functools.cache
def matmul_kernel(epilogue: ScalarFunction | None, dtype: str, operands: int, keep: bool) -> Callable[..., None]:
    """The kernel ``k(pool, result[, product], a, b[, operand])``.

    Args:
        epilogue: what is computed of each element of the product, and of the operand; or None.
        dtype: of all arrays.
        operands: how many operands the epilogue has, 0 or 1.
        keep: whether the product is stored without the epilogue, too.

    Returns:
        a compiled function of the pool's address and the ``id`` of each array. The leading axes of ``a``, ``b`` and
        the operand broadcast to those of the result, which is C-contiguous and not empty.
    """
    memory.check_layout()
    source = _SOURCE.format(
        results="c, z" if keep else "c",
        operands=", p" if operands else "",
        z="place(z, index, c, size), step(z, 1, size)" if keep else "0, 0",
        p="place(p, index, c, size), step(p, 1, size), step(p, 0, size)" if operands else "0, 0, 0",
    )
    function = None if epilogue is None else lift(epilogue, dtype)
    namespace = {
        "memory": memory,
        "place": place,
        "product": jit(build_matmul(storage(dtype), function, operands, keep)),
        "size": np.dtype(dtype).itemsize,
        "step": step,
    }
    name = f"matmul {'' if epilogue is None else epilogue.name} {dtype}"
    signature = f"void({', '.join(['int64'] * (4 + keep + operands))})"
    key = f"{name} {'' if epilogue is None else epilogue.key} {host_tile()} {source}"
    return kernel(build(source, namespace, name)["launch"], signature, key)
