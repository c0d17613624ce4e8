"""Every kernel that a backend asks for, by who makes it and of what: from this process, from disk, or made now.

What makes a kernel, such as ``tensorlab.kernels.loops.map.map_kernel``, and its arguments say all that the kernel depends on
beside tensorlab's own sources. So a kernel can be found on disk by them, without importing what would make it, which
needs Numba.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any

from tensorlab.forks import guard
from tensorlab.kernels.runtime import cache, native
from tensorlab.kernels.runtime.native import Native
from tensorlab.scalars import ScalarFunction

_kernels: dict[str, Callable[..., Any]] = {}
"""By what is found and by what is kept: equal scalar functions, however often they are written, share one."""
_provided: set[str] = set()  # the symbols of kernels that others are linked with
_keys: dict[Callable[..., Any], str] = {}
# One kernel is made at a time: Numba compiles no faster from several threads, and a kernel that two threads need first
# is made once.


def _described(argument: object) -> str:
    """What a kernel depends on of an argument, and nothing else, such as where a function was written."""
    if isinstance(argument, ScalarFunction):
        return argument.key
    if isinstance(argument, tuple):
        return f"({', '.join(map(_described, argument))})"
    if dataclasses.is_dataclass(argument):
        return _described(tuple(getattr(argument, field.name) for field in dataclasses.fields(argument)))
    if argument is None or isinstance(argument, (str, int, float)):
        return repr(argument)
    raise TypeError(f"a kernel cannot be kept under {argument!r}")


def find(module: str, maker: str, *arguments: Any) -> Callable[..., Any]:
    """The kernel that ``tensorlab.kernels.<module>.<maker>(*arguments)`` makes.

    Args:
        module, maker: the function that makes it, and returns what `tensorlab.kernels.runtime.compiler.kernel` does.
        arguments: scalar functions, rules, strings, numbers, None, and tuples of them.
    """
    key = f"{module}.{maker}{_described(arguments)}"
    with guard:
        kernel = _kernels.get(key)
        if kernel is None:
            kernel = _loaded(key)
            if kernel is None:
                kernel = getattr(importlib.import_module(f"tensorlab.kernels.{module}"), maker)(*arguments)
                cache.write_alias(key, _keys[kernel])
            _kernels[key] = kernel
    return kernel


_SHARED = "tensorlab"


def provide(module: str, maker: str, number: int) -> str:
    """Make sure that other kernels can be linked with the kernel ``find(module, maker, number)``; return its symbol."""
    symbol = f"{_SHARED}.{module}.{maker}.{number}"
    if symbol not in _provided:
        native.provide(symbol, find(module, maker, number))
        _provided.add(symbol)
    return symbol


def keep(key: str, compiled: Callable[[], Native]) -> Callable[..., Any]:
    """The kernel of a key, from disk or compiled and put there."""
    with guard:
        kernel = _kernels.get(key) or _loaded(key)
        if kernel is None:
            made = compiled()
            cache.write(key, made)
            kernel = native.load(made)
            if kernel is None:
                raise RuntimeError(f"a kernel calls what this process does not have, one of {', '.join(made.needs)}")
        _keys[kernel] = key
        _kernels[key] = kernel
    return kernel


def _loaded(key: str) -> Callable[..., Any] | None:
    found = cache.read(key)
    if found is None:
        return None
    for symbol in found.needs:
        package, *maker = symbol.split(".")
        if package == _SHARED:
            provide(maker[0], maker[1], int(maker[2]))
    return native.load(found)
