"""Locks that a fork waits for, so that no child begins with what another thread was in the middle of.

Python calls the hooks of a fork in the reverse order of their registration, which is that of imports. Two locks that a
thread takes one inside of the other would be taken by the fork in whatever order that is, and a deadlock could follow.
So there is one hook, which takes the locks in the order of their ranks; threads have to nest them in this order, too.
"""

from __future__ import annotations

import os
from threading import RLock
from typing import Any

_locks: list[tuple[int, Any]] = []
_held: list[Any] = []

WRITING, ONCE, TAPES = range(3)
"""The ranks: memory is written by kernels that may have to be compiled first; nothing is nested in opening a tape."""


def lock(rank: int) -> Any:
    """Return a new reentrant lock that every fork holds."""
    made = RLock()
    _locks.append((rank, made))
    _locks.sort(key=lambda pair: pair[0])
    return made


def _before() -> None:
    locks = [each for _, each in _locks]
    for each in locks:
        each.acquire()
    _held[:] = locks  # another thread may make one more until the fork is over


def _after() -> None:
    for each in reversed(_held.copy()):
        each.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)

guard = lock(ONCE)
"""Held while something is done once a process: imports at first use, loading plugins, making kernels.

Otherwise a child could begin while another thread, which the child does not have, holds the lock of a module that it is
importing, or is half-way through a compilation. It is reentrant, because a signal handler, a finalizer or a plugin may
compute while its thread holds it.
"""
