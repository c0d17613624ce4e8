"""The thread pool that all kernels share: its memory, its worker threads, and their number.

The code that the workers run is compiled; it is described in `threads`. This module does not need Numba, so a process
that finds its kernels on disk never imports Numba.

The memory of the pool is allocated once per process and never freed, moved or resized. Its address stays valid for
every kernel that has read it, even while workers start and stop. Nothing here waits for `_guard`: while one thread
starts or stops workers, the kernels of other threads run without workers. So a signal handler or a finalizer that
computes cannot deadlock with the code that it interrupted.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
import time
from typing import Any

import numpy as np

from tensorlab.errors import ArgumentError, short_repr
from tensorlab.kernels.runtime import library

# Offsets in bytes of the words of the pool. Words that different threads write are a cache line apart.
STATE = 0  # generation << 33 | open << 32 | number of workers that have joined
TASK, DATA, CHUNKS = 64, 72, 80
SKIPPED = 88  # the number of small jobs since sleeping workers were last woken
CALLER = 96  # the processor that the caller runs on
TEAM = 104  # the number of threads that the chunks are divided among, including the caller
BUSY = 128
WORKERS = 192
STOP = 200
SPINS = 208
LINE = 64
SHARES = 264  # the next chunk of each thread's share, one cache line apart, the caller's first
WORKER = 320  # for each worker, one cache line apart: whether it sleeps, and at LOCK the lock that it sleeps on
LOCK = 16
MOST_THREADS = 1024
PROCESSORS = WORKER + MOST_THREADS * LINE  # for each worker, the mask of processors that it may run on
PROCESSORS_SIZE = 128  # the bytes of one mask

_PATIENCE = 4000
"""How many times a waiting thread spins before it blocks, about 100 µs: longer than the gap between two kernels of a
training step."""


def _new_lock() -> int:
    """Allocate one of CPython's thread locks, acquire it, and return its address; it is never freed."""
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
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked(count: object, who: str) -> int:
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or not 1 <= count <= MOST_THREADS:
        raise ArgumentError(who, f"a number of threads from 1 to {MOST_THREADS}", short_repr(count))
    return int(count)


def _initial() -> int:
    text = os.environ.get("TENSORLAB_NUM_THREADS", "")
    if not text:
        return min(_available(), MOST_THREADS)
    return _checked(int(text) if text.isdigit() else text, "TENSORLAB_NUM_THREADS")


_guard = threading.Lock()
"""Locked by the thread that starts or stops workers."""
_count: int | None = None
_running = 0
"""The number of threads that the pool was started for; 0 before it is started."""
_closed = False
_workers: list[threading.Thread] = []
_memory: Any = None
"""The words of the pool, aligned to a cache line."""
address = -1
"""The address of the pool, 0 if there are no workers, -1 before the workers are started."""
shared = np.full(1, -1, np.int64)
"""The same address in memory that compiled code reads."""


def _publish(value: int) -> None:
    global address
    address = shared[0] = value


def pool() -> int:
    """Return the address of the pool for `run`, and start its threads in the first call."""
    found = address  # read once, because another thread may change it
    return found if found >= 0 else _begin()


def _begin() -> int:
    """Start the threads and return the pool's address, or 0 if another thread is starting or stopping them."""
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
    _end()  # an interrupted call may have left workers behind
    threads = get_num_threads()
    worker = library.find("runtime.threads.worker_kernel") if threads > 1 else None
    words = _words()
    _running = threads
    words[STOP // 8] = 0
    # With more threads than processors, a spinning thread would delay the one that it waits for.
    words[SPINS // 8] = _PATIENCE if threads <= _available() else 0
    for index in range(threads - 1):
        lock = (WORKER + index * LINE + LOCK) // 8
        words[lock] = words[lock] or _new_lock()
        _workers.append(
            threading.Thread(target=worker, args=(words.ctypes.data, index), name=f"tensorlab-{index + 1}", daemon=True)
        )
        try:
            _workers[-1].start()
        except RuntimeError:  # the system's limit of threads is reached, or the interpreter is shutting down
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
    """Stop the workers; a call that was interrupted can be repeated."""
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
    for _ in range(100):  # a thread whose start was interrupted may begin later, or never
        if thread.ident is not None:
            thread.join()
            break
        time.sleep(0.01)


def _settle() -> None:
    """Stop the workers if their number has changed; if another thread has the guard, it will do so."""
    while _running not in (0, _count) and _guard.acquire(blocking=False):
        try:
            _end()
        finally:
            _guard.release()


def get_num_threads() -> int:
    """Return the number of threads that kernels run on.

    The default is ``TENSORLAB_NUM_THREADS``, or else the number of processors that this process may use.
    """
    global _count
    if _count is None:
        _count = _initial()
    return _count


def set_num_threads(count: int) -> None:
    """Set the number of threads that kernels run on, including the calling thread; results do not depend on it.

    Raises:
        ArgumentError: if ``count`` is not an integer from 1 to 1024.
    """
    global _count
    count = _checked(count, "set_num_threads")
    if count != get_num_threads():
        _count = count
        _settle()


def _shut_down() -> None:
    """Stop the workers for good; later kernels run on the calling thread alone."""
    global _closed
    _closed = True
    if _guard.acquire(timeout=5):  # a daemon thread may have the guard and never resume
        try:
            _end()
        finally:
            _guard.release()
    _publish(0)


def _forget() -> None:
    """Reset the state in a forked child, where the parent's workers do not exist."""
    global _guard, _running, _workers, _memory
    _guard, _running, _workers, _memory = threading.Lock(), 0, [], None
    _publish(0 if _closed else -1)


# No worker may be running during interpreter shutdown.
atexit.register(_shut_down)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
