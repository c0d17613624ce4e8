"""Data in memory-mapped files, which may be larger than memory: batches are read when they are needed."""

from __future__ import annotations

import mmap
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from weights import same

import tensorlab as tl
from tensorlab.errors import NonFiniteError
from tensorlab.host_arrays import is_mapped
from tensorlab.layers import Dense, Rescaling
from tensorlab.models.data import Samples

Array = np.ndarray[Any, Any]


def network() -> tl.Sequential:
    model = tl.Sequential([Rescaling(1 / 255), Dense(1, kernel_initializer="ones")], name="net")
    model.compile("sgd", "mse")
    return model


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Array], Array]:
    """Save an array, and return it as a memory-mapped array that cannot be written to."""

    def save(array: Array) -> Array:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
        np.save(path, array)
        return np.load(path, mmap_mode="r")

    return save


def test_is_mapped(saved: Callable[[Array], Array], tmp_path: Path) -> None:
    array = np.arange(12.0).reshape(3, 4)
    file = saved(array)
    assert [is_mapped(each) for each in (file, file[1:], file.T, np.asarray(file), file.view()[::2])] == [True] * 5
    copies = (file.copy(), file + 1, file[[0, 1]])
    assert [is_mapped(np.asarray(each)) for each in (array, array[1:], *copies, np.frombuffer(b"ab", "u1"))] == [
        False
    ] * 6
    with open(tmp_path / "0.npy", "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        bytes_ = np.frombuffer(memory, np.uint8)
        assert is_mapped(bytes_)
        del bytes_  # or the map cannot be closed


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_samples_are_the_mapped_memory(
    dtype: str, order: str, saved: Callable[[Array], Array], rng: np.random.Generator
) -> None:
    array = np.array(rng.integers(0, 256, (6, 3)), dtype, order=order)
    file = saved(array)
    for samples in (Samples("fit", file), Samples("fit", file).split(0.5)[0]):
        assert np.shares_memory(samples.x.numpy(), file)
        assert samples.x.dtype == dtype
    batches = [x for x, _, _ in Samples("fit", file).batches(4)]
    assert all(np.shares_memory(x.numpy(), file) for x in batches)
    assert np.array_equal(np.concatenate([x.numpy() for x in batches]), array)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_mapped_data_trains_like_data_in_memory(
    dtype: str, saved: Callable[[Array], Array], rng: np.random.Generator
) -> None:
    x, y = rng.integers(0, 256, (9, 3)).astype(dtype), rng.normal(size=(9, 1)).astype("float32")
    model, other = network(), network()
    for each, data in ((model, (saved(x), saved(y))), (other, (x, y))):
        tl.utils.set_random_seed(1)
        each.fit(*data, batch_size=2, epochs=2, validation_split=0.3, verbose=0)
    assert model.history.history == other.history.history
    assert same(model.get_weights(), other.get_weights())
    assert model.evaluate(saved(x), saved(y), verbose=0) == other.evaluate(x, y, verbose=0)
    assert np.array_equal(model.predict(saved(x)), other.predict(x))


def bytes_in_memory(path: Path) -> int:
    """Return how much of a mapped file this process has read."""
    total, of_file = 0, False
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            of_file = line.endswith(str(path))
        elif of_file and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_only_the_batches_are_read(dtype: str, tmp_path: Path) -> None:
    path, rows, size = tmp_path / "images", 1024, 2**26
    with open(path, "wb") as file:
        file.truncate(size)  # zeros that take no space
    x = np.memmap(path, dtype, "r", shape=(rows, size // rows // np.dtype(dtype).itemsize))
    y = np.zeros((rows, 1), np.float32)
    model = network()
    for shuffle in (False, True):
        model.fit(x, y, batch_size=4, steps_per_epoch=2, shuffle=shuffle, verbose=0)
    assert 0 < bytes_in_memory(path) < size // 2
    assert model.predict(x[:4]).shape == (4, 1)
    for _ in Samples("fit", x).batches(rows // 2):  # the test can tell
        pass
    if dtype == "float32":  # whose numbers are checked
        assert bytes_in_memory(path) > size // 2


def with_nan(count: int, position: tuple[int, int]) -> Array:
    x = np.zeros((count, 3), np.float32)
    x[position] = np.nan
    return x


@pytest.mark.parametrize(("name", "row"), [("fit", 1), ("fit", 8), ("shuffled", 5), ("evaluate", 5), ("predict", 5)])
def test_number_that_is_not_finite_is_named_by_its_position(
    name: str, row: int, saved: Callable[[Array], Array], rng: np.random.Generator
) -> None:
    """The message is that of data in memory, and the weights are as before."""
    calls: dict[str, Callable[[Any, Any, Any], Any]] = {
        "fit": lambda model, x, y: model.fit(x, y, 2, shuffle=False, verbose=0, validation_split=0.2),
        "shuffled": lambda model, x, y: model.fit(x, y, 2, verbose=0),
        "evaluate": lambda model, x, y: model.evaluate(x, y, 2, verbose=0),
        "predict": lambda model, x, y: model.predict(x, 2),
    }
    x, y = with_nan(10, (row, 2)), rng.normal(size=(10, 1)).astype("float32")
    model = network()
    model.fit(np.ones_like(x), y, verbose=0)
    weights, taken = model.get_weights(), model.optimizer.iterations
    messages = []
    for data in (x, saved(x)):
        with pytest.raises(NonFiniteError) as error:
            calls[name](model, data, y)
        messages.append(str(error.value))
        assert same(model.get_weights(), weights)
        assert model.optimizer.iterations == taken
    who = "fit" if name == "shuffled" else name
    hint = "clean the data first"
    assert messages == [f"Sequential 'net'.{who} x: expected finite numbers, received nan at ({row}, 2); {hint}"] * 2


def test_targets_and_weights_in_files_are_checked(saved: Callable[[Array], Array]) -> None:
    x, y = np.ones((4, 3), np.float32), np.ones((4, 1), np.float32)
    wrong = np.array([1.0, 1.0, 1.0, np.inf], np.float32)
    with pytest.raises(NonFiniteError, match=r"fit y: expected finite numbers, received inf at \(3, 0\)"):
        network().fit(x, saved(wrong[:, None]), 2, verbose=0)
    with pytest.raises(NonFiniteError, match=r"fit sample_weight: expected finite numbers, received inf at \(3,\)"):
        network().fit(x, y, 2, sample_weight=saved(wrong), verbose=0)


def test_model_is_not_built_by_data_that_is_not_finite(saved: Callable[[Array], Array]) -> None:
    model = network()
    with pytest.raises(NonFiniteError):
        model.fit(saved(with_nan(4, (3, 0))), np.ones((4, 1)), 2, shuffle=False, verbose=0)
    assert not model.built
