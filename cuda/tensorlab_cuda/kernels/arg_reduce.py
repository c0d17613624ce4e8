"""Find the index of the largest or smallest element of each row, with one block per row."""

from __future__ import annotations

import functools

import numpy as np

from tensorlab_cuda import driver
from tensorlab_cuda.kernel import Kernel
from tensorlab_cuda.kernels.build import build
from tensorlab_cuda.kernels.convert import convert
from tensorlab_cuda.kernels.fold import BLOCK, lanes

# NaN is beyond every number. Of equal elements the first wins.
_SOURCE = """
def kernel(rows, columns, y_address, x_address):
    {block}
    y = pointer(y_address, int64)
    x = pointer(x_address, compute)
    places = elements(cuda.shared.array(places_SIZE, int64), places_START)
    for row in range(int64(cuda.blockIdx.x), rows, int64(cuda.gridDim.x)):
        first = row * columns
        place = int64(0)
        best = read(x[first])
        for i in range(thread, columns, threads):
            value = read(x[first + i])
            if i == thread or value {beyond} best or (value != value and best == best):
                best = value
                place = i
        lanes[thread] = best
        places[thread] = place
        width = threads if threads < columns else columns
        while width > 1:
            cuda.syncthreads()
            half = (width + 1) // 2
            if thread < width - half:
                best = lanes[thread]
                value = lanes[thread + half]
                equal = value == best or (value != value and best != best)
                if (
                    value {beyond} best
                    or (value != value and best == best)
                    or (equal and places[thread + half] < places[thread])
                ):
                    lanes[thread] = value
                    places[thread] = places[thread + half]
            width = half
        if thread == 0:
            y[row] = places[0]
        cuda.syncthreads()
"""


@functools.cache
def arg_reduce_kernel(rule: str, dtype: str) -> Kernel:
    """Return the kernel ``k(rows, columns, y, x)`` of "max" or "min"; ``x`` is dense, and ``y`` int64."""
    source = _SOURCE.format(block=BLOCK, beyond=">" if rule == "max" else "<")
    kind = driver.storage(dtype)
    shared = {"places": (None, np.int64), **lanes(kind)}
    return build(
        source, {"ACROSS": 1, "compute": kind, "read": convert(dtype, dtype)}, f"arg{rule} {dtype}", shared=shared
    )
