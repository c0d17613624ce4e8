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
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab.errors import ArgumentError, short_repr
from tensorlab.kernels.runtime import library

MAX_THREADS = 1024
LINE = 64
"""The size of a cache line in bytes. Words that different threads write are in different cache lines."""


def _structure(lines: Sequence[Sequence[str]], **tables: Any) -> np.dtype[Any]:
    """Return a structure of ``int64`` words, with the words of each group in a cache line, followed by tables."""
    words: list[tuple[str, Any, int]] = []
    for number, line in enumerate(lines):
        words += [(name, np.int64, LINE * number + 8 * index) for index, name in enumerate(line)]
    end = LINE * len(lines)
    for name, table in tables.items():
        words.append((name, table, end))
        end += np.dtype(table).itemsize
    names, formats, offsets = zip(*words, strict=True)
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": end})


THREAD = _structure([["sleeps", "share", "lock"]])
"""The state of a thread: whether it sleeps, the next chunk of its share of a job, and the lock that it sleeps on."""
MASK = np.dtype((np.uint8, MAX_THREADS // 8))
"""A set of processors."""
POOL = _structure(
    [
        ["state"],  # generation << 33 | open << 32 | number of workers that have joined
        [
            "task",
            "data",
            "chunks",
            "skipped",  # the number of small jobs since sleeping workers were last woken
            "caller",  # the processor that the caller runs on
            "team",  # the number of threads that the chunks are divided among, including the caller
        ],
        ["busy"],
        ["workers", "stop", "spins"],
    ],
    threads=(THREAD, 1 + MAX_THREADS),  # the caller first
    masks=(MASK, MAX_THREADS),  # for each worker, the processors that it may run on
)
"""The memory of the pool. `threads` accesses it by these names too."""

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
        raise MemoryError("cannot allocate a lock for tensorlab's threads")
    acquire(lock, 1)
    return int(lock)


def _available() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked(count: object, who: str) -> int:
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or not 1 <= count <= MAX_THREADS:
        raise ArgumentError(who, f"a number of threads from 1 to {MAX_THREADS}", short_repr(count))
    return int(count)


def _initial() -> int:
    text = os.environ.get("TENSORLAB_NUM_THREADS", "")
    if not text:
        return min(_available(), MAX_THREADS)
    return _checked(int(text) if text.isdigit() else text, "TENSORLAB_NUM_THREADS")


_guard = threading.Lock()
"""Locked by the thread that starts or stops workers."""
_count: int | None = None
"""The number of threads that kernels shall run on; None before it is first needed."""
_running = 0
"""The number of threads that the pool was started for; 0 before it is started."""
_closed = False
_workers: list[threading.Thread] = []
_memory: Any = None
"""The memory of the pool, a `POOL` that is aligned to a cache line."""
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
    memory = _allocated()
    _running = threads
    memory["stop"] = 0
    # With more threads than processors, a spinning thread would delay the one that it waits for.
    memory["spins"] = _PATIENCE if threads <= _available() else 0
    locks = memory["threads"]["lock"]
    for index in range(threads - 1):
        locks[index + 1] = locks[index + 1] or _new_lock()
        name, arguments = f"tensorlab-{index + 1}", (memory.ctypes.data, index)
        _workers.append(threading.Thread(target=worker, args=arguments, name=name, daemon=True))
        try:
            _workers[-1].start()
        except RuntimeError:  # the system's limit of threads is reached, or the interpreter is shutting down
            _workers.pop()
            break
    memory["workers"] = len(_workers)
    _publish(memory.ctypes.data if _workers else 0)


def _allocated() -> Any:
    global _memory
    if _memory is None:
        memory = np.zeros(POOL.itemsize + LINE, np.uint8)
        start = -memory.ctypes.data % LINE
        _memory = memory[start : start + POOL.itemsize].view(POOL).reshape(())
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
        _memory["workers"] = 0
    _running = 0


def _join(thread: threading.Thread) -> None:
    for _ in range(100):  # a thread whose start was interrupted may begin later, or never
        if thread.ident is not None:
            thread.join()
            break
        time.sleep(0.01)


def _settle() -> None:
    """Stop the workers if their number has changed. A thread that holds `_guard` does so itself when it releases it."""
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
    if _guard.acquire(timeout=5):  # a daemon thread may hold the lock and never resume
        try:
            _end()
        finally:
            _guard.release()
    _publish(0)


def _reset_after_fork() -> None:
    """Reset the state in a forked child, where the parent's workers do not exist."""
    global _guard, _running, _workers, _memory
    _guard, _running, _workers, _memory = threading.Lock(), 0, [], None
    _publish(0 if _closed else -1)


# No worker may be running during interpreter shutdown.
atexit.register(_shut_down)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
