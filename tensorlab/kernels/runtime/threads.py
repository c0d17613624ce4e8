"""The compiled code of the thread pool that all kernels share.

A kernel calls `run(pool, chunks, *closure(task, arguments))`. Each thread, the calling one included, gets a share of
the chunks. It takes its own chunks one by one, and then chunks from the shares of slower threads. The result of a chunk
does not depend on the thread that computes it, so results do not depend on the number of threads.

The workers are Python threads that run one compiled function without the GIL. After a job a worker spins for a moment,
so that it is awake for the next kernel, and then blocks. A worker joins a job only while the job is open, so a worker
that is not scheduled delays nobody. One job runs at a time: if a second Python thread calls a kernel meanwhile, it
computes all of its chunks alone. Workers may be started and stopped during a job; the caller computes the chunks that
they leave. After a fork the child starts its own pool.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

from tensorlab.kernels.runtime import atomics, library
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.drivers import call_driver
from tensorlab.kernels.runtime.pool import MASK, POOL, THREAD, get_num_threads, pool, set_num_threads
from tensorlab.kernels.runtime.records import addresses

__all__ = [
    "get_num_threads",
    "pool",
    "run",
    "run_driver",
    "set_num_threads",
    "stop_kernel",
    "team",
    "worker_kernel",
]

_OPEN = 1 << 32
_JOINED = _OPEN - 1
_GENERATION = 33
_WAKE_AFTER = 16
"""The number of small jobs after which sleeping workers are woken."""
_THREAD_SIZE, _MASK_SIZE = THREAD.itemsize, MASK.itemsize


@jit
def _thread(pool, index):
    """Return the addresses of what belongs to a thread; the caller has index 0."""
    return addresses(addresses(pool, POOL).threads + index * _THREAD_SIZE, THREAD)


@jit
def _work(pool, chunks, task, data, first):
    """Compute the chunks of the thread's own share, then the remaining chunks of the other shares.

    A thread gets the same share of the same arrays in every job, and finds them in its own caches.
    """
    memory = addresses(pool, POOL)
    shares = atomics.load(memory.team)
    for step in range(shares):
        share = (first + step) % shares
        thread = _thread(pool, share)
        end = chunks * (share + 1) // shares
        while True:
            chunk = atomics.fetch_add(thread.share, 1)
            if chunk >= end:
                break
            atomics.call_task(task, data, chunk)


if atomics.HAS_AFFINITY:

    @jit
    def _tell_where(pool):
        """Store the number of the processor that the caller runs on."""
        atomics.store(addresses(pool, POOL).caller, atomics.current_processor())

    @jit
    def _keep_off(pool, worker, avoided):
        """Exclude the caller's processor from a worker's affinity mask if the worker runs there.

        Linux was observed, with thread pools of other libraries running, to wake a worker on the caller's processor and
        to leave both there, so that each got half of it and the worker slowed the job down.

        Returns:
            the processor that the worker avoids, -1 for none.
        """
        memory = addresses(pool, POOL)
        caller = atomics.load(memory.caller)
        if caller < 0 or caller != atomics.current_processor():  # negative if the system does not know
            return avoided
        allowed = memory.masks + worker * _MASK_SIZE
        if atomics.get_affinity(0, _MASK_SIZE, allowed) == 0:
            if avoided >= 0:
                word = allowed + avoided // 64 * 8
                atomics.store(word, atomics.load(word) | 1 << avoided % 64)
            word = allowed + caller // 64 * 8
            atomics.store(word, atomics.load(word) & ~(1 << caller % 64))
            atomics.set_affinity(0, _MASK_SIZE, allowed)
        return caller

else:

    @jit
    def _tell_where(pool):
        pass

    @jit
    def _keep_off(pool, worker, avoided):
        return avoided


@jit
def team(pool):
    """Return the number of threads of a pool, whose address may be 0; another thread may change it at any time."""
    return 1 if pool == 0 else atomics.load(addresses(pool, POOL).workers) + 1


def _run(pool, chunks, task, data):
    small = pool & 1
    pool -= small
    memory = addresses(pool, POOL)
    if pool == 0 or chunks <= 1 or not atomics.compare_and_swap(memory.busy, 0, 1):
        for chunk in range(chunks):
            atomics.call_task(task, data, chunk)
        return
    atomics.store(memory.task, task)
    atomics.store(memory.data, data)
    atomics.store(memory.chunks, chunks)
    _tell_where(pool)
    workers = min(atomics.load(memory.workers), chunks - 1)  # read once, because it may change during the job
    atomics.store(memory.team, workers + 1)
    for share in range(workers + 1):
        thread = _thread(pool, share)
        atomics.store(thread.share, chunks * share // (workers + 1))
    generation = (atomics.load(memory.state) >> _GENERATION) + 1
    atomics.store(memory.state, (generation << _GENERATION) | _OPEN)
    skipped = atomics.load(memory.skipped) + small
    wakes = small == 0 or skipped == _WAKE_AFTER
    atomics.store(memory.skipped, 0 if wakes else skipped)
    for worker in range(workers if wakes else 0):
        thread = _thread(pool, 1 + worker)
        if atomics.load(thread.sleeps) == 1 and atomics.compare_and_swap(thread.sleeps, 1, 0):
            atomics.release_lock(atomics.load(thread.lock))
    _work(pool, chunks, task, data, 0)
    atomics.fetch_and(memory.state, ~_OPEN)
    patience = atomics.load(memory.spins)
    spins = 0
    while atomics.load(memory.state) & _JOINED:
        atomics.pause()
        spins += 1
        if spins > patience:
            atomics.yield_processor()
    atomics.store(memory.busy, 0)


@kernel
def run_driver() -> Definition:
    """Define the driver that `run` calls."""
    return _run, "void(int64, int64, int64, int64)"


@intrinsic
def run(typingctx: Any, pool: Any, chunks: Any, task: Any, data: Any) -> Any:
    """Run a task over all chunks, and return when the last chunk is done.

    Args:
        typingctx: Numba's typing context.
        pool: the address of the pool, or 0 to run on the calling thread alone. The lowest bit marks a small job, which
            would be done before a sleeping worker has woken up; waking one costs the caller 5 to 20 µs. Only workers
            that are awake join a small job. Sleeping ones are woken after `_WAKE_AFTER` small jobs.
        chunks: the number of chunks.
        task: the address of the task, which `closure` returns.
        data: the address of its packed arguments, which `closure` returns.
    """
    symbol = library.symbol_of("runtime.threads.run_driver")  # compiled before the kernel is loaded

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        call_driver(builder, symbol, values)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), codegen


def _worker(pool, worker):
    memory = addresses(pool, POOL)
    thread = _thread(pool, 1 + worker)
    patience = atomics.load(memory.spins)
    avoided = -1
    seen = 0
    spins = 0
    while True:
        if patience:
            avoided = _keep_off(pool, worker, avoided)
        state = atomics.load(memory.state)
        if (state & _OPEN) and (state >> _GENERATION) != seen:
            if not atomics.compare_and_swap(memory.state, state, state + 1):
                continue
            seen = state >> _GENERATION
            _work(pool, atomics.load(memory.chunks), atomics.load(memory.task), atomics.load(memory.data), worker + 1)
            atomics.fetch_add(memory.state, -1)
            spins = 0
        elif atomics.load(memory.stop):
            return
        elif spins < patience:
            atomics.pause()
            spins += 1
        else:
            atomics.store(thread.sleeps, 1)
            state = atomics.load(memory.state)
            fresh = (state & _OPEN) and (state >> _GENERATION) != seen
            # A job or a stop that was published after the last check, but before the sleep flag was set, has not woken
            # this worker. Then clear the flag again; if another thread cleared it first, it will release the lock.
            if not ((fresh or atomics.load(memory.stop)) and atomics.compare_and_swap(thread.sleeps, 1, 0)):
                atomics.acquire_lock(atomics.load(thread.lock), 1)
            spins = 0


def _stop(pool, worker):
    memory = addresses(pool, POOL)
    thread = _thread(pool, 1 + worker)
    atomics.store(memory.stop, 1)
    if atomics.compare_and_swap(thread.sleeps, 1, 0):
        atomics.release_lock(atomics.load(thread.lock))


@kernel
def worker_kernel() -> Definition:
    """Define the kernel ``k(pool, worker)``: the loop of a worker until the pool is stopped."""
    return _worker, "void(int64, int64)"


@kernel
def stop_kernel() -> Definition:
    """Define the kernel ``k(pool, worker)``: tell all workers to stop, and wake one of them."""
    return _stop, "void(int64, int64)"
