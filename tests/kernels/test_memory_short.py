"""Kernels raise MemoryError if an allocation fails, and change nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from refused_memory import memory_refused

import tensorlab as tl
from tensorlab import devices
from tensorlab.windows import Windows

Array = np.ndarray[Any, Any]

LEAST = 1 << 10
"""Python itself makes smaller allocations."""


def _array(*shape: int) -> Array:
    return np.random.default_rng(5).standard_normal(shape).astype(np.float32)


A, FEW, WIDE, DEEP = _array(700, 300), _array(700, 5), _array(700, 200), _array(40, 1500)
SPARSE = np.where(np.arange(1500) % 4 == 0, _array(100, 1500), np.float32(0))

IMAGES, KERNEL = _array(2, 14, 14, 32), _array(3, 3, 32, 32)
WINDOWS = Windows((3, 3), padding=((1, 1), (1, 1)))
CPU = devices.backend("cpu")

WORK: dict[str, Callable[[], Any]] = {
    "transposed A": lambda: tl.asarray(A).T @ WIDE,
    "transposed B": lambda: tl.asarray(DEEP) @ DEEP.T,
    "few columns": lambda: tl.asarray(A.T.copy()) @ FEW,
    "few columns of a transposed A": lambda: tl.asarray(A).T @ FEW,
    "a deep product": lambda: tl.asarray(DEEP[:5]) @ _array(1500, 33),
    "a sparse product": lambda: tl.asarray(SPARSE) @ _array(1500, 150),
    "stacked": lambda: tl.asarray(np.stack([A.T, A.T])) @ np.stack([WIDE, WIDE]),
    "dense": lambda: tl.dense(A.T, WIDE, np.ones(200, np.float32), tl.relu),
    "sum of all": lambda: tl.sum(tl.asarray(_array(3000, 700))),
    "sum of columns": lambda: tl.sum(tl.asarray(_array(3000, 70)), axis=0),
    "mean of middle axis": lambda: tl.mean(tl.asarray(_array(3, 500, 50)), axis=1),
    "argmax": lambda: tl.argmax(tl.asarray(A), axis=0),
    "softmax": lambda: tl.softmax(tl.asarray(A)),
    "convolution": lambda: CPU.convolve(WINDOWS, IMAGES, KERNEL)[0],
    "its gradient of images": lambda: CPU.convolve_images(WINDOWS, IMAGES.shape, IMAGES, KERNEL),
    "its gradient of the kernel": lambda: CPU.convolve_weights(WINDOWS, IMAGES, IMAGES),
    "that of a large kernel": lambda: CPU.convolve_weights(WINDOWS, IMAGES[:1, :6, :6], IMAGES[:1, :6, :6]),
    "convolution with strides": lambda: CPU.convolve(Windows((3, 3), (2, 2)), IMAGES, KERNEL)[0],
    "cumulative": lambda: tl.cumulative_sum(tl.asarray(A), axis=1),
}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", WORK)
def test_every_failed_allocation_raises_memory_error(name: str, threads: int) -> None:
    before = tl.get_num_threads()
    tl.set_num_threads(threads)
    try:
        work = WORK[name]
        expected = np.asarray(work())  # also compiles
        refusals = 0
        for granted in range(100):
            with memory_refused(LEAST, granted) as words:
                try:
                    result: Any = work()
                except MemoryError:
                    result = None
            refused = words[3] < 0
            refusals += refused
            assert (result is None) == refused
            if not refused:
                break
        np.testing.assert_array_equal(np.asarray(work()), expected)
        assert refusals or name in ("argmax", "softmax", "cumulative")  # these allocate nothing
    finally:
        tl.set_num_threads(before)


def test_failed_product_leaves_the_variable_unchanged() -> None:
    weight = tl.Variable(A)
    with memory_refused(LEAST), pytest.raises(MemoryError):
        weight.assign(tl.asarray(A.T.copy()).T @ _array(300, 300))
    np.testing.assert_array_equal(np.asarray(weight), A)
