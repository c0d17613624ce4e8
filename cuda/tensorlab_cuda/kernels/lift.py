"""Lift a scalar function to a device function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab.scalars import ScalarFunction, emit
from tensorlab_cuda import driver
from tensorlab_cuda.kernels.build import build_scalar


@functools.cache
def lift(function: ScalarFunction, dtype: str) -> Callable[..., Any]:
    """Compile a scalar function to a device function for arguments of ``dtype``.

    It is compiled once, not written into each kernel; LLVM inlines it.
    """
    real = dtype if np.dtype(dtype).kind == "f" else None
    source, namespace = emit(function, dtype, driver.functions(real) if real else {})
    return build_scalar(source, namespace, f"{function.name} {dtype}")
