"""The product of matrices of integers or booleans: plain loops, exact modulo the width of the type, as in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from tensorlab.kernels.compiler import jit
from tensorlab.kernels.matmul_epilogue import of_two
from tensorlab.kernels.memory import pointer


def integer_task(
    dtype: Any, epilogue: Callable[..., Any] | None, operands: int, keep_product: bool
) -> Callable[..., None]:
    """``task(chunk, rows, shape, a, b, c, z, p, q)``: ``rows`` rows of the product.

    ``shape`` is m, n and k; the matrices are each an address, a row stride and a column stride. The columns of the
    result are dense. Booleans are bytes of 0 and 1, whose sum is "or" and whose product is "and".
    """
    boolean = isinstance(dtype, types.Boolean)
    element = types.uint8 if boolean else dtype
    size = element.bitwidth // 8
    apply = of_two(epilogue, operands)
    has_epilogue = epilogue is not None

    @jit
    def line(matrix, i):
        return pointer(matrix[0] + i * matrix[1] * size, element)

    @jit
    def task(chunk, rows, shape, a, b, c, z, p, q):
        m, n, k = shape
        for i in range(chunk * rows, min((chunk + 1) * rows, m)):
            total = line(c, i)
            for j in range(n):
                total[j] = 0
            factors = line(a, i)
            for step in range(k):
                factor = factors[step * a[2]]
                b_line = line(b, step)
                if boolean:
                    for j in range(n):
                        total[j] |= factor & b_line[j * b[2]]
                else:
                    for j in range(n):
                        total[j] += factor * b_line[j * b[2]]
            if keep_product:
                kept = line(z, i)
                for j in range(n):
                    kept[j] = total[j]
            if has_epilogue:
                left = line(p, i) if operands > 0 else total
                right = line(q, i) if operands > 1 else total
                for j in range(n):
                    total[j] = apply(total[j], left[j * p[2]], right[j * q[2]])

    return task  # type: ignore[no-any-return]
