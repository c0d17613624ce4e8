"""Fixtures of all tests. Random numbers differ in every run; a failure prints the seed that repeats them."""

from __future__ import annotations

import os
import runpy
import secrets
import signal
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

import tensorlab as tl

# Tests are for the sources, which kernels that were built into the checkout may not be made of.
os.environ.setdefault("TENSORLAB_SHIPPED", "0")

# Processes that tests start would otherwise compile byte code again, which is four fifths of the time of an import.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shell that starts tests in the background makes them ignore interrupts, and so the processes that they start.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests already run in as many processes as there are processors.
os.environ.setdefault("TENSORLAB_COMPILE_PROCESSES", "1")

GIVEN_SEED = os.environ.get("TENSORLAB_TEST_SEED")
SEED = int(GIVEN_SEED or secrets.randbits(32))
hypothesis.settings.register_profile("repeated", derandomize=True)
if GIVEN_SEED:
    hypothesis.settings.load_profile("repeated")


def seed_of(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Return a seed that depends on the run and the test, not on earlier tests."""
    return SEED, zlib.crc32(request.node.nodeid.encode())


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(seed_of(request))


@pytest.fixture(autouse=True)
def seeded(request: pytest.FixtureRequest) -> None:
    """Seed weights, shuffles and dropout, so that a failed run can be repeated."""
    run, test = seed_of(request)
    tl.random.set_seed(run << 31 ^ test)


@pytest.fixture
def reference() -> Iterator[None]:
    """Create tensors on the reference backend, which compiles nothing."""
    with tl.device("reference"):
        yield


@pytest.fixture
def plugins_restored() -> Iterator[None]:
    """Remove the plugins that a test registers."""
    before = tl.plugins.list()
    yield
    for record in tl.plugins.list():
        if record not in before:
            tl.plugins.unregister(record)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A folder in which a valid plugin is installed."""
    from plugin_environment import install
    from plugin_samples import SOUND

    install(tmp_path, "sound", SOUND)
    return tmp_path


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[Any, str, str]]:
    """Run a program of examples/ in this process, where a warning is an error; return its status, output and errors."""
    examples = Path(tl.__file__).parents[1] / "examples"

    def run(program: str, *arguments: Any) -> tuple[Any, str, str]:
        monkeypatch.syspath_prepend(str(examples))
        monkeypatch.setattr(sys, "argv", [f"{program}.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(examples / f"{program}.py"), run_name="__main__")
        return ended.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def mnist_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Simulate a machine without MNIST and without a network; return the cache folder, which does not exist yet."""
    from tensorlab.datasets import fetch, mnist

    monkeypatch.delenv("TENSORLAB_DATA_DIR", raising=False)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "user" / name))
    monkeypatch.setattr(mnist, "MIRRORS", ())
    return fetch.cache_folder("mnist")


@pytest.fixture
def small_mnist(mnist_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the checksums of the small data set."""
    from mnist_samples import SMALL_PARTS

    from tensorlab.datasets import _mnist_files

    monkeypatch.setattr(_mnist_files, "PARTS", SMALL_PARTS)


@pytest.fixture
def mnist_folder(tmp_path: Path, small_mnist: None) -> Path:
    """A folder with the four files of the small data set."""
    from mnist_samples import GZIPPED, fill

    return fill(tmp_path / "given", GZIPPED)


@pytest.fixture(scope="session")
def mnist() -> tuple[Any, Any, Any, Any]:
    """MNIST as `load_data` returns it: training images and labels, test images and labels, all read-only."""
    from tensorlab.datasets import mnist
    from tensorlab.errors import DatasetError

    try:
        (train_images, train_labels), (test_images, test_labels) = mnist.load_data(timeout=0)
    except DatasetError as error:
        pytest.skip(f"MNIST is not on this machine: {error}")
    for array in (train_images, train_labels, test_images, test_labels):
        array.flags.writeable = False
    return train_images, train_labels, test_images, test_labels


@pytest.fixture(scope="session")
def digits(mnist: tuple[Any, Any, Any, Any]) -> tuple[Any, Any, Any, Any]:
    """MNIST in the form of the book's networks: rows of 784 numbers from 0 to 1, and labels."""
    train_images, train_labels, test_images, test_labels = mnist
    rows = [images.reshape((len(images), 28 * 28)).astype("float32") / 255 for images in (train_images, test_images)]
    return rows[0], train_labels, rows[1], test_labels


LONG = (
    "test_cuda_compile.py",
    "test_cuda_simulator.py",
    "test_conformance.py",
    "test_plugin_distributions.py",
    "test_from_scratch.py",
    "test_first_look.py",
    "test_kernel_cache.py",
    "test_examples_chapter.py",
    "test_examples_train_mnist.py",
    "test_ops_standard.py",
    "test_cuda_device.py",
    "test_threads.py",
)
"""The slowest files, which start first: a worker takes whole files, and should not get one of these last."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    report = yield
    if report.failed:
        report.sections.append(("random numbers", f"repeat them with TENSORLAB_TEST_SEED={SEED}"))
    return report
