"""Find kernels by the name and the arguments of their maker, a function with the decorator `compiler.kernel`.

Both determine a kernel completely, apart from tensorlab's own sources. So a kernel can be loaded from disk without
importing the maker's module, which needs Numba.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import importlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tensorlab.forks import guard
from tensorlab.kernels.runtime import ahead, cache, layout, native
from tensorlab.kernels.runtime.native import Native
from tensorlab.scalars import ScalarFunction
from tensorlab.waiting import Request

PACKAGE = "tensorlab.kernels."

_kernels: dict[str, Callable[..., Any]] = {}
"""The kernels of this process by key. Equal scalar functions have equal keys and share one kernel."""
_origins: dict[int, tuple[str, tuple[Any, ...]]] = {}
"""The maker of each kernel and its arguments, by the kernel's address."""
_SYMBOL = "tensorlab."


def find(
    maker: str, arguments: tuple[Any, ...] = (), compiler: Callable[..., Native] | None = None
) -> Callable[..., Any]:
    """Return a kernel of this process, from disk, or newly compiled and written to disk.

    Args:
        maker: the dotted name of the maker, relative to `tensorlab.kernels`.
        arguments: scalar functions, rules, strings, numbers, None, and tuples of these.
        compiler: compiles the kernel from the arguments; by default the maker does.
    """
    key = key_of(maker, arguments)
    # Numba compiles no faster on several threads. The guard also ensures that each kernel is compiled once only.
    with guard:
        kernel = _kernels.get(key) or _loaded(key)
        if kernel is None:
            layout.check_layout()
            made = ahead.obtain(key, lambda: compiled(maker, arguments, compiler), compiled, missing)
            kernel = _linked(made)
            if kernel is None:
                raise RuntimeError(f"cannot link a kernel: this process lacks a symbol, one of {', '.join(made.needs)}")
        _kernels[key] = kernel
        _origins[native.address(kernel)] = maker, arguments
    return kernel


def compiled(maker: str, arguments: tuple[Any, ...], compiler: Callable[..., Native] | None = None) -> Native:
    """Compile a kernel, without loading or storing it. The arguments are those of `find`."""
    with _without_collections():
        return (compiler or _compiler(maker))(*arguments)


def missing(requests: Iterable[Request]) -> list[tuple[str, Request]]:
    """Return those of some kernels that are neither in this process nor on disk, with their keys."""
    keyed = {key_of(*request): request for request in requests}
    return [(key, request) for key, request in keyed.items() if key not in _kernels and not cache.contains(key)]


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Return a ``with`` block that pauses Python's garbage collector.

    A kernel takes Numba some hundred thousand objects, few of which are garbage before it is compiled. Visiting them
    again and again would take an eighth of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def title(address: int) -> str:
    """Return a short description of the kernel at an address for tables, such as "map relu float32".

    A kernel that equal scalar functions share has the name of the function that was used first.
    """
    return title_of(*_origins[address])


def title_of(maker: str, arguments: tuple[Any, ...]) -> str:
    """Return the same description for the kernel of a maker with some arguments."""
    words = [maker.rpartition(".")[2].removesuffix("_kernel")]
    for argument in arguments:
        text = argument if isinstance(argument, str) else getattr(argument, "name", "")
        words += [text] if isinstance(text, str) and text and text not in words else []
    return " ".join(words)


def key_of(maker: str, arguments: tuple[Any, ...]) -> str:
    """Return the key of a kernel, which describes all that it depends on, apart from tensorlab's own sources."""
    return f"{maker}{_described(arguments)}"


def provide(maker: str) -> str:
    """Make a driver, a kernel that other kernels call, available to the linker, and return its symbol."""
    symbol = f"{_SYMBOL}{maker}"
    if not native.is_provided(symbol):
        native.provide(symbol, find(maker))
    return symbol


def _compiler(maker: str) -> Callable[..., Native]:
    module, _, name = maker.rpartition(".")
    compiler: Callable[..., Native] = getattr(importlib.import_module(PACKAGE + module), name).compile
    return compiler


def _described(argument: object) -> str:
    """Return an argument's part of the key, without what no kernel depends on, like a function's file and line."""
    if isinstance(argument, ScalarFunction):
        return argument.key
    if isinstance(argument, tuple):
        return f"({', '.join(map(_described, argument))})"
    if dataclasses.is_dataclass(argument):
        return _described(tuple(getattr(argument, field.name) for field in dataclasses.fields(argument)))
    if argument is None or isinstance(argument, (str, int, float)):
        return repr(argument)
    raise TypeError(f"an argument of a kernel cannot be {argument!r}; see `compiler.kernel` for the supported types")


def _loaded(key: str) -> Callable[..., Any] | None:
    """Load a kernel from disk, after providing the drivers that it calls; return None if it is not there."""
    found = cache.read(key)
    if found is None:
        return None
    layout.check_layout()
    return _linked(found)


def _linked(found: Native) -> Callable[..., Any] | None:
    """Load a kernel from object code, after the drivers that it calls."""
    for symbol in found.needs:
        if symbol.startswith(_SYMBOL):
            provide(symbol.removeprefix(_SYMBOL))
    return native.load(found)
