"""Kernels that read memory while another thread writes it return any of the values, but never read out of bounds."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

import tensorlab as tl

COUNT = 1 << 17


@pytest.fixture(params=[(0.0, 1.0), (0.0, np.nan)], ids=["ones", "nan"])
def changing(request: pytest.FixtureRequest) -> Iterator[np.ndarray]:
    """An array that a thread fills with one value and the other in turn, until the test ends."""
    array, stop = np.zeros(COUNT, np.float32), threading.Event()

    def write() -> None:
        while not stop.is_set():
            for value in request.param:
                array.fill(value)

    for find in (tl.argmax, tl.argmin):
        find(tl.asarray(array))  # compile before the thread runs
    thread = threading.Thread(target=write)
    thread.start()
    yield array
    stop.set()
    thread.join()


@pytest.mark.parametrize("shape", [(COUNT,), (64, COUNT // 64)])
def test_arg_reductions_stay_in_bounds_of_a_changing_array(changing: np.ndarray, shape: tuple[int, ...]) -> None:
    tensor = tl.asarray(changing.reshape(shape))
    for _ in range(300):
        for find in (tl.argmax, tl.argmin):
            places = np.asarray(find(tensor, axis=-1))
            assert ((places >= 0) & (places < shape[-1])).all()
