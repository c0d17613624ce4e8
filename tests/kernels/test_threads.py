"""The thread pool: the same bits for every number of threads, and concurrent use from Python threads."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _number_of_threads_afterwards() -> Iterator[None]:
    before = tl.get_num_threads()
    yield
    tl.set_num_threads(before)


OPERATIONS: dict[str, Callable[[tl.Tensor], tl.Tensor]] = {
    "map": lambda x: x + x[::-1],
    "map of a transposed view": lambda x: x.T + 1.0,
    "sum": tl.sum,
    "sum of rows": lambda x: tl.sum(x, axis=1),
    "sum of columns": lambda x: tl.sum(x, axis=0),
    "sum of a ragged view": lambda x: tl.sum(x[1:, ::3]),
    "sum of a vector": lambda x: tl.sum(x.reshape(-1)[1:]),
    "matmul": lambda x: x @ x.T,
    "matmul transposed": lambda x: x.T @ x,
    "matrix times vector": lambda x: x @ x[0],
    "stack of products": lambda x: x[:300].reshape(3, 100, -1) @ x[:100].T,
    "softmax": tl.softmax,
    "softmax of columns": lambda x: tl.softmax(x, axis=0),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_results_have_the_same_bits_for_any_number_of_threads(name: str, rng: np.random.Generator) -> None:
    for shape in ((517, 391), (1, 70_001) if "product" not in name and "matmul" not in name else (301, 33)):
        x = tl.asarray(rng.standard_normal(shape).astype(np.float32))
        if "stack" in name and shape[0] < 300:
            continue
        results = set()
        for count in (1, 2, 3, 8, 64, 64):
            tl.set_num_threads(count)
            results.add(OPERATIONS[name](x).numpy().tobytes())
        assert len(results) == 1


def work(x: tl.Tensor) -> list[bytes]:
    return [result.numpy().tobytes() for result in (x + x, tl.sum(x, axis=0), x @ x.T, tl.softmax(x))]


def in_threads(count: int, task: Callable[[int], None]) -> list[BaseException]:
    errors: list[BaseException] = []

    def guarded(index: int) -> None:
        try:
            task(index)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(index,), daemon=True) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "a kernel hangs"
    return errors


def test_sixteen_python_threads_compute_at_once(rng: np.random.Generator) -> None:
    tl.set_num_threads(4)
    inputs = [tl.asarray(rng.standard_normal((150 + index, 200)).astype(np.float32)) for index in range(16)]
    expected = [work(x) for x in inputs]
    ready = threading.Barrier(16)

    def task(index: int) -> None:
        ready.wait()
        for _ in range(20):
            assert work(inputs[index]) == expected[index]

    assert in_threads(16, task) == []


def test_number_of_threads_may_change_while_others_compute(rng: np.random.Generator) -> None:
    x = tl.asarray(rng.standard_normal((200, 300)).astype(np.float32))
    expected = work(x)
    done = threading.Event()

    def task(index: int) -> None:
        if index == 0:
            for count in (1, 4, 2, 3, 1, 2) * 5:
                tl.set_num_threads(count)
            done.set()
        while not done.is_set():
            assert work(x) == expected

    assert in_threads(4, task) == []


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs os.sched_setaffinity")
def test_worker_moves_away_from_the_processor_of_the_caller() -> None:
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        pytest.skip("needs two processors")
    x = tl.zeros((300, 300))
    try:
        tl.set_num_threads(2)
        x + x
        (worker,) = [thread.native_id for thread in threading.enumerate() if thread.name.startswith("tensorlab-")]
        assert worker is not None
        for mine in processors[:2]:
            os.sched_setaffinity(0, {mine})
            os.sched_setaffinity(worker, processors)
            deadline = time.monotonic() + 20
            while mine in os.sched_getaffinity(worker) and time.monotonic() < deadline:
                os.sched_setaffinity(worker, {mine})
                x + x  # the worker wakes up on the caller's processor
                os.sched_setaffinity(worker, processors)
                x + x
            assert os.sched_getaffinity(worker) == set(processors) - {mine}
    finally:
        os.sched_setaffinity(0, processors)


@pytest.mark.parametrize("wrong", [0, -1, 1025, 1.5, True, "2", None])
def test_set_num_threads_rejects_invalid_numbers(wrong: object) -> None:
    tl.set_num_threads(2)
    with pytest.raises(ArgumentError) as error:
        tl.set_num_threads(wrong)  # type: ignore[arg-type]
    assert str(error.value) == f"set_num_threads: expected a number of threads from 1 to 1024, received {wrong!r}"
    assert tl.get_num_threads() == 2


def test_set_num_threads_starts_and_ends_threads() -> None:
    def workers() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("tensorlab-")]

    small, large = tl.zeros((3,)), tl.zeros((300, 300))
    for count in (1, 3, np.int64(2), 1):
        tl.set_num_threads(count)
        assert tl.get_num_threads() == count
        assert ((small + small).tolist(), tl.sum(small).item()) == ([0.0] * 3, 0.0)
        assert workers() == [], "no thread for small work"
        large + large
        assert len(workers()) == count - 1
