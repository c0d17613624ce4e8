"""Settings made by ``with`` blocks, such as tapes and devices, which may be exited in any order.

A generator, a coroutine or another thread may exit a block after one that was entered later. So exiting ends exactly
that block and restores nothing. The current setting depends on all open blocks: those that were entered in this thread
or asynchronous task, or before the task was created, and that nothing has exited.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextvars import ContextVar
from operator import attrgetter
from typing import Generic, TypeVar

V = TypeVar("V")
R = TypeVar("R")

_changes = itertools.count(1)
_value, _is_open = attrgetter("value"), attrgetter("open")


class Block(Generic[V]):
    """A block that was entered, and whether it is still open."""

    __slots__ = ("_scope", "open", "value")

    def __init__(self, scope: Scope[V, R], value: V) -> None:
        self._scope, self.value, self.open = scope, value, True

    def leave(self) -> None:
        """End the block; do nothing if it has already ended."""
        self.open = False
        self._scope.version = next(_changes)


class _State(Generic[V, R]):
    """The open blocks of a context at some version, in one tuple, because tasks share it and threads replace it."""

    __slots__ = ("state",)

    def __init__(self, version: int, entries: tuple[Block[V], ...], result: R) -> None:
        self.state = version, entries, result


class Scope(Generic[V, R]):
    """All blocks of one kind.

    Args:
        name: the name of the kind.
        summarize: computes the current setting from the values of the open blocks, outermost first.

    Attributes:
        version: a number that changes whenever a block is exited in any thread.
        seen, outside: for code that inlines `current` because every operation needs it.
    """

    def __init__(self, name: str, summarize: Callable[[list[V]], R]) -> None:
        self.version = 0
        self._summarize = summarize
        self._seen: ContextVar[_State[V, R]] = ContextVar(name)
        self.seen = self._seen.get
        self.outside = _State[V, R](0, (), summarize([]))

    def enter(self, value: V) -> Block[V]:
        """Enter a block in this context."""
        entry = Block(self, value)
        version, entries, _ = self._state()
        entries = (*entries, entry)
        self._seen.set(_State(version, entries, self._summarize([*map(_value, entries)])))
        return entry

    def entries(self) -> tuple[Block[V], ...]:
        """Return the open blocks of this context, outermost first."""
        return self._state()[1]

    def current(self) -> R:
        """Return the current setting of this context."""
        state = self.seen(self.outside).state
        return state[2] if state[0] == self.version else self._state()[2]

    def _state(self) -> tuple[int, tuple[Block[V], ...], R]:
        seen = self.seen(self.outside)
        state = seen.state
        version = self.version  # read before the entries, so that a concurrent exit is seen next time
        if state[0] != version:
            entries = tuple(filter(_is_open, state[1]))
            result = state[2] if len(entries) == len(state[1]) else self._summarize([*map(_value, entries)])
            seen.state = state = (version, entries, result)
        return state
