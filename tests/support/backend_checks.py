"""Checks that every backend must pass: against NumPy in float64, and calls on which all backends agree.

The modules of the families add to both tables: backend_memory.py, backend_loops.py, backend_products.py and others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tensorlab.backends import Backend
from tensorlab.rules import Reduction
from tensorlab.scalars import ScalarFunction, scalar_function

Array = np.ndarray[Any, Any]
Check = Callable[[Backend, np.random.Generator], None]
Call = Callable[[Backend, np.random.Generator], Iterator[Array]]

CHECKS: dict[str, Check] = {}
"""Functions of a backend and a random generator that assert."""

CALLS: dict[str, Call] = {}
"""Functions of a backend and a random generator that yield results, equal on every backend within rounding errors."""


def check(function: Check) -> Check:
    CHECKS[function.__name__] = function
    return function


def call(function: Call) -> Call:
    CALLS[function.__name__] = function
    return function


def run(
    backend: Backend, function: ScalarFunction, arrays: Sequence[Array], compute: str, *outputs: str
) -> list[Array]:
    """Map a scalar function over host arrays."""
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    types = [np.dtype(output) for output in outputs or (compute,)]
    apply = backend.map(function, np.dtype(compute), [array.dtype for array in arrays], types)
    buffers = apply(shape, *map(backend.from_host, arrays))
    results = [backend.to_host(buffer) for buffer in (buffers if len(types) > 1 else [buffers])]
    assert [result.shape for result in results] == [shape] * len(types)
    assert [result.dtype for result in results] == types
    return results


def fold(backend: Backend, rule: Reduction, array: Array, axes: tuple[int, ...], compute: str, output: str) -> Array:
    """Reduce a host array."""
    buffer = backend.reduce(rule, np.dtype(compute), array.dtype, np.dtype(output))(backend.from_host(array), axes)
    result = backend.to_host(buffer)
    assert result.shape == tuple(length for axis, length in enumerate(array.shape) if axis not in axes)
    assert result.dtype == np.dtype(output)
    return result


# Scalar functions for the checks


def _blend(x, y):
    return 2.0 * x + math.tanh(y)


def _parts(x, y):
    return x + y, x * y, x > y


def _three(x, y, z):
    return x * y + z


def _cube(x):
    return x * x * x


def _unlike(x, y):
    return 1 if x != y else 0


# The next three are the same as in tensorlab's own sums and `any`, so that they share kernels.
def _add(x1, x2):
    return x1 + x2


def _either(x1, x2):
    return x1 != 0 or x2 != 0


def _truth(x):
    return x != 0


def _larger(x, y):
    return x if x >= y or x != x else y


def _itself(x):
    return x


def _square(x):
    return x * x


def _root_mean(total, count):
    return math.sqrt(total / count)


def _above(x):
    return x > 1


of = scalar_function
BLEND, PARTS, THREE, CUBE, UNLIKE = of(_blend), of(_parts), of(_three), of(_cube), of(_unlike)
ADD, LARGER, EITHER, ITSELF = of(_add), of(_larger), of(_either), of(_itself)
SUM = Reduction("sum", ADD, ITSELF, None, 0)
NORM = Reduction("norm", ADD, of(_square), of(_root_mean), 0)
MAX = Reduction("max", LARGER, ITSELF)
ANY = Reduction("any", EITHER, of(_truth), None, 0)
ABOVE = Reduction("above", EITHER, of(_above), None, 0)
