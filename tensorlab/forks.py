"""Locks that are acquired before a fork, so that no child process starts in the middle of another thread's work.

Python calls fork hooks in the reverse order of their registration, which depends on the order of imports. If each lock
had its own hook, a fork could acquire two locks in another order than a thread that nests them, and deadlock. So there
is a single hook. It acquires the locks by rank, and threads must nest them in the same order.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, TypeVar

from tensorlab.errors import StateError

T = TypeVar("T")

_locks: list[tuple[int, Any]] = []
_acquired: list[Any] = []
_hooks: list[tuple[Callable[[], None], Callable[[], None]]] = []
_generation = 0

WRITING, ONCE, TAPES, COUNTING = range(4)
"""The ranks. A write may have to compile a kernel first; opening a tape and counting acquire no other lock."""


def lock(rank: int) -> Any:
    """Return a new reentrant lock that every fork acquires."""
    made = RLock()
    _locks.append((rank, made))
    _locks.sort(key=lambda pair: pair[0])
    return made


def around(before: Callable[[], None], in_child: Callable[[], None]) -> None:
    """Register two functions that every fork calls while it has the locks.

    The first is called in the parent before the fork, the second in the child.
    """
    _hooks.append((before, in_child))


def generation() -> int:
    """Return the number of forks between this process and the process that was started as a program."""
    return _generation


def _before() -> None:
    locks = [each for _, each in _locks]
    for each in locks:
        each.acquire()
    _acquired[:] = locks  # another thread may create a lock before the fork ends
    for before, _ in _hooks:
        before()


def _after() -> None:
    for each in reversed(_acquired.copy()):
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
"""Acquired for work that is done once per process: imports at first use, loading plugins, creating kernels.

Otherwise a child process could start while another thread, which does not exist in the child, has an import lock or is
compiling. It is reentrant, because a signal handler, a finalizer or a plugin may compute while its thread has it.
"""

counting = lock(COUNTING)
"""Acquired only to count something, such as draws of random numbers or names of layers."""


class cached_property(Generic[T]):  # noqa: N801  (named like the one that it replaces)
    """Like `functools.cached_property`, which in Python 3.11 has a lock for all objects of a class.

    If a thread computed a value during a fork, the lock would stay locked in the child. Without it two threads may both
    compute a value.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute, self.__doc__ = compute, compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, thing: Any, owner: type | None = None) -> T:
        if thing is None:
            return self  # type: ignore[return-value]  # as an attribute of the class
        return thing.__dict__.setdefault(self._name, self._compute(thing))  # type: ignore[no-any-return]


class Use:
    """The use of an object by one thread at a time. Nobody waits for it, so a fork may happen at any time.

    In the child process of a fork the object stays in use if another thread used it.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def begin(self) -> bool:
        """Begin the use, and return True; return False if the object is in use."""
        return self._lock.acquire(blocking=False)

    def end(self) -> None:
        """End the use."""
        self._lock.release()


class Lock:
    """A reentrant lock of one object, which may be kept for long, while users' code runs. Copies get their own lock.

    A fork does not wait for it. If another thread had it at the fork, that thread's work on the object never finishes
    in the child; there, acquiring the lock raises instead of waiting forever.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._generation = _generation

    def __enter__(self) -> None:
        if self._generation == _generation:
            self._lock.acquire()
            return
        with guard:  # the first use since the fork
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
