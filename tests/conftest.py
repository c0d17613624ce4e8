"""Fixtures of all tests: fresh random numbers in every run, which a failing run says how to repeat."""

from __future__ import annotations

import os
import secrets
import signal
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

# A shell that starts tests in the background has them ignore interrupts, and so the processes that tests start.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

SEED = int(os.environ.get("TENSORLAB_TEST_SEED") or secrets.randbits(32))


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers that depend on the run and on the test, not on the tests before it."""
    return np.random.default_rng([SEED, zlib.crc32(request.node.nodeid.encode())])


@pytest.fixture
def reference() -> Iterator[None]:
    """Tensors are made on the backend that compiles nothing."""
    import tensorlab as tl

    with tl.device("reference"):
        yield


@pytest.fixture(scope="session")
def mnist() -> tuple[Any, Any, Any, Any]:
    """MNIST as `load_data` gives it: training images and labels, test images and labels. Nobody may write into them."""
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
    """MNIST as the book's networks take it: rows of 784 numbers from 0 to 1, and labels."""
    train_images, train_labels, test_images, test_labels = mnist
    rows = [images.reshape((len(images), 28 * 28)).astype("float32") / 255 for images in (train_images, test_images)]
    return rows[0], train_labels, rows[1], test_labels


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    report = yield
    if report.failed and "rng" in getattr(item, "fixturenames", ()):
        report.sections.append(("random numbers", f"repeat them with TENSORLAB_TEST_SEED={SEED}"))
    return report
