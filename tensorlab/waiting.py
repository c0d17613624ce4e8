"""What a program waits for while kernels are compiled: which ones it expects to need, and how far the compilation is.

This module imports no compiler. `kernels.runtime.ahead` compiles what is expected.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from tensorlab import terminal

Request = tuple[str, tuple[Any, ...]]
"""The maker of a kernel and its arguments, see `kernels.runtime.library.find`."""
Listing = Callable[[], Iterable[Request]]

_blocks: list[Listing] = []
"""The listing of the `expecting` block that is open, if there is one."""
_unused: list[Listing] = []
"""The same until it has been called."""
_enders: list[Callable[[], None]] = []


@contextlib.contextmanager
def expecting(listing: Listing) -> Iterator[None]:
    """Return a ``with`` block that will need some kernels. A block inside of another one has no effect.

    Args:
        listing: returns the kernels, in about the order in which they are needed. It is called when the first kernel is
            missing in the block, so a process that finds all kernels on disk does not pay for the list.
    """
    if _blocks:
        yield
        return
    _blocks.append(listing)
    _unused.append(listing)
    try:
        yield
    finally:
        _blocks.clear()
        _unused.clear()
        for ender in _enders:
            ender()


def expected() -> Listing | None:
    """Return the listing of the open block when this is called for the first time in it, None otherwise."""
    return _unused.pop() if _unused else None


def at_end(ender: Callable[[], None]) -> None:
    """Call a function at the end of each block of `expecting`."""
    _enders.append(ender)


def forget() -> None:
    """Take no block as open, in the child process of a fork."""
    _unused.clear()


class Waiting(NamedTuple):
    """How far the compilation of kernels is."""

    done: int
    total: int
    """The number of kernels that are known to be needed, 1 if no others are known."""
    seconds: float | None = None
    """About how long the rest takes, None if unknown."""
    once: bool = True
    """Whether the kernels are stored, so that they are compiled once only."""

    def __str__(self) -> str:
        if self.total == 1:
            return "compiling a kernel"
        left = "" if self.seconds is None else f", about {max(1, round(self.seconds))} s left"
        return f"compiling kernels: {self.done} of {self.total}{left}"

    @property
    def line(self) -> str:
        """The same, with the reason why it happens."""
        before, colon, after = str(self).partition(":")
        return f"{before}{' once for this machine' if self.once else ''}{colon}{after}"


_watchers: list[Callable[[Waiting], None]] = []
_width = 0
"""The length of the line on the terminal, 0 if there is none."""


def watch(watcher: Callable[[Waiting], None]) -> Callable[[], None]:
    """Call a function in place of writing a line to the terminal, until the returned function is called.

    If there are several, the one that came last is called.
    """
    _watchers.append(watcher)

    def end() -> None:
        if watcher in _watchers:
            _watchers.remove(watcher)

    return end


def show(waiting: Waiting) -> None:
    """Show how far the compilation is, in a line on standard error if that is a terminal and nobody watches."""
    global _width
    if _watchers:
        _watchers[-1](waiting)
    elif sys.stderr is not None and sys.stderr.isatty():
        console = terminal.console(stderr=True)
        if not console.is_dumb_terminal:
            line = waiting.line[: console.width - 1]
            console.print(line.ljust(_width), end="\r", markup=False, soft_wrap=True)
            _width = len(line)


def hide() -> None:
    """Erase the line, before the program prints anything."""
    global _width
    if _width and sys.stderr is not None:
        terminal.console(stderr=True).print(" " * _width, end="\r", soft_wrap=True)
        _width = 0
