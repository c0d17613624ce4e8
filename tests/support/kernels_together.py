"""Many operations in one kernel, which compiles much faster than a kernel for each."""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import tensorlab as tl
from tensorlab import dtypes
from tensorlab.backends import CPUBackend
from tensorlab.ops import powers
from tensorlab.scalars import ScalarFunction, scalar_function

Array = np.ndarray[Any, Any]


def definition(name: str, dtype: str) -> ScalarFunction:
    """The function that an operation applies to elements of a dtype."""
    operation = powers._pow if name == "pow" else getattr(tl, name)
    return operation.kinds.get(dtypes.kind(np.dtype(dtype)), operation.scalar)


def together(names: Iterable[str], parameters: str, dtype: str = "float32") -> ScalarFunction:
    """Return one function that returns the values of all operations."""
    file = f"<every operation of {parameters}>"
    source = f"def together({parameters}):\n    return {', '.join(f'{name}_({parameters})' for name in names)}\n"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace = {f"{name}_": definition(name, dtype) for name in names}
    exec(compile(source, file, "exec"), namespace)
    return scalar_function(namespace["together"])


def at_once(function: ScalarFunction, arrays: Sequence[Array], dtype: str, results: Sequence[Any]) -> Sequence[Array]:
    """Return the values of several operations on the CPU, in one pass."""
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    types = [np.dtype(result) for result in results]
    values = CPUBackend().map(function, np.dtype(dtype), [array.dtype for array in arrays], types)(shape, *arrays)
    return values if len(types) > 1 else [values]
