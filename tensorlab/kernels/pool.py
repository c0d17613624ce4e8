"""The one pool of threads that every kernel runs on: its memory, its threads, and their number.

What the threads do is compiled, and described, in `threads`. This module needs no Numba: a process that finds its
kernels on disk never imports it.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
from typing import Any

import numpy as np

from tensorlab.errors import ArgumentError
from tensorlab.kernels import library

# The pool is an array of words; these are offsets in bytes. Words that different threads write are a cache line apart.
STATE = 0  # generation << 33 | open << 32 | number of workers that have joined
TASK, DATA, CHUNKS = 64, 72, 80
SKIPPED = 88  # how many small pieces of work have come since sleeping workers were last woken
CALLER = 96  # the processor that the caller runs on
BUSY = 128
WORKERS = 192
STOP = 200
SPINS = 208
LINE = 64
SHARES = 264  # a line for each thread, the caller's first: the next chunk of its share,
WORKER = 320  # and for a worker, whether it sleeps, and the lock that it sleeps on
LOCK = 16
PROCESSORS = 128  # after these lines, for each worker: the set of processors that it may run on, in bytes

_PATIENCE = 4000
"""How often a thread that waits looks again before it blocks, about 100 µs in all: longer than the pause between two
kernels of a training step."""


def _new_lock() -> Any:
    """The address of a lock that is taken, of the kind that Python's own are made of; it stays to the end."""
    allocate = ctypes.PYFUNCTYPE(ctypes.c_void_p)(("PyThread_allocate_lock", ctypes.pythonapi))
    acquire = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)(
        ("PyThread_acquire_lock", ctypes.pythonapi)
    )
    lock = allocate()
    acquire(lock, 1)
    return lock


class _Pool:
    """The memory and the threads of one pool."""

    def __init__(self, threads: int) -> None:
        worker = library.find("threads", "worker_kernel")
        self._wake = library.find("threads", "wake_kernel")
        workers = threads - 1
        words = np.zeros((WORKER + workers * (LINE + PROCESSORS) + LINE) // 8, np.int64)
        self.words = words  # keeps the memory alive
        self.address = -(-words.ctypes.data // LINE) * LINE
        first = (self.address - words.ctypes.data) // 8
        words[first + WORKERS // 8] = workers
        # Threads that share a processor had better not wait for each other on it.
        words[first + SPINS // 8] = _PATIENCE if threads <= _available() else 0
        for index in range(workers):
            words[first + (WORKER + index * LINE + LOCK) // 8] = _new_lock()
        self._stop = (words, first + STOP // 8)
        self.threads = [
            threading.Thread(target=worker, args=(self.address, index), name=f"tensorlab-{index + 1}", daemon=True)
            for index in range(workers)
        ]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """End the workers. Their memory stays, for a kernel that may still be running on this pool."""
        words, position = self._stop
        words[position] = 1
        for index, thread in enumerate(self.threads):
            self._wake(self.address, index)
            thread.join()


def _available() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked(count: object, who: str) -> int:
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or not 1 <= count <= 1024:
        raise ArgumentError(who, "a number of threads from 1 to 1024", repr(count))
    return int(count)


def _initial() -> int:
    text = os.environ.get("TENSORLAB_NUM_THREADS", "")
    if not text:
        return _available()
    return _checked(int(text) if text.isdigit() else text, "TENSORLAB_NUM_THREADS")


_guard = threading.Lock()
_count: int | None = None
_pool: _Pool | None = None
_retired: list[_Pool] = []
address = -1
"""The address of the pool, 0 for one thread, -1 before it is first needed."""
shared = np.full(1, -1, np.int64)
"""The same, for compiled code."""


def _set_address(value: int) -> None:
    global address
    address = shared[0] = value


def pool() -> int:
    """The address of the pool for `run`; starts its threads at the first call."""
    global _pool
    if address < 0:
        with _guard:
            if address < 0:
                if get_num_threads() > 1:
                    _pool = _Pool(get_num_threads())
                    _set_address(_pool.address)
                else:
                    _set_address(0)
    return address


def get_num_threads() -> int:
    """The number of threads that kernels run on: ``TENSORLAB_NUM_THREADS``, or the processors of this process."""
    global _count
    if _count is None:
        _count = _initial()
    return _count


def set_num_threads(count: int) -> None:
    """Let kernels run on ``count`` threads, the calling one included. Results do not depend on it.

    Raises:
        ArgumentError: if ``count`` is not a whole number from 1 to 1024.
    """
    global _count
    count = _checked(count, "set_num_threads")
    if count != get_num_threads():
        _count = count
        _shut_down()


def _shut_down() -> None:
    global _pool
    with _guard:
        old, _pool = _pool, None
        _set_address(-1)
        if old is not None:
            old.stop()
            _retired.append(old)


def _forget() -> None:
    """In a forked child: the parent's workers do not exist here, so the next kernel starts others."""
    global _guard, _pool
    _guard = threading.Lock()
    if _pool is not None:
        _retired.append(_pool)
    _pool = None
    _set_address(-1)


# So that no thread of ours is left when Python takes itself apart.
atexit.register(_shut_down)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
