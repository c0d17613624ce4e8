"""The product of matrices of integers or booleans: plain loops, exact modulo the width of the type, as in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from tensorlab.kernels.atomics import call_task
from tensorlab.kernels.compiler import jit
from tensorlab.kernels.memory import address_of, pointer, scratch


def integer_task(dtype: Any) -> Callable[..., None]:
    """``task(chunk, epilogue, rows, shape, a, b, c, z, p, q)``: ``rows`` rows of the product.

    ``shape`` is m, n and k; the matrices are each an address, a row stride and a column stride. The columns of the
    result are dense. Booleans are bytes of 0 and 1, whose sum is "or" and whose product is "and".
    """
    boolean = isinstance(dtype, types.Boolean)
    element = types.uint8 if boolean else dtype
    size = element.bitwidth // 8

    @jit
    def line(matrix, i):
        return pointer(matrix[0] + i * matrix[1] * size, element)

    @jit
    def task(chunk, epilogue, rows, shape, a, b, c, z, p, q):
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
            if epilogue != 0:
                # the row is its own tile
                words = scratch(16, types.int64)
                words[0], words[1], words[2], words[3] = c[0] + i * c[1] * size, n, 1, n
                words[4], words[5], words[6] = c[0] + i * c[1] * size, c[1], 1
                words[7], words[8], words[9] = (z[0] + i * z[1] * size if z[0] != 0 else 0), z[1], 1
                words[10], words[11], words[12] = p[0] + i * p[1] * size, p[1], p[2]
                words[13], words[14], words[15] = q[0] + i * q[1] * size, q[1], q[2]
                call_task(epilogue, address_of(words), 0)

    return task  # type: ignore[no-any-return]
