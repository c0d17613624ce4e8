"""Add parts of an array at indices along one axis, the reverse of a gather, with one thread per result.

Each index has a list of its parts, in order. So no two threads write to one element, and every sum has the same bits in
every launch.
"""

from __future__ import annotations

import functools

from tensorlab_cuda import driver
from tensorlab_cuda.kernel import Kernel
from tensorlab_cuda.kernels.build import build


def _source(add: str) -> str:
    return f"""
def kernel(total, count, length, inner, y_address, lists_address, parts_address, x_address):
    y = pointer(y_address, kind)
    x = pointer(x_address, kind)
    lists = pointer(lists_address, int64)
    parts = pointer(parts_address, int64)
    for i in range(cuda.grid(1), total, cuda.gridsize(1)):
        outer = i // inner // length
        place = i // inner % length
        value = kind(0)
        for k in range(lists[place], lists[place + 1]):
            value = kind(value {add} x[(outer * count + parts[k]) * inner + i % inner])
        y[i] = value
"""


@functools.cache
def scatter_kernel(dtype: str) -> Kernel:
    """Return the kernel ``k(total, count, length, inner, y, lists, parts, x)``.

    ``y[o, p, i]`` is the sum of ``x[o, parts[k], i]`` over ``k`` from ``lists[p]`` up to ``lists[p + 1]``.
    ``x`` is dense with the shape ``(outer, count, inner)``; ``y`` has the shape ``(outer, length, inner)`` and
    ``total`` elements.
    """
    source = _source("|" if dtype == "bool" else "+")
    return build(source, {"kind": driver.storage(dtype)}, f"scatter {dtype}")
