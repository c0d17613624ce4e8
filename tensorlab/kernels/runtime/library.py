"""Find kernels by the name and the arguments of their maker, a function with the decorator `compiler.kernel`.

Both determine a kernel completely, apart from tensorlab's own sources. So a kernel can be loaded from disk without
importing the maker's module, which needs Numba.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from tensorlab.errors import StateError
from tensorlab.forks import guard
from tensorlab.kernels.runtime import ahead, cache, layout, native, shipped
from tensorlab.kernels.runtime.native import DRIVER, Native
from tensorlab.scalars import ScalarFunction
from tensorlab.waiting import Request

if TYPE_CHECKING:
    from tensorlab.kernels.runtime.linker import Code

PACKAGE = "tensorlab.kernels."

_kernels: dict[str, Callable[..., Any]] = {}
"""The kernels of this process by key. Equal scalar functions have equal keys and share one kernel."""
_origins: dict[int, tuple[str, tuple[Any, ...]]] = {}
"""The maker of each kernel and its arguments, by the kernel's address."""
_compiling = False
"""Whether this process compiles a kernel. Only the thread that has `guard` reads and writes it."""


def find(maker: str, arguments: tuple[Any, ...] = (), lowered: Callable[..., Code] | None = None) -> Callable[..., Any]:
    """Return a kernel of this process, from disk, or newly compiled and written to disk.

    Args:
        maker: the dotted name of the maker, relative to `tensorlab.kernels`.
        arguments: scalar functions, rules, strings, numbers, None, and tuples of these.
        lowered: compiles the kernel to LLVM code from the arguments; by default the maker does.

    Raises:
        StateError: if a signal handler or finalizer needs a kernel to be compiled, while it interrupts a compilation in
            the same thread, and no other process can compile it.
    """
    key = key_of(maker, arguments)
    # Numba compiles no faster on several threads. The guard also ensures that each kernel is compiled once only.
    with guard:
        kernel = _kernels.get(key) or _loaded(key) or shipped.find(key)
        if kernel is None:
            layout.check_layout()
            made = _made(key, maker, arguments, lowered)
            kernel = _linked(made)
            if kernel is None:
                raise RuntimeError(f"cannot link a kernel: this process lacks a symbol, one of {', '.join(made.needs)}")
        _kernels[key] = kernel
        _origins[native.address(kernel)] = maker, arguments
    return kernel


def _made(key: str, maker: str, arguments: tuple[Any, ...], lowered: Callable[..., Code] | None) -> Native:
    """Return a kernel that is missing, compiled by this process or a worker."""
    global _compiling
    if _compiling:  # `guard` is reentrant, so a signal handler interrupts a compilation in this thread
        return _made_elsewhere(maker, arguments)
    _compiling = True
    try:
        return ahead.obtain(key, lambda: compiled(maker, arguments, lowered), compiled, missing)
    finally:
        _compiling = False


def _made_elsewhere(maker: str, arguments: tuple[Any, ...]) -> Native:
    """Return a kernel that another process compiles, because Numba cannot be entered again.

    Raises:
        StateError: if that fails.
    """
    _linker()  # before a process starts, whose kernel could not be linked
    made = ahead.compiled_elsewhere((maker, arguments))
    if made is None:
        raise _interrupting(f"compute with {title_of(maker, arguments)!r} once before, so that it is compiled")
    return made


def _linker() -> Any:
    """Return the module `linker`, which is a local import, because it imports LLVM.

    Raises:
        StateError: in a signal handler or finalizer that interrupts this import.
    """
    name = f"{PACKAGE}runtime.linker"
    module = sys.modules.get(name) or importlib.import_module(name)
    if not hasattr(module, "load"):
        raise _interrupting("compute once before, so that the compiler is imported")
    return module


def _interrupting(hint: str) -> StateError:
    what = "a signal handler or finalizer needs a kernel while it interrupts the compilation of another one"
    return StateError("tensorlab", what, hint)


def missing(requests: Iterable[Request]) -> list[tuple[str, Request]]:
    """Return those of some kernels that are neither in this process nor on disk, with their keys."""
    keyed = {key_of(*request): request for request in requests}
    return [
        (key, request)
        for key, request in keyed.items()
        if key not in _kernels and not cache.contains(key) and not shipped.contains(key)
    ]


def compiled(maker: str, arguments: tuple[Any, ...], lowered: Callable[..., Code] | None = None) -> Native:
    """Compile a kernel, without loading or storing it. The arguments are those of `find`."""
    with needing_compiler(maker):
        from tensorlab.kernels.runtime import linker

        with _without_collections():
            return linker.emit((lowered or lowering(maker))(*arguments))


@contextlib.contextmanager
def needing_compiler(maker: str) -> Iterator[None]:
    """Return a ``with`` block that needs Numba to compile a kernel of a maker.

    Raises:
        StateError: if Numba is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package not in ("numba", "llvmlite"):
            raise
        what = f"{package}, which compiles kernels, is not installed, and {maker.rpartition('.')[2]} is not shipped"
        raise StateError("tensorlab", what, "pip install numba") from error


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


def origin(address: int) -> tuple[str, tuple[Any, ...]]:
    """Return the maker of the kernel at an address, as in `find`, and its arguments."""
    return _origins[address]


def title(address: int) -> str:
    """Return a short description of the kernel at an address for tables, such as "map relu float32".

    A kernel that equal scalar functions share has the name of the function that was used first.
    """
    return title_of(*origin(address))


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


def symbol_of(maker: str) -> str:
    """Return the symbol by which other kernels call a driver, a kernel without arguments."""
    return DRIVER + maker


def lowering(maker: str) -> Callable[..., Code]:
    """Return the function that compiles kernels of a maker to LLVM code. It imports the maker's module, and Numba."""
    module, _, name = maker.rpartition(".")
    lowered: Callable[..., Code] = getattr(importlib.import_module(PACKAGE + module), name).lowered
    return lowered


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
    """Load a kernel from disk; return None if it is not there."""
    found = cache.read(key)
    if found is not None:
        layout.check_layout()
        return _linked(found)
    return None


def _linked(found: Native) -> Callable[..., Any] | None:
    """Load a kernel from object code, after the drivers that it calls."""
    linker = _linker()
    for symbol in found.needs:
        if symbol.startswith(DRIVER) and symbol not in native.provided:
            native.provided[symbol] = native.address(find(symbol.removeprefix(DRIVER)))
    loaded: Callable[..., Any] | None = linker.load(found)
    return loaded
