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

from collections.abc import Callable
from typing import Any

from tensorlab.kernels import atomics
from tensorlab.kernels.compiler import jit, kernel
from tensorlab.kernels.pool import (
    BUSY,
    CHUNKS,
    DATA,
    LINE,
    LOCK,
    NEXT,
    SKIPPED,
    SPINS,
    STATE,
    STOP,
    TASK,
    WORKER,
    WORKERS,
    get_num_threads,
    pool,
    set_num_threads,
)

__all__ = ["get_num_threads", "pool", "run", "set_num_threads", "wake_kernel", "worker_kernel"]

_OPEN = 1 << 32
_JOINED = _OPEN - 1
_GENERATION = 33
_PATIENCE = 16


@jit
def _work(pool, chunks, task, data):
    while True:
        chunk = atomics.fetch_add(pool + NEXT, 1)
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
    if pool == 0 or chunks <= 1 or not atomics.compare_and_swap(pool + BUSY, 0, 1):
        for chunk in range(chunks):
            atomics.call_task(task, data, chunk)
        return
    atomics.store(pool + TASK, task)
    atomics.store(pool + DATA, data)
    atomics.store(pool + CHUNKS, chunks)
    atomics.store(pool + NEXT, 0)
    generation = (atomics.load(pool + STATE) >> _GENERATION) + 1
    atomics.store(pool + STATE, (generation << _GENERATION) | _OPEN)
    skipped = atomics.load(pool + SKIPPED) + small
    wakes = small == 0 or skipped == _PATIENCE
    atomics.store(pool + SKIPPED, 0 if wakes else skipped)
    for worker in range(min(atomics.load(pool + WORKERS), chunks - 1) if wakes else 0):
        line = pool + WORKER + worker * LINE
        if atomics.load(line) == 1 and atomics.compare_and_swap(line, 1, 0):
            atomics.release_lock(atomics.load(line + LOCK))
    _work(pool, chunks, task, data)
    atomics.fetch_and(pool + STATE, ~_OPEN)
    patience = atomics.load(pool + SPINS)
    spins = 0
    while atomics.load(pool + STATE) & _JOINED:
        atomics.pause()
        spins += 1
        if spins > patience:
            atomics.yield_processor()
    atomics.store(pool + BUSY, 0)


def _worker(pool, worker):
    line = pool + WORKER + worker * LINE
    patience = atomics.load(pool + SPINS)
    seen = 0
    spins = 0
    while True:
        state = atomics.load(pool + STATE)
        if (state & _OPEN) and (state >> _GENERATION) != seen:
            if not atomics.compare_and_swap(pool + STATE, state, state + 1):
                continue
            seen = state >> _GENERATION
            _work(pool, atomics.load(pool + CHUNKS), atomics.load(pool + TASK), atomics.load(pool + DATA))
            atomics.fetch_add(pool + STATE, -1)
            spins = 0
        elif atomics.load(pool + STOP):
            return
        elif spins < patience:
            atomics.pause()
            spins += 1
        else:
            atomics.store(line, 1)
            state = atomics.load(pool + STATE)
            fresh = (state & _OPEN) and (state >> _GENERATION) != seen
            # Work that was opened, or a stop that was asked for, between the last look and the word "I sleep" may have
            # woken nobody: take that word back. If somebody has taken it first, the lock is about to be released.
            if not ((fresh or atomics.load(pool + STOP)) and atomics.compare_and_swap(line, 1, 0)):
                atomics.acquire_lock(atomics.load(line + LOCK), 1)
            spins = 0


def _wake(pool, worker):
    line = pool + WORKER + worker * LINE
    if atomics.compare_and_swap(line, 1, 0):
        atomics.release_lock(atomics.load(line + LOCK))


def worker_kernel() -> Callable[..., Any]:
    """``k(pool, worker)``: what a worker does until the pool is stopped."""
    return kernel(_worker, "void(int64, int64)", "pool")


def wake_kernel() -> Callable[..., Any]:
    """``k(pool, worker)``: let a worker that sleeps look again."""
    return kernel(_wake, "void(int64, int64)", "pool")
