"""The matmul shape: products of stacks of matrices, a tile of the result a block, an element a thread.

The tiles of A and B that a tile of the result needs are read into shared memory one pair after the other. The sum over
k is never cut, so an element is the same sum for every launch.
"""

from __future__ import annotations

import functools
from typing import Any

from tensorlab.scalars import ScalarFunction
from tensorlab_cuda import driver
from tensorlab_cuda.kernels.lift import lift, unravel


def _source(operands: int, epilogue: bool, keep: bool, multiply_add: str) -> str:
    extra = [f"p{k}" for k in range(operands)]
    matrices = ["a", "b", *extra]
    parameters = ", ".join(f"{x}, {x}_start, {x}_stack, {x}_row, {x}_column" for x in matrices)
    starts = "".join(f"        {x}_at = {x}_start\n" for x in matrices)
    move = unravel("tile // tiles", "stack", {f"{x}_at": f"{x}_stack" for x in matrices}, " " * 8)
    values = ", ".join(["total", *(f"{p}[{p}_at + row * {p}_row + column * {p}_column]" for p in extra)])
    return f"""
def kernel(matrices, stack, m, n, k, c, {"z, " if keep else ""}{parameters}):
    left = cuda.shared.array((TILE, TILE), kind)
    right = cuda.shared.array((TILE, TILE), kind)
    x = int64(cuda.threadIdx.x)
    y = int64(cuda.threadIdx.y)
    wide = (n + TILE - 1) // TILE
    tiles = (m + TILE - 1) // TILE * wide
    for tile in range(int64(cuda.blockIdx.x), matrices * tiles, int64(cuda.gridDim.x)):
{starts}{move}
        row = tile % tiles // wide * TILE + y
        column = tile % wide * TILE + x
        total = kind(0)
        for first in range(0, k, TILE):
            left[y, x] = kind(0)
            right[y, x] = kind(0)
            if row < m and first + x < k:
                left[y, x] = a[a_at + row * a_row + (first + x) * a_column]
            if first + y < k and column < n:
                right[y, x] = b[b_at + (first + y) * b_row + column * b_column]
            cuda.syncthreads()
            for i in range(TILE):
                total = kind({multiply_add})
            cuda.syncthreads()
        if row < m and column < n:
            place = (tile // tiles * m + row) * n + column
            {"z[place] = total" if keep else ""}
            c[place] = {f"kind(scalar({values}))" if epilogue else "total"}
"""


@functools.cache
def matmul_kernel(epilogue: ScalarFunction | None, dtype: str, operands: int, keep: bool) -> driver.Kernel:
    """The kernel ``k(matrices, stack, m, n, k, c[, z], *(array, start, stack strides, row stride, column stride))``.

    The arrays are A, B and the operands of the epilogue; ``c`` and ``z``, which gets the product without the epilogue,
    are dense.

    Args:
        epilogue: what is computed of each element of the product and the operands; or None.
        dtype: of all arrays; integers are exact modulo its width, and of bools the sum is "or" and the product "and".
        operands: how many operands the epilogue has.
        keep: whether there is a ``z``.
    """
    product = "left[y, i] & right[i, x]" if dtype == "bool" else "left[y, i] * right[i, x]"
    source = _source(operands, epilogue is not None, keep, f"total {'|' if dtype == 'bool' else '+'} ({product})")
    namespace: dict[str, Any] = {"TILE": driver.device().tile, "kind": driver.storage(dtype)}
    if epilogue is not None:
        namespace["scalar"] = lift(epilogue, dtype)
    name = f"matmul {epilogue.name if epilogue is not None else ''} {dtype}"
    return driver.build(source, namespace, name, () if epilogue is None else (epilogue,))
