"""The lift: from a scalar function to a device function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab.scalars import ScalarFunction, emit
from tensorlab_cuda import driver


@functools.cache
def lift(function: ScalarFunction, dtype: str) -> Callable[..., Any]:
    """A scalar function as a device function of arguments of ``dtype``, to be called from a kernel.

    It is a function of its own and not written into each kernel: LLVM inlines it all the same.
    """
    real = dtype if np.dtype(dtype).kind == "f" else None
    source, namespace = emit(function, dtype, driver.functions(real) if real else {})
    return driver.build_scalar(source, namespace, f"{function.name} {dtype}")


def unravel(index: str, shape: str, places: dict[str, str], indent: str) -> str:
    """The text that moves each place by its strides to the element of a flat index; it uses up ``rest``.

    Args:
        index: the flat index, an expression.
        shape: the name of a tuple of lengths, at least one.
        places: names of variables that are moved, each with the name of a tuple of strides.
        indent: of every line.
    """
    lines = [
        f"rest = {index}",
        f"for axis in range(len({shape}) - 1, 0, -1):",
        f"    along = rest % {shape}[axis]",
        f"    rest //= {shape}[axis]",
        *(f"    {place} += along * {strides}[axis]" for place, strides in places.items()),
        *(f"{place} += rest * {strides}[0]" for place, strides in places.items()),  # a single axis divides nothing
    ]
    return "".join(f"{indent}{line}\n" for line in lines)
