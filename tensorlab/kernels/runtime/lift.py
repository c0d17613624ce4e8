"""Turn scalar functions and generated loop source into functions that Numba compiles."""

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
from tensorlab.kernels.vecmath.primitives import multiply_add
from tensorlab.scalars import ScalarFunction, emit

_MATH: Mapping[str, Mapping[str, object]] = {
    "float32": {**vecmath.FLOAT32, "fma": multiply_add},
    "float64": {**vecmath.FLOAT64, "fma": multiply_add},
}


def storage(dtype: str) -> Any:
    """Return the Numba type in which kernels load and store a dtype; a bool is a byte, as in NumPy's memory."""
    return from_dtype(np.dtype("uint8" if dtype == "bool" else dtype))


def build(source: str, namespace: dict[str, Any], name: str) -> dict[str, Any]:
    """Execute generated source so that tracebacks and debuggers can show its lines.

    Source is generated for scalar functions, and for loops over a varying number of arrays of different dtypes: Numba
    determines the type of each variable by its name, so every array needs names of its own.

    Returns:
        the namespace, including the functions that the source defines.
    """
    file = f"<tensorlab {name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace["__name__"] = __name__  # Numba imports it again when it loads a cached kernel
    exec(compile(source, file, "exec"), namespace)
    return namespace


inlined = numba.njit(**OPTIONS, **PART, forceinline=True)
"""Decorate a scalar function for inlining; a loop with a call in it would not be vectorized."""


@functools.cache
def lift(function: ScalarFunction, dtype: str) -> Callable[..., Any]:
    """Return a scalar function as a jitted function that the loop of a kernel calls with arguments of ``dtype``.

    In float32 and float64 every constant has that type, so nothing is promoted to double precision by accident, and
    functions such as ``math.exp`` are replaced by versions that LLVM can vectorize. Integers and booleans follow
    Python's arithmetic, except that integers wrap around.
    """
    source, namespace = emit(function, dtype, _MATH.get(dtype, {}))
    return build(source, {**namespace, "jit": inlined}, f"scalar {function.name} {dtype}")["scalar"]  # type: ignore[no-any-return]
