"""How kernels are compiled: one set of Numba options, and one kernel at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from tensorlab.errors import StateError
from tensorlab.kernels.runtime import library
from tensorlab.kernels.runtime.native import Native, address, entry_object
from tensorlab.kernels.runtime.parts import PART, WHOLE

__all__ = ["OPTIONS", "address", "jit", "kernel"]

# NumPy's error model: a division does not test for zero, so it can be vectorised, and no kernel ever raises.
# "contract" allows fused multiply-add, the only liberty taken with the order or rounding of arithmetic.
OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}

jit = numba.njit(**OPTIONS, **PART)
"""The decorator for the functions that a kernel calls."""

_KINDS = {"int64": "i64", "float64": "double", "array_object": "object", "none": "void"}


def kernel(function: Callable[..., Any], signature: Any, key: str) -> Callable[..., Any]:
    """Compile ``function`` for one signature, or load it from disk.

    Args:
        function: a plain Python function that Numba can compile.
        signature: its Numba signature, a string or a tuple of types; it returns an int64 or nothing.
        key: says what the function is made of beside the sources of tensorlab.

    Returns:
        the compiled function. `address` is where the same begins for other kernels.
    """
    name = f"{function.__module__}.{function.__qualname__}"
    return library.keep(f"{name} {signature} {key}", lambda: _compile(function, signature))


def _compile(function: Callable[..., Any], signature: Any) -> Native:
    if numba.config.DISABLE_JIT:
        raise StateError("tensorlab", "Numba's compiler", "NUMBA_DISABLE_JIT", "unset it to use the device 'cpu'")
    dispatcher = numba.njit(**OPTIONS, **WHOLE)(function)
    dispatcher.compile(signature)
    (result,) = dispatcher.overloads.values()
    module = result.library._final_module
    outside = [*module.functions, *module.global_variables]
    return Native(
        kernel=result.library._get_compiled_object(),
        entry=entry_object(
            result.fndesc.llvm_func_name,
            [_KINDS[kind.name] for kind in result.signature.args],
            _KINDS[result.signature.return_type.name],
        ),
        needs=tuple(sorted(x.name for x in outside if x.is_declaration and not x.name.startswith("llvm."))),
    )
