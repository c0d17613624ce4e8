"""The product of a vector and a matrix, whose speed is the memory's: nothing is packed, every element is read once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from tensorlab.kernels.compiler import OPTIONS, jit
from tensorlab.kernels.matmul_epilogue import finish
from tensorlab.kernels.memory import pointer, scratch

MOST = 1024
"""The elements of the result that are summed together, at most: the longer the rows that are read, the faster."""
_WIDTH = 64
"""The elements that the epilogue takes at a time."""
_STEPS = 8

# A dot product is vectorised only if LLVM may add in another order. The order is fixed when the kernel is compiled.
_reorder = numba.njit(**{**OPTIONS, "fastmath": {"contract", "reassoc"}})


def vector_task(dtype: Any, lanes: int) -> Callable[..., None]:
    """``task(chunk, epilogue, count, n, k, x, matrix, row, col, c, z, p, q)``: ``count`` elements of x (k) times a
    matrix (k, n).

    ``x`` is dense, and so are the columns of the matrix, or its rows. ``c``, ``z``, ``p`` and ``q`` are as in `finish`.
    """
    size = dtype.bitwidth // 8
    finish_line = finish(dtype, lanes, _WIDTH)

    @_reorder
    def dot(k, x, column):
        total = dtype(0)
        for step in range(k):
            total += x[step] * column[step]
        return total

    @jit
    def task(chunk, epilogue, count, n, k, x_address, matrix, row, col, c, z, p, q):
        x = pointer(x_address, dtype)
        total = scratch(MOST, dtype)
        for first in range(chunk * count, min((chunk + 1) * count, n), MOST):
            columns = min(MOST, min((chunk + 1) * count, n) - first)
            start = matrix + first * col * size
            for j in range((columns + _WIDTH - 1) // _WIDTH * _WIDTH):
                total[j] = 0
            if row == 1:
                for j in range(columns):
                    total[j] = dot(k, x, pointer(start + j * col * size, dtype))
            else:
                even = k - k % _STEPS
                for step in range(0, even, _STEPS):
                    x0, x1, x2, x3 = x[step], x[step + 1], x[step + 2], x[step + 3]
                    x4, x5, x6, x7 = x[step + 4], x[step + 5], x[step + 6], x[step + 7]
                    row_now = pointer(start + step * row * size, dtype)
                    for j in range(columns):
                        total[j] = (
                            total[j]
                            + x0 * row_now[j]
                            + x1 * row_now[row + j]
                            + x2 * row_now[2 * row + j]
                            + x3 * row_now[3 * row + j]
                            + x4 * row_now[4 * row + j]
                            + x5 * row_now[5 * row + j]
                            + x6 * row_now[6 * row + j]
                            + x7 * row_now[7 * row + j]
                        )
                for step in range(even, k):
                    row_now = pointer(start + step * row * size, dtype)
                    for j in range(columns):
                        total[j] += x[step] * row_now[j]
            for j in range(0, columns, _WIDTH):
                here = first + j
                finish_line(
                    epilogue,
                    total,
                    j,
                    1,
                    min(_WIDTH, columns - j),
                    (c[0] + here * c[2] * size, c[1], c[2]),
                    (z[0] + here * z[2] * size, z[1], z[2]),
                    (p[0] + here * p[2] * size, p[1], p[2]),
                    (q[0] + here * q[2] * size, q[1], q[2]),
                )

    return task  # type: ignore[no-any-return]
