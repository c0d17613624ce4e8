"""The one pool of threads that every kernel runs on.

A kernel calls `run(pool, chunks, *closure(task, arguments))`; the calling thread and the pool's workers have a share
of the chunks each, take them one by one, and then those of whoever is behind. What a chunk computes does not depend on
who computes it, so results do not depend on the number of threads.

The workers are Python threads that never hold the interpreter's lock: each runs one compiled function, which spins
for a moment after its last work, so that the next kernel finds it awake, and then blocks. A worker joins a piece of
work only while that is open, so a worker that the operating system has put aside delays nobody. One piece of work is
in progress at a time; a second Python thread that calls a kernel meanwhile computes its own chunks by itself. Workers
may be started and ended while a piece of work is in progress: its caller completes what they leave. After a fork the
child starts a pool of its own.
"""

from __future__ import annotations

from tensorlab.kernels.runtime import atomics
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.pool import (
    BUSY,
    CALLER,
    CHUNKS,
    DATA,
    LINE,
    LOCK,
    PROCESSORS,
    PROCESSORS_SIZE,
    SHARES,
    SKIPPED,
    SPINS,
    STATE,
    STOP,
    TASK,
    TEAM,
    WORKER,
    WORKERS,
    get_num_threads,
    pool,
    set_num_threads,
)

__all__ = ["get_num_threads", "pool", "run", "set_num_threads", "stop_kernel", "worker_kernel"]

_OPEN = 1 << 32
_JOINED = _OPEN - 1
_GENERATION = 33
_PATIENCE = 16


@jit
def _work(pool, chunks, task, data, first):
    """Do the chunks of one's own share, then what is left of the others'.

    A thread that has the same share of the same arrays every time finds them in the caches that are near to it.
    """
    shares = atomics.load(pool + TEAM)
    for step in range(shares):
        share = (first + step) % shares
        end = chunks * (share + 1) // shares
        while True:
            chunk = atomics.fetch_add(pool + SHARES + share * LINE, 1)
            if chunk >= end:
                break
            atomics.call_task(task, data, chunk)


if atomics.HAS_AFFINITY:

    @jit
    def _tell_where(pool):
        """Write down which processor the caller runs on."""
        atomics.store(pool + CALLER, atomics.current_processor())

    @jit
    def _keep_off(pool, worker, avoided):
        """Let a worker that runs on the caller's processor leave it, and stay away; returns the processor it avoids.

        Beside other libraries' pools, Linux was seen to wake the worker on the caller's processor and to leave both
        there, each with half of it: the worker only delays what it should speed up.
        """
        caller = atomics.load(pool + CALLER)
        if caller < 0 or caller != atomics.current_processor():  # negative where the system cannot tell
            return avoided
        allowed = pool + PROCESSORS + worker * PROCESSORS_SIZE
        if atomics.get_affinity(0, PROCESSORS_SIZE, allowed) == 0:
            if avoided >= 0:
                word = allowed + avoided // 64 * 8
                atomics.store(word, atomics.load(word) | 1 << avoided % 64)
            word = allowed + caller // 64 * 8
            atomics.store(word, atomics.load(word) & ~(1 << caller % 64))
            atomics.set_affinity(0, PROCESSORS_SIZE, allowed)
        return caller

else:

    @jit
    def _tell_where(pool):
        pass

    @jit
    def _keep_off(pool, worker, avoided):
        return avoided


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
    _tell_where(pool)
    workers = min(atomics.load(pool + WORKERS), chunks - 1)  # read once: it may change while this is running
    atomics.store(pool + TEAM, workers + 1)
    for share in range(workers + 1):
        atomics.store(pool + SHARES + share * LINE, chunks * share // (workers + 1))
    generation = (atomics.load(pool + STATE) >> _GENERATION) + 1
    atomics.store(pool + STATE, (generation << _GENERATION) | _OPEN)
    skipped = atomics.load(pool + SKIPPED) + small
    wakes = small == 0 or skipped == _PATIENCE
    atomics.store(pool + SKIPPED, 0 if wakes else skipped)
    for worker in range(workers if wakes else 0):
        line = pool + WORKER + worker * LINE
        if atomics.load(line) == 1 and atomics.compare_and_swap(line, 1, 0):
            atomics.release_lock(atomics.load(line + LOCK))
    _work(pool, chunks, task, data, 0)
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
    avoided = -1
    seen = 0
    spins = 0
    while True:
        if patience:
            avoided = _keep_off(pool, worker, avoided)
        state = atomics.load(pool + STATE)
        if (state & _OPEN) and (state >> _GENERATION) != seen:
            if not atomics.compare_and_swap(pool + STATE, state, state + 1):
                continue
            seen = state >> _GENERATION
            _work(pool, atomics.load(pool + CHUNKS), atomics.load(pool + TASK), atomics.load(pool + DATA), worker + 1)
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


def _stop(pool, worker):
    atomics.store(pool + STOP, 1)
    line = pool + WORKER + worker * LINE
    if atomics.compare_and_swap(line, 1, 0):
        atomics.release_lock(atomics.load(line + LOCK))


@kernel
def worker_kernel() -> Definition:
    """``k(pool, worker)``: what a worker does until the pool is stopped."""
    return _worker, "void(int64, int64)"


@kernel
def stop_kernel() -> Definition:
    """``k(pool, worker)``: stop the pool, and wake one worker so that it notices."""
    return _stop, "void(int64, int64)"
