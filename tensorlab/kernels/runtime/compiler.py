"""Compile kernels with one common set of Numba options."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec

import numba

from tensorlab.errors import StateError
from tensorlab.kernels.runtime import library
from tensorlab.kernels.runtime.linker import Code
from tensorlab.kernels.runtime.native import address
from tensorlab.kernels.runtime.parts import PART, WHOLE

__all__ = ["OPTIONS", "Definition", "address", "jit", "kernel"]

# With NumPy's error model a division does not test for zero, so it can be vectorized and never raises. There are no
# fast-math flags: with "contract" LLVM chooses which products it fuses with an addition, and chooses differently for
# the copies of a loop, so that results would depend on where the arrays are. `emit` writes fused multiply-adds instead.
OPTIONS = {"nogil": True, "error_model": "numpy"}

jit = numba.njit(**OPTIONS, **PART)
"""Decorate a function that kernels call."""

_KINDS = {"int64": "i64", "float64": "double", "array_object": "object", "none": "void"}


P = ParamSpec("P")
Definition = tuple[Callable[..., Any], Any]
"""A Python function to compile with Numba, and its signature: a string or a tuple of types."""


def kernel(maker: Callable[P, Definition]) -> Callable[P, Callable[..., Any]]:
    """Decorate a function that defines a kernel, so that a call returns the compiled kernel.

    The arguments may be scalar functions, rules, strings, numbers, None, and tuples of these. Together with the name of
    the maker, which is the decorated function, they form the key of the kernel, so the kernel must depend on nothing
    else. The maker returns a plain Python function, whose result is an int64 or None, and its signature. It is called
    only if the kernel is neither in this process nor on disk (see `library.find`).
    """
    name = f"{maker.__module__.removeprefix(library.PACKAGE)}.{maker.__qualname__}"

    @functools.wraps(maker)
    def found(*arguments: P.args, **named: P.kwargs) -> Callable[..., Any]:
        bound = inspect.signature(maker).bind(*arguments, **named)
        bound.apply_defaults()
        return library.find(name, bound.args, lowered)

    def lowered(*arguments: P.args, **named: P.kwargs) -> Code:
        return _lowered(*maker(*arguments, **named))

    found.name, found.lowered = name, lowered  # type: ignore[attr-defined]
    return found


def _lowered(function: Callable[..., Any], signature: Any) -> Code:
    if numba.config.DISABLE_JIT:
        hint = "unset it to use the device 'cpu'"
        raise StateError("tensorlab", "NUMBA_DISABLE_JIT switches Numba's compiler off", hint)
    dispatcher = numba.njit(**OPTIONS, **WHOLE)(function)
    dispatcher.compile(signature)
    (compiled,) = dispatcher.overloads.values()
    return Code(
        compiled.library._final_module,
        compiled.library.codegen._tm,
        compiled.fndesc.llvm_func_name,
        [_KINDS[kind.name] for kind in compiled.signature.args],
        _KINDS[compiled.signature.return_type.name],
    )
