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

WRITING, COMPILING, TAPES = range(3)
"""The ranks: memory is written by kernels that may have to be compiled first; nothing is nested in opening a tape."""


def guard(rank: int) -> Any:
    """Return a new reentrant lock that every fork holds."""
    lock = RLock()
    _locks.append((rank, lock))
    _locks.sort(key=lambda pair: pair[0])
    return lock


def _before() -> None:
    locks = [lock for _, lock in _locks]
    for lock in locks:
        lock.acquire()
    _held[:] = locks  # another thread may make one more until the fork is over


def _after() -> None:
    for lock in reversed(_held.copy()):
        lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after)
