"""Every kernel of this process, found by the function that makes it and that function's arguments.

The two say all that a kernel depends on beside tensorlab's own sources. So a kernel can be found on disk without the
module of its maker, which needs Numba.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any

from tensorlab.forks import guard
from tensorlab.kernels.runtime import cache, layout, native
from tensorlab.kernels.runtime.native import Native
from tensorlab.scalars import ScalarFunction

PACKAGE = "tensorlab.kernels."

_kernels: dict[str, Callable[..., Any]] = {}
"""By key: equal scalar functions, however often they are written, share one kernel."""
_provided: set[str] = set()
"""The symbols of drivers, with which other kernels can be linked."""
_SYMBOL = "tensorlab."


def find(
    maker: str, arguments: tuple[Any, ...] = (), compiled: Callable[..., Native] | None = None
) -> Callable[..., Any]:
    """Return a kernel: of this process, from disk, or compiled and written there.

    Args:
        maker: the name of the function that makes it: its module in `tensorlab.kernels`, and its own name.
        arguments: scalar functions, rules, strings, numbers, None, and tuples of them.
        compiled: compiles it; by default that is what the function of this name does.
    """
    key = f"{maker}{_described(arguments)}"
    # Numba compiles no faster from several threads; and a kernel that two threads need first is compiled once.
    with guard:
        kernel = _kernels.get(key) or _loaded(key)
        if kernel is None:
            layout.check_layout()
            made = (compiled or _compiler(maker))(*arguments)
            cache.write(key, made)
            kernel = native.load(made)
            if kernel is None:
                raise RuntimeError(f"a kernel calls what this process does not have, one of {', '.join(made.needs)}")
        _kernels[key] = kernel
    return kernel


def provide(maker: str, number: int) -> str:
    """Let other kernels be linked with the kernel that a maker makes of a number. Return its symbol."""
    symbol = f"{_SYMBOL}{maker}.{number}"
    if symbol not in _provided:
        native.provide(symbol, find(maker, (number,)))
        _provided.add(symbol)
    return symbol


def _compiler(maker: str) -> Callable[..., Native]:
    module, _, name = maker.rpartition(".")
    compiler: Callable[..., Native] = getattr(importlib.import_module(PACKAGE + module), name).compile
    return compiler


def _described(argument: object) -> str:
    """Return what a kernel depends on of an argument, and nothing else, such as where a function was written."""
    if isinstance(argument, ScalarFunction):
        return argument.key
    if isinstance(argument, tuple):
        return f"({', '.join(map(_described, argument))})"
    if dataclasses.is_dataclass(argument):
        return _described(tuple(getattr(argument, field.name) for field in dataclasses.fields(argument)))
    if argument is None or isinstance(argument, (str, int, float)):
        return repr(argument)
    raise TypeError(f"a kernel cannot be kept under {argument!r}")


def _loaded(key: str) -> Callable[..., Any] | None:
    """Return the kernel of a key from disk, after the drivers that it is linked with; None if there is none."""
    found = cache.read(key)
    if found is None:
        return None
    layout.check_layout()
    for symbol in found.needs:
        if symbol.startswith(_SYMBOL):
            maker, _, number = symbol.removeprefix(_SYMBOL).rpartition(".")
            provide(maker, int(number))
    return native.load(found)
