"""Exceptions of what gives data, and of the threads behind it: they reach the caller, and the model can be used."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.layers import Dense

Array = np.ndarray[Any, Any]
X = np.random.default_rng(1).normal(size=(12, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


class ReadError(Exception):
    """What a program raises that reads data."""


def broken_read(index: int) -> tuple[Array, Array]:
    if index == 3:
        raise ReadError(f"no batch {index}")
    return X[2 * index : 2 * index + 2], Y[2 * index : 2 * index + 2]


def of_generator(path: Path) -> Iterator[Any]:
    return (broken_read(index) for index in range(6))


def of_threads(path: Path) -> Iterator[Any]:
    """Read batches ahead in threads, as programs do with slow files."""
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(broken_read, range(6))


class OfIndices(tl.utils.PyDataset):
    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        return broken_read(index)


class OfFile(tl.utils.PyDataset):
    """Batches of a memory-mapped file, which is read in another thread."""

    def __init__(self, path: Path) -> None:
        super().__init__(workers=2, use_multiprocessing=False)
        np.save(path / "x.npy", X)
        self.file = np.load(path / "x.npy", mmap_mode="r")

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return self.file[2 * index : 2 * index + 2], pool.submit(broken_read, index).result()[1]


SOURCES: dict[str, Callable[[Path], Any]] = {
    "generator": of_generator,
    "threads": of_threads,
    "indices": lambda path: OfIndices(),
    "file": OfFile,
}


@pytest.mark.parametrize("run", ["fit", "evaluate", "predict", "validation"])
@pytest.mark.parametrize("kind", SOURCES)
def test_exception_of_a_source_reaches_the_caller(kind: str, run: str, tmp_path: Path) -> None:
    model, expected = [tl.Sequential([Dense(1, kernel_initializer="ones", name="d")], name="net") for _ in range(2)]
    for each in (model, expected):
        each.compile("sgd", "mse")
        each.build((None, 3))
    threads = threading.active_count()
    source, options = SOURCES[kind](tmp_path), {"shuffle": False} if run == "fit" else {}
    if run == "validation":
        call: Any = lambda: model.fit(X, Y, batch_size=4, verbose=0, shuffle=False, validation_data=source)  # noqa: E731
    else:
        call = lambda: getattr(model, run)(source, verbose=0, **options)  # noqa: E731
    with pytest.raises(ReadError, match="no batch 3") as caught:
        call()
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert "broken_read" in frames
    assert threading.active_count() <= threads  # those of the program end with its data
    if run == "fit":  # the steps before have been taken
        expected.fit(X[:6], Y[:6], batch_size=2, verbose=0, shuffle=False)
    elif run == "validation":
        expected.fit(X, Y, batch_size=4, verbose=0, shuffle=False)
    assert all(map(np.array_equal, model.get_weights(), expected.get_weights()))
    for each in (model, expected):
        each.fit(X, Y, batch_size=4, epochs=2, verbose=0, shuffle=False)
    assert all(map(np.array_equal, model.get_weights(), expected.get_weights()))


def test_exception_in_a_thread_that_trains_leaves_other_threads_alone() -> None:
    results: dict[str, Any] = {}

    def train(name: str, source: Any) -> None:
        model = tl.Sequential([Dense(1, kernel_initializer="ones")])
        model.compile("sgd", "mse")
        try:
            results[name] = model.fit(source, epochs=1, verbose=0).history["loss"]
        except ReadError as error:
            results[name] = str(error)

    good = [(X[:2], Y[:2])] * 6
    threads = [
        threading.Thread(target=train, args=("broken", of_generator(Path()))),
        threading.Thread(target=train, args=("whole", iter(good))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    train("alone", iter(good))
    assert results["broken"] == "no batch 3"
    assert results["whole"] == results["alone"]
