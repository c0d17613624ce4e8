"""Gather parts of an array along one axis, such as the samples of a batch."""

from __future__ import annotations

import functools

from tensorlab_cuda import driver
from tensorlab_cuda.kernel import Kernel
from tensorlab_cuda.kernels.build import build

_SOURCE = """
def kernel(total, count, length, inner, y_address, places_address, x_address):
    y = pointer(y_address, kind)
    x = pointer(x_address, kind)
    places = pointer(places_address, int64)
    for i in range(cuda.grid(1), total, cuda.gridsize(1)):
        outer = i // inner // count
        y[i] = x[(outer * length + places[i // inner % count]) * inner + i % inner]
"""


@functools.cache
def gather_kernel(dtype: str) -> Kernel:
    """Return the kernel ``k(total, count, length, inner, y, places, x)``: ``y[o, j, i] = x[o, places[j], i]``.

    ``x`` is dense with the shape ``(outer, length, inner)``; ``y`` has the shape ``(outer, count, inner)`` and
    ``total`` elements.
    """
    return build(_SOURCE, {"kind": driver.storage(dtype)}, f"gather {dtype}")
