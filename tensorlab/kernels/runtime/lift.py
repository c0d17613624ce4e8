"""The lift: from a scalar function, and the text of a loop, to functions that Numba compiles."""

from __future__ import annotations

import functools
import linecache
from collections.abc import Callable, Mapping
from typing import Any

import numba
import numpy as np
from numba import from_dtype

from tensorlab.kernels import vecmath
from tensorlab.kernels.runtime.compiler import OPTIONS
from tensorlab.kernels.runtime.parts import PART
from tensorlab.scalars import ScalarFunction, emit

_MATH: Mapping[str, Mapping[str, object]] = {"float32": vecmath.FLOAT32, "float64": vecmath.FLOAT64}


def storage(dtype: str) -> Any:
    """The Numba type in which kernels load, compute and store a dtype: a bool is a byte, as in NumPy's memory."""
    return from_dtype(np.dtype("uint8" if dtype == "bool" else dtype))


def build(source: str, namespace: dict[str, Any], name: str) -> dict[str, Any]:
    """Execute generated source, and let tracebacks and debuggers show its lines.

    Returns:
        the namespace, with what the source defines in it.
    """
    file = f"<tensorlab {name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace["__name__"] = __name__  # Numba imports it again when it loads a cached kernel
    exec(compile(source, file, "exec"), namespace)
    return namespace


inlined = numba.njit(**OPTIONS, **PART, forceinline=True)
"""The decorator for scalar functions: a loop that calls one instead of containing it stays scalar."""


@functools.cache
def lift(function: ScalarFunction, dtype: str) -> Callable[..., Any]:
    """A scalar function, compiled for arguments of ``dtype``, to be called from the loop of a kernel.

    In float32 and float64 every constant has that type, so that nothing is promoted to double precision by accident,
    and ``math.exp`` and its kind are versions that LLVM can vectorise. Integers and booleans compute as in Python, but
    that they wrap around.
    """
    source, namespace = emit(function, dtype, _MATH.get(dtype, {}))
    return build(source, {**namespace, "jit": inlined}, f"scalar {function.name} {dtype}")["scalar"]  # type: ignore[no-any-return]
