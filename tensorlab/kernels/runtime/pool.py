"""The one pool of threads that every kernel runs on: its memory, its threads, and their number.

What the threads do is compiled, and described, in `threads`. This module needs no Numba: a process that finds its
kernels on disk never imports it.

The memory of the pool is allocated once a process and never freed, moved or resized, so its address stays valid for
every kernel that has read it, whatever becomes of the workers. Nothing here waits for `_guard`: while one thread
changes the workers, the kernels of others run on their callers alone. So a signal handler or a finalizer that computes
cannot deadlock with what it has interrupted.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
import time
from typing import Any

import numpy as np

from tensorlab.errors import ArgumentError
from tensorlab.kernels.runtime import library

# The pool is an array of words; these are offsets in bytes. Words that different threads write are a cache line apart.
STATE = 0  # generation << 33 | open << 32 | number of workers that have joined
TASK, DATA, CHUNKS = 64, 72, 80
SKIPPED = 88  # how many small pieces of work have come since sleeping workers were last woken
CALLER = 96  # the processor that the caller runs on
TEAM = 104  # among how many threads the chunks are shared out, the caller included
BUSY = 128
WORKERS = 192
STOP = 200
SPINS = 208
LINE = 64
SHARES = 264  # a line for each thread, the caller's first: the next chunk of its share,
WORKER = 320  # and for a worker, whether it sleeps, and the lock that it sleeps on
LOCK = 16
MOST_THREADS = 1024
PROCESSORS = WORKER + MOST_THREADS * LINE  # for each worker, the set of processors that it may run on,
PROCESSORS_SIZE = 128  # in so many bytes

_PATIENCE = 4000
"""How often a thread that waits looks again before it blocks, about 100 µs in all: longer than the pause between two
kernels of a training step."""


def _new_lock() -> int:
    """The address of a lock that is taken, of the kind that Python's own are made of; it stays to the end."""
    allocate = ctypes.PYFUNCTYPE(ctypes.c_void_p)(("PyThread_allocate_lock", ctypes.pythonapi))
    acquire = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)(
        ("PyThread_acquire_lock", ctypes.pythonapi)
    )
    lock = allocate()
    if not lock:
        raise MemoryError("the locks of tensorlab's threads")
    acquire(lock, 1)
    return int(lock)


def _available() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked(count: object, who: str) -> int:
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or not 1 <= count <= MOST_THREADS:
        raise ArgumentError(who, f"a number of threads from 1 to {MOST_THREADS}", repr(count))
    return int(count)


def _initial() -> int:
    text = os.environ.get("TENSORLAB_NUM_THREADS", "")
    if not text:
        return min(_available(), MOST_THREADS)
    return _checked(int(text) if text.isdigit() else text, "TENSORLAB_NUM_THREADS")


_guard = threading.Lock()
"""Held by the thread that starts or ends workers."""
_count: int | None = None
_running = 0
"""The number of threads that the pool was started for; 0 before it is started."""
_closed = False
_workers: list[threading.Thread] = []
_memory: Any = None
"""The words of the pool, from the first that lies at the start of a cache line."""
address = -1
"""The address of the pool, 0 to run on the calling thread alone, -1 before it is first needed."""
shared = np.full(1, -1, np.int64)
"""The same, for compiled code."""


def _publish(value: int) -> None:
    global address
    address = shared[0] = value


def pool() -> int:
    """The address of the pool for `run`; starts its threads at the first call."""
    found = address  # read once: another thread may change it at any time
    return found if found >= 0 else _begin()


def _begin() -> int:
    """Start the threads; 0 if somebody else is at it."""
    if _closed or not _guard.acquire(blocking=False):
        return 0
    try:
        if address < 0:
            _start()
        found = address
    finally:
        _guard.release()
    _settle()
    return found


def _start() -> None:
    global _running
    _end()  # what an interrupt may have left behind
    threads = get_num_threads()
    worker = library.find("runtime.threads.worker_kernel") if threads > 1 else None
    words = _words()
    _running = threads
    words[STOP // 8] = 0
    # Threads that share a processor had better not wait for each other on it.
    words[SPINS // 8] = _PATIENCE if threads <= _available() else 0
    for index in range(threads - 1):
        lock = (WORKER + index * LINE + LOCK) // 8
        words[lock] = words[lock] or _new_lock()
        _workers.append(
            threading.Thread(target=worker, args=(words.ctypes.data, index), name=f"tensorlab-{index + 1}", daemon=True)
        )
        try:
            _workers[-1].start()
        except RuntimeError:  # the system has no more threads to give, or Python is ending
            _workers.pop()
            break
    words[WORKERS // 8] = len(_workers)
    _publish(words.ctypes.data if _workers else 0)


def _words() -> Any:
    global _memory
    if _memory is None:
        words = np.zeros((PROCESSORS + MOST_THREADS * PROCESSORS_SIZE + LINE) // 8, np.int64)
        _memory = words[-words.ctypes.data % LINE // 8 :]
    return _memory


def _end() -> None:
    """End the workers. A call that is interrupted can be repeated."""
    global _running
    _publish(-1)
    if _workers:
        stop = library.find("runtime.threads.stop_kernel")
        for index in range(len(_workers)):
            stop(_memory.ctypes.data, index)
        while _workers:
            _join(_workers[-1])
            _workers.pop()
        _memory[WORKERS // 8] = 0
    _running = 0


def _join(thread: threading.Thread) -> None:
    for _ in range(100):  # a thread whose start was interrupted may come to life yet, or never
        if thread.ident is not None:
            thread.join()
            break
        time.sleep(0.01)


def _settle() -> None:
    """End the workers if another number is asked for. If somebody is changing them, that thread does it afterwards."""
    while _running not in (0, _count) and _guard.acquire(blocking=False):
        try:
            _end()
        finally:
            _guard.release()


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
        _settle()


def _shut_down() -> None:
    """End the workers for good: from now on, kernels run on their callers alone."""
    global _closed
    _closed = True
    if _guard.acquire(timeout=5):  # a daemon thread may be starting them, and may never go on
        try:
            _end()
        finally:
            _guard.release()
    _publish(0)


def _forget() -> None:
    """Let a forked child, in which the parent's workers do not exist, start with memory and workers of its own."""
    global _guard, _running, _workers, _memory
    _guard, _running, _workers, _memory = threading.Lock(), 0, [], None
    _publish(0 if _closed else -1)


# So that no thread of ours is left when Python takes itself apart.
atexit.register(_shut_down)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
