"""Variables that change while other threads read them: readers see the value before or after a change."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.tensor import writing

SIZE = 200_000


@pytest.fixture
def quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(work: Callable[[], Any], readers: list[Callable[[], Any]]) -> None:
    """Run readers in threads until ``work`` ends, and raise the first exception of any of them."""
    errors: list[BaseException] = []
    done = threading.Event()

    def repeat(read: Callable[[], Any]) -> None:
        try:
            while not done.is_set():
                read()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=repeat, args=(read,)) for read in readers]
    for thread in threads:
        thread.start()
    try:
        work()
    finally:
        done.set()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


def uniform(array: Any) -> None:
    values = np.asarray(array)
    assert values.min() == values.max()


def never_changes(read: Callable[[], Any]) -> Callable[[], None]:
    def check() -> None:
        value = read()
        first = np.array(value)
        uniform(first)
        np.testing.assert_array_equal(np.asarray(value), first)

    return check


READERS: dict[str, Callable[[tl.Variable], Any]] = {
    "value": lambda v: v.value,
    "numpy": lambda v: v.numpy(),
    "operation": lambda v: v * 1.0,
    "view": lambda v: v.reshape((2, -1)),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.usefixtures("quick_switches")
def test_readers_never_see_a_partial_change(name: str) -> None:
    v = tl.Variable(np.zeros(SIZE, np.float32))
    one = np.ones(SIZE, np.float32)
    w = tl.Variable(np.zeros(SIZE, np.float32))
    w * 1.0
    optimizer = tl.optimizers.SGD(learning_rate=1.0)

    def work() -> None:
        for step in range(25):
            v.assign_add(1.0)
            v.assign(np.full(SIZE, step, np.float32))
            optimizer.apply_gradients([(one, v)])
            v[:].assign(np.full(SIZE, -step, np.float32))

    together(work, [never_changes(lambda: READERS[name](v)), never_changes(lambda: READERS[name](v))])


@pytest.mark.usefixtures("quick_switches")
def test_concurrent_additions_are_not_lost() -> None:
    v = tl.Variable(np.zeros((2, 50), np.float32))

    def add() -> None:
        for _ in range(100):
            v.assign_add(1.0)
            v[0].assign_add(1.0)
            v[[1]].assign_sub(2.0)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(v.numpy(), np.array([[800.0], [-400.0]]).repeat(50, axis=1))


@pytest.mark.usefixtures("reference")
def test_assignment_to_a_slice_uses_the_current_value() -> None:
    v = tl.Variable([1.0, 2.0])
    part = v[0]
    v.assign([10.0, 20.0])
    part.assign_add(1.0)
    assert v.tolist() == [11.0, 20.0]
    assert part.item() == 11.0


@pytest.mark.usefixtures("reference")
def test_reader_waits_for_the_end_of_a_write() -> None:
    v = tl.Variable([1.0, 2.0])
    read: list[Any] = []
    thread = threading.Thread(target=lambda: read.append(v.tolist()))
    with writing([v]) as (claim,):
        thread.start()
        claim.buffer[0] = 5.0
        thread.join(0.05)
        assert thread.is_alive()
        claim.buffer[1] = 6.0
    thread.join()
    assert read == [[5.0, 6.0]]


@pytest.mark.usefixtures("reference")
def test_writing_thread_may_read_and_write_during_a_write() -> None:
    v = tl.Variable([1.0, 2.0])
    with writing([v]) as (claim,):
        kept = v.numpy()  # as in a signal handler or a finalizer
        claim.buffer[0] = 5.0
        assert kept.tolist() == [1.0, 2.0]
        v.assign([7.0, 8.0])
        assert v.tolist() == [7.0, 8.0]
    assert v.tolist() == [7.0, 8.0]
    with pytest.raises(ZeroDivisionError), writing([v]):
        raise ZeroDivisionError
    assert v.assign_add(1.0).tolist() == [8.0, 9.0]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signal.setitimer")
def test_signal_handler_during_a_change() -> None:
    v = tl.Variable(np.zeros(4, np.float32))
    seen: list[list[float]] = []
    before = signal.signal(signal.SIGALRM, lambda *_: seen.append(v.tolist()))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        for _ in range(300):
            v.assign_add(1.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert v.tolist() == [300.0] * 4
    assert seen
    for values in seen:
        uniform(values)


@pytest.mark.usefixtures("reference")
def test_failed_copy_leaves_the_variable_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    v, other = tl.Variable([1.0, 2.0]), tl.Variable([3.0])
    kept = v.value

    def no_memory(self: Any, buffer: Any) -> Any:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(type(v._backend), "copy", no_memory)
        with pytest.raises(MemoryError), writing([other, v]):
            pass
    assert (v.tolist(), other.tolist(), kept.tolist()) == ([1.0, 2.0], [3.0], [1.0, 2.0])
    assert (v.assign_add(1.0).tolist(), kept.tolist()) == ([2.0, 3.0], [1.0, 2.0])


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_fork_while_a_write_waits_for_a_kernel() -> None:
    from tensorlab.kernels.runtime import library

    v = tl.Variable([0.0, 0.0])
    began = threading.Event()

    def write() -> None:
        with writing([v]):
            began.set()
            time.sleep(0.1)  # the fork waits for this thread by then
            with library.guard:  # as when a kernel is loaded
                pass

    thread = threading.Thread(target=write)
    thread.start()
    began.wait()
    child = os.fork()
    if not child:
        os._exit(0)
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.usefixtures("reference")
def test_fork_waits_for_the_end_of_a_write() -> None:
    v = tl.Variable([0.0, 0.0])
    began = threading.Event()

    def write() -> None:
        with writing([v]) as (claim,):
            claim.buffer[0] = 1.0
            began.set()
            time.sleep(0.1)
            claim.buffer[1] = 1.0

    thread = threading.Thread(target=write)
    thread.start()
    began.wait()
    child = os.fork()
    if not child:
        os._exit(v.assign_add(1.0).tolist() != [2.0, 2.0])
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert v.tolist() == [1.0, 1.0]
