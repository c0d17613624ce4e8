"""Build a kernel, or a function that kernels call, from a source text.

All kernels are texts, also those with a fixed number of arrays. What a kernel uses must be global names of its own:
the simulator replaces ``cuda`` among the globals of a function, and `program_kernel` replaces the offsets of its shared
arrays. Functions of one module would share their globals.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tensorlab.scalars import ScalarFunction
from tensorlab_cuda import driver
from tensorlab_cuda.kernel import Kernel, Shared, explain
from tensorlab_cuda.kernels.elements import access


def build(
    source: str,
    namespace: dict[str, Any],
    name: str,
    scalars: Sequence[ScalarFunction] = (),
    numbers: int = 0,
    shared: Mapping[str, Shared] | None = None,
) -> Kernel:
    """Build the kernel that a source text defines as ``kernel``.

    Args:
        source: the text, which can also use the functions of `access`.
        namespace: the names that the text uses.
        name: the name of the kernel in messages.
        scalars: the scalar functions that it calls.
        numbers: the number of its last parameters that are float64; all others are int64.
        shared: the shared arrays of a block, see `Kernel`. The text refers to the size of each as ``…_SIZE`` and to
            its first element as ``…_START``.

    Raises:
        ScalarError: if it cannot be compiled, naming its scalar functions.
    """
    shared = shared or {}
    names = {**namespace, **access(), "cuda": driver.cuda(), "int64": np.int64}
    for array, (size, _) in shared.items():
        names |= {f"{array}_SIZE": size or driver.device().threads, f"{array}_START": 0}
    function = _define(source, names, f"kernel {name}")["kernel"]
    whole = function.__code__.co_argcount - numbers
    try:
        compiled = driver.compile_kernel(function, f"void({', '.join(['int64'] * whole + ['float64'] * numbers)})")
    except Exception as error:
        explain(name, scalars, error)
        raise
    return Kernel(compiled, name, whole, numbers, function, shared)


def build_scalar(source: str, namespace: dict[str, Any], name: str) -> Callable[..., Any]:
    """Build the device function that an emitted source defines as ``scalar``, and the functions that it calls."""
    names = {**namespace, "jit": driver.compile_function}
    return _define(source, names, f"scalar {name}")["scalar"]  # type: ignore[no-any-return]


def _define(source: str, namespace: dict[str, Any], name: str) -> dict[str, Any]:
    file = f"<tensorlab-cuda {name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # for tracebacks
    namespace["__name__"] = __name__
    exec(compile(source, file, "exec"), namespace)
    return namespace
