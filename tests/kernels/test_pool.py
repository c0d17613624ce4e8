"""The memory and the workers of the pool: no address dies, nobody waits, and what is interrupted can be repeated."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.kernels.runtime import pool

ROOT = Path(__file__).parents[2]


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


def test_every_address_that_is_read_is_valid_for_ever(x: tl.Tensor) -> None:
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


def test_a_finalizer_or_a_signal_handler_may_compute_while_workers_change(x: tl.Tensor) -> None:
    tl.set_num_threads(2)
    tl.set_num_threads(3)  # so that the next call starts workers
    with pool._guard:  # as the thread has it that is interrupted
        assert pool.pool() == 0
        np.testing.assert_array_equal((x + x).numpy(), 2 * x.numpy())
        tl.set_num_threads(2)
    assert workers() == []
    x + x
    assert workers() == ["tensorlab-1"]


def test_workers_that_another_thread_is_starting_are_ended_if_the_number_changes_meanwhile(
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


def test_an_interrupt_while_workers_end_leaves_nothing_half_done(x: tl.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_without_threads_to_give_the_caller_computes_alone(x: tl.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    tl.set_num_threads(1)
    tl.set_num_threads(4)
    monkeypatch.setattr(pool.threading.Thread, "start", refused)
    np.testing.assert_array_equal((x + x).numpy(), 2 * x.numpy())
    assert pool.pool() == 0
    assert workers() == []


def test_without_memory_for_locks_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool.ctypes, "PYFUNCTYPE", lambda *kinds: lambda symbol: lambda *arguments: None)
    with pytest.raises(MemoryError, match="the locks of tensorlab's threads"):
        pool._new_lock()


def test_what_computes_after_the_pool_has_shut_down_computes_alone() -> None:
    program = """
import atexit, threading
import numpy as np

@atexit.register
def last():  # registered before the pool's own, so it runs after that
    print((x + x).numpy().tolist() == list(range(0, 100_000, 2)), threading.active_count())

import tensorlab as tl
x = tl.asarray(np.arange(50_000.0))
tl.set_num_threads(3)
x + x
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True 1\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize(
    "module", ["tensorlab.kernels.runtime.layout", "tensorlab.kernels.runtime.pool", "tensorlab.plugins.builtins"]
)
def test_a_fork_waits_for_what_another_thread_imports(module: str) -> None:
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
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c", program]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_a_signal_handler_may_call_while_calls_become_compiled_ones(monkeypatch: pytest.MonkeyPatch) -> None:
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
