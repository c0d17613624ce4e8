"""Integer matrix products: plain loops that LLVM vectorizes, with wraparound in the integer type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from tensorlab.kernels.matmul.epilogue import PLAN, A, B, C, address_at, finish
from tensorlab.kernels.runtime.memory import number, pointer


def integer_task(dtype: Any) -> Callable[..., None]:
    """Return the task that computes some rows of an integer product; its plan is their number.

    The rows of the result are contiguous. If only the columns of B are contiguous, each element of the result is a dot
    product. Otherwise multiples of the rows of B are added to a row of the result, four at a time.
    """
    size = dtype.bitwidth // 8
    finish_row = finish(dtype)

    def integer_task(data, chunk):
        words = pointer(data, types.int64)
        n, k, count, a_col, b_row, b_col = words[2], words[3], words[PLAN], words[A + 2], words[B + 1], words[B + 2]
        for i in range(chunk * count, min((chunk + 1) * count, words[1])):
            total = pointer(address_at(words, size, C, i, 0), dtype)
            factors = pointer(address_at(words, size, A, i, 0), dtype)
            if b_row == 1 and b_col != 1:
                for j in range(n):
                    column = pointer(address_at(words, size, B, 0, j), dtype)
                    dot = dtype(0)
                    for step in range(k):
                        dot += factors[step * a_col] * column[step]
                    total[j] = dot
            else:
                for j in range(n):
                    total[j] = 0
                even = k - k % 4
                for step in range(0, even, 4):
                    b0, b1 = (
                        pointer(address_at(words, size, B, step, 0), dtype),
                        pointer(address_at(words, size, B, step + 1, 0), dtype),
                    )
                    b2, b3 = (
                        pointer(address_at(words, size, B, step + 2, 0), dtype),
                        pointer(address_at(words, size, B, step + 3, 0), dtype),
                    )
                    f0, f1 = factors[step * a_col], factors[(step + 1) * a_col]
                    f2, f3 = factors[(step + 2) * a_col], factors[(step + 3) * a_col]
                    for j in range(n):
                        at = j * b_col
                        total[j] += f0 * b0[at] + f1 * b1[at] + f2 * b2[at] + f3 * b3[at]
                for step in range(even, k):
                    row = pointer(address_at(words, size, B, step, 0), dtype)
                    for j in range(n):
                        total[j] += factors[step * a_col] * row[j * b_col]
            if words[0] != 0:
                finish_row(words, total, n, number(1), n, i, number(0))  # the tile is the row itself

    return integer_task
