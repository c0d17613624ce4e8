"""The one pool of threads that every kernel runs on.

A kernel calls `run(pool, chunks, *closure(task, arguments))`; the chunks are handed out one by one to the calling
thread and to the pool's workers. What a chunk computes does not depend on who computes it, so results do not depend
on the number of threads.

The workers are Python threads that never hold the interpreter's lock: each runs one compiled function, which spins
for a moment after its last work, so that the next kernel finds it awake, and then blocks. A worker joins a piece of
work only while that is open, so a worker that the operating system has put aside delays nobody. One piece of work is
in progress at a time; a second Python thread that calls a kernel meanwhile computes its own chunks by itself. After a
fork the child starts a pool of its own.
"""

from __future__ import annotations

import atexit
import functools
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab.errors import ArgumentError
from tensorlab.kernels import atomics
from tensorlab.kernels.compiler import jit, kernel

# The pool is an array of words; these are offsets in bytes. Words that different threads write are a cache line apart.
_STATE = 0  # generation << 33 | open << 32 | number of workers that have joined
_TASK, _DATA, _CHUNKS = 64, 72, 80
_SKIPPED = 88  # how many small pieces of work have come since sleeping workers were last woken
_NEXT = 128
_BUSY = 192
_WORKERS = 256
_STOP = 264
_WORKER = 320  # one line for each worker: whether it sleeps, and the lock that it sleeps on
_LINE = 64
_LOCK = 8
_OPEN = 1 << 32
_JOINED = _OPEN - 1
_GENERATION = 33
_PATIENCE = 16
_SPINS = 4000  # about 100 µs: longer than the pause between two kernels of a training step


@jit
def _work(pool, chunks, task, data):
    while True:
        chunk = atomics.fetch_add(pool + _NEXT, 1)
        if chunk >= chunks:
            break
        atomics.call_task(task, data, chunk)


@jit
def run(pool, chunks, task, data):
    """Run a task over all chunks, and return when the last one is done.

    Args:
        pool: the address that `pool` returns, or 0 to run on the calling thread alone. Plus 1, it is asked for a small
            piece of work: one that would be done before a sleeping worker has woken up, which costs the caller 5 to
            20 µs more. So only workers that are awake join it, and the others are woken when such work keeps coming.
        chunks: how many pieces the work has been cut into.
        task, data: the addresses that `closure` returns.
    """
    small = pool & 1
    pool -= small
    if pool == 0 or chunks <= 1 or not atomics.compare_and_swap(pool + _BUSY, 0, 1):
        for chunk in range(chunks):
            atomics.call_task(task, data, chunk)
        return
    atomics.store(pool + _TASK, task)
    atomics.store(pool + _DATA, data)
    atomics.store(pool + _CHUNKS, chunks)
    atomics.store(pool + _NEXT, 0)
    generation = (atomics.load(pool + _STATE) >> _GENERATION) + 1
    atomics.store(pool + _STATE, (generation << _GENERATION) | _OPEN)
    skipped = atomics.load(pool + _SKIPPED) + small
    wakes = small == 0 or skipped == _PATIENCE
    atomics.store(pool + _SKIPPED, 0 if wakes else skipped)
    for worker in range(min(atomics.load(pool + _WORKERS), chunks - 1) if wakes else 0):
        line = pool + _WORKER + worker * _LINE
        if atomics.load(line) == 1 and atomics.compare_and_swap(line, 1, 0):
            atomics.release_lock(atomics.load(line + _LOCK))
    _work(pool, chunks, task, data)
    atomics.fetch_and(pool + _STATE, ~_OPEN)
    spins = 0
    while atomics.load(pool + _STATE) & _JOINED:
        atomics.pause()
        spins += 1
        if spins > _SPINS:
            atomics.yield_processor()
    atomics.store(pool + _BUSY, 0)


def _worker(pool, worker):
    line = pool + _WORKER + worker * _LINE
    seen = 0
    spins = 0
    while True:
        state = atomics.load(pool + _STATE)
        if (state & _OPEN) and (state >> _GENERATION) != seen:
            if not atomics.compare_and_swap(pool + _STATE, state, state + 1):
                continue
            seen = state >> _GENERATION
            _work(pool, atomics.load(pool + _CHUNKS), atomics.load(pool + _TASK), atomics.load(pool + _DATA))
            atomics.fetch_add(pool + _STATE, -1)
            spins = 0
        elif atomics.load(pool + _STOP):
            return
        elif spins < _SPINS:
            atomics.pause()
            spins += 1
        else:
            atomics.store(line, 1)
            state = atomics.load(pool + _STATE)
            fresh = (state & _OPEN) and (state >> _GENERATION) != seen
            # Work that was opened, or a stop that was asked for, between the last look and the word "I sleep" may have
            # woken nobody: take that word back. If somebody has taken it first, the lock is about to be released.
            if not ((fresh or atomics.load(pool + _STOP)) and atomics.compare_and_swap(line, 1, 0)):
                atomics.acquire_lock(atomics.load(line + _LOCK), 1)
            spins = 0


def _new_lock() -> Any:
    lock = atomics.allocate_lock()
    atomics.acquire_lock(lock, 1)
    return lock


def _wake(pool, worker):
    line = pool + _WORKER + worker * _LINE
    if atomics.compare_and_swap(line, 1, 0):
        atomics.release_lock(atomics.load(line + _LOCK))


@functools.cache
def _compiled() -> tuple[Callable[..., Any], ...]:
    return (
        kernel(_worker, "void(int64, int64)", "pool"),
        kernel(_new_lock, "int64()", "pool"),
        kernel(_wake, "void(int64, int64)", "pool"),
    )


class _Pool:
    """The memory and the threads of one pool."""

    def __init__(self, threads: int) -> None:
        worker, new_lock, self._wake = _compiled()
        workers = threads - 1
        words = np.zeros((_WORKER + (workers + 1) * _LINE) // 8 + 8, np.int64)
        self.words = words  # keeps the memory alive
        self.address = -(-words.ctypes.data // _LINE) * _LINE
        first = (self.address - words.ctypes.data) // 8
        words[first + _WORKERS // 8] = workers
        for index in range(workers):
            words[first + (_WORKER + index * _LINE + _LOCK) // 8] = new_lock()
        self._stop = (words, first + _STOP // 8)
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


def pool() -> int:
    """The address of the pool for `run`; starts its threads at the first call."""
    global _pool, address
    if address < 0:
        with _guard:
            if address < 0:
                if get_num_threads() > 1:
                    _pool = _Pool(get_num_threads())
                    address = _pool.address
                else:
                    address = 0
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
    global _pool, address
    with _guard:
        old, _pool, address = _pool, None, -1
        if old is not None:
            old.stop()
            _retired.append(old)


def _forget() -> None:
    """In a forked child: the parent's workers do not exist here, so the next kernel starts others."""
    global _guard, _pool, address
    _guard = threading.Lock()
    if _pool is not None:
        _retired.append(_pool)
    _pool, address = None, -1


# Without this the machine code that the workers run would be freed under them.
atexit.register(_shut_down)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
