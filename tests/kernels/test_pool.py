"""The thread pool: its memory stays valid, callers never wait for workers to start, and interrupts leave no damage."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from python_processes import output_of

import tensorlab as tl
from tensorlab.kernels.runtime import pool


@pytest.fixture(autouse=True)
def _number_of_threads_afterwards() -> Iterator[None]:
    before = tl.get_num_threads()
    yield
    tl.set_num_threads(before)


@pytest.fixture
def x() -> tl.Tensor:
    return tl.asarray(np.arange(50_000.0))


def workers() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("tensorlab-"))


def test_pool_address_stays_valid_while_the_size_changes(x: tl.Tensor) -> None:
    tl.set_num_threads(2)
    memory = pool.pool()
    seen: set[int] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.update([pool.pool() for _ in range(100)])

    readers = [threading.Thread(target=read) for _ in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in readers:
            thread.start()
        for count in range(300):
            tl.set_num_threads(1 + count % 3)
    finally:
        sys.setswitchinterval(interval)
        done.set()
        for thread in readers:
            thread.join()
    assert memory in seen
    assert seen <= {0, memory}
    np.testing.assert_array_equal((x + x).numpy(), 2 * x.numpy())


def test_signal_handler_may_compute_while_the_pool_changes(x: tl.Tensor) -> None:
    tl.set_num_threads(2)
    tl.set_num_threads(3)  # the next call would start workers
    with pool._guard:  # held, as if this thread was interrupted while changing the pool
        assert pool.pool() == 0
        np.testing.assert_array_equal((x + x).numpy(), 2 * x.numpy())
        tl.set_num_threads(2)
    assert workers() == []
    x + x
    assert workers() == ["tensorlab-1"]


def test_workers_started_during_a_change_of_size_are_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tl.set_num_threads(2)
    tl.set_num_threads(4)
    start = threading.Thread.start

    def change(thread: threading.Thread) -> None:
        start(thread)
        tl.set_num_threads(2)  # as from another thread, or a signal handler

    monkeypatch.setattr(pool.threading.Thread, "start", change)
    assert pool.pool() > 0
    assert workers() == []
    monkeypatch.undo()
    assert pool.pool() > 0
    assert workers() == ["tensorlab-1"]


def test_interrupt_while_workers_end_leaves_a_usable_pool(x: tl.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    tl.set_num_threads(1)
    tl.set_num_threads(4)
    x + x

    def interrupted(thread: threading.Thread) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pool, "_join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tl.set_num_threads(3)
    monkeypatch.undo()
    np.testing.assert_array_equal((x + x).numpy(), 2 * x.numpy())
    assert workers() == ["tensorlab-1", "tensorlab-2"]


def test_caller_computes_alone_if_no_thread_can_start(x: tl.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    tl.set_num_threads(1)
    tl.set_num_threads(4)
    monkeypatch.setattr(pool.threading.Thread, "start", refused)
    np.testing.assert_array_equal((x + x).numpy(), 2 * x.numpy())
    assert pool.pool() == 0
    assert workers() == []


def test_no_worker_starts_if_locks_cannot_be_allocated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool.ctypes, "PYFUNCTYPE", lambda *kinds: lambda symbol: lambda *arguments: None)
    with pytest.raises(MemoryError, match="cannot allocate a lock for tensorlab's threads"):
        pool._new_lock()


def test_computing_after_pool_shutdown_uses_no_threads() -> None:
    program = """
import atexit, threading
import numpy as np

@atexit.register
def last():  # registered before the pool's handler, so it runs after it
    print((x + x).numpy().tolist() == list(range(0, 100_000, 2)), threading.active_count())

import tensorlab as tl
x = tl.asarray(np.arange(50_000.0))
tl.set_num_threads(3)
x + x
"""
    assert output_of(program) == "True 1\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.parametrize(
    "module", ["tensorlab.kernels.runtime.layout", "tensorlab.kernels.runtime.pool", "tensorlab.plugins.builtins"]
)
def test_fork_waits_for_imports_of_other_threads(module: str) -> None:
    program = f"""
import os, signal, sys, threading, time
import numpy as np
import tensorlab as tl

class Slow:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            begun.set()
            time.sleep(0.5)

begun = threading.Event()
sys.meta_path.insert(0, Slow())

def compute():
    x = tl.asarray(np.arange(50_000.0))
    return (x + x).numpy().tolist() == list(range(0, 100_000, 2))

thread = threading.Thread(target=compute)
thread.start()
begun.wait()
child = os.fork()
if child == 0:
    signal.alarm(60)
    os._exit(0 if compute() else 1)
print(os.waitpid(child, 0)[1])
thread.join()
"""
    assert output_of(program) == "0\n"


def test_signal_handler_may_call_while_calls_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    from tensorlab.kernels.runtime import calls
    from tensorlab.ops import compiled_calls

    @tl.elementwise
    def own(x: float) -> float:
        return x + 0.5

    table, seen = calls.table, []
    small = tl.asarray([1.0])

    def interrupted(*arguments: object) -> object:
        if len(seen) < 5:
            seen.append(own(small).item())
        return table(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(calls, "table", interrupted)
    monkeypatch.setattr(compiled_calls, "_left", 1)
    assert [own(small).item() for _ in range(3)] == [1.5] * 3
    assert seen == [1.5]
