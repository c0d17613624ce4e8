"""Locks that a fork waits for, so that no child begins with what another thread was in the middle of.

Python calls the hooks of a fork in the reverse order of their registration, which is that of imports. Two locks that a
thread takes one inside of the other would be taken by the fork in whatever order that is, and a deadlock could follow.
So there is one hook, which takes the locks in the order of their ranks; threads have to nest them in this order, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import RLock
from typing import Any

from tensorlab.errors import StateError

_locks: list[tuple[int, Any]] = []
_held: list[Any] = []
_hooks: list[tuple[Callable[[], None], Callable[[], None]]] = []
_generation = 0

WRITING, ONCE, TAPES, COUNTING = range(4)
"""The ranks: memory is written by kernels that may have to be compiled first; nothing is nested in opening a tape, or
in counting."""


def lock(rank: int) -> Any:
    """Return a new reentrant lock that every fork holds."""
    made = RLock()
    _locks.append((rank, made))
    _locks.sort(key=lambda pair: pair[0])
    return made


def around(before: Callable[[], None], in_child: Callable[[], None]) -> None:
    """Call functions at every fork, while it holds the locks: in the parent before it, and in the child."""
    _hooks.append((before, in_child))


def generation() -> int:
    """Return how many forks lie between this process and the one that was started as a program."""
    return _generation


def _before() -> None:
    locks = [each for _, each in _locks]
    for each in locks:
        each.acquire()
    _held[:] = locks  # another thread may make one more until the fork is over
    for before, _ in _hooks:
        before()


def _after() -> None:
    for each in reversed(_held.copy()):
        each.release()


def _after_in_child() -> None:
    global _generation
    _generation += 1
    for _, in_child in _hooks:
        in_child()
    _after()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after_in_child)

guard = lock(ONCE)
"""Held while something is done once a process: imports at first use, loading plugins, making kernels.

Otherwise a child could begin while another thread, which the child does not have, holds the lock of a module that it is
importing, or is half-way through a compilation. It is reentrant, because a signal handler, a finalizer or a plugin may
compute while its thread holds it.
"""

counting = lock(COUNTING)
"""Held while something is counted, such as draws of random numbers or names of layers; it guards no more than that."""


class Lock:
    """A reentrant lock of one object, which may be held for long, while users' code runs. A copy is a lock of its own.

    A fork does not wait for it. What another thread was doing to the object when the process was forked is never
    finished in the child; taking the lock there raises instead of waiting forever.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._generation = _generation

    def __enter__(self) -> None:
        if self._generation == _generation:
            self._lock.acquire()
            return
        with guard:  # the first use in this process: nobody can have taken it since the fork
            if self._generation != _generation:
                if not self._lock.acquire(blocking=False):
                    raise StateError(
                        "fork",
                        "another thread was building the object, or calling it for the first time, during the fork",
                        "build models before forking, or make them in the child",
                    )
                self._generation = _generation
                return
        self._lock.acquire()

    def __exit__(self, *exception: object) -> None:
        self._lock.release()

    def __reduce__(self) -> Any:
        return Lock, ()
