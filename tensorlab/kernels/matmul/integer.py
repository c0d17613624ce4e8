"""Integer matrix products: plain loops that LLVM vectorizes, with wraparound in the integer type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorlab.kernels.matmul.elements import element
from tensorlab.kernels.matmul.epilogue import finish
from tensorlab.kernels.matmul.job import Job
from tensorlab.kernels.runtime.memory import number, pointer
from tensorlab.kernels.runtime.records import record_at


def integer_task(dtype: Any) -> Callable[..., None]:
    """Return the task that computes some rows of an integer product.

    The rows of the result are contiguous. If only the columns of B are contiguous, each element of the result is a dot
    product. Otherwise multiples of the rows of B are added to a row of the result, four at a time.
    """
    size = dtype.bitwidth // 8
    finish_row = finish(dtype)

    def integer_task(data, chunk):
        job = record_at(data, Job)
        n, k, a_col, b_row, b_col, count = job.n, job.k, job.a.column, job.b.row, job.b.column, job.division.extent
        for i in range(chunk * count, min((chunk + 1) * count, job.m)):
            total = pointer(element(job.c, size, i, 0), dtype)
            factors = pointer(element(job.a, size, i, 0), dtype)
            if b_row == 1 and b_col != 1:
                for j in range(n):
                    column = pointer(element(job.b, size, 0, j), dtype)
                    dot = dtype(0)
                    for step in range(k):
                        dot += factors[step * a_col] * column[step]
                    total[j] = dot
            else:
                for j in range(n):
                    total[j] = 0
                even = k - k % 4
                for step in range(0, even, 4):
                    b0 = pointer(element(job.b, size, step, 0), dtype)
                    b1 = pointer(element(job.b, size, step + 1, 0), dtype)
                    b2 = pointer(element(job.b, size, step + 2, 0), dtype)
                    b3 = pointer(element(job.b, size, step + 3, 0), dtype)
                    f0, f1 = factors[step * a_col], factors[(step + 1) * a_col]
                    f2, f3 = factors[(step + 2) * a_col], factors[(step + 3) * a_col]
                    for j in range(n):
                        at = j * b_col
                        total[j] += f0 * b0[at] + f1 * b1[at] + f2 * b2[at] + f3 * b3[at]
                for step in range(even, k):
                    row = pointer(element(job.b, size, step, 0), dtype)
                    for j in range(n):
                        total[j] += factors[step * a_col] * row[j * b_col]
            if job.epilogue != 0:
                finish_row(job, total, n, number(1), n, i, number(0))  # the tile is the row itself

    return integer_task
