"""What kernels do with memory that another thread writes into meanwhile: any value of it, but nothing outside of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

import tensorlab as tl

COUNT = 1 << 17


@pytest.fixture(params=[(0.0, 1.0), (0.0, np.nan)], ids=["ones", "nan"])
def changing(request: pytest.FixtureRequest) -> Iterator[np.ndarray]:
    """An array that is all the one or all the other value, by turns, until the test is done."""
    array, stop = np.zeros(COUNT, np.float32), threading.Event()

    def write() -> None:
        while not stop.is_set():
            for value in request.param:
                array.fill(value)

    for find in (tl.argmax, tl.argmin):
        find(tl.asarray(array))  # compiled before a thread takes half of the time
    thread = threading.Thread(target=write)
    thread.start()
    yield array
    stop.set()
    thread.join()


@pytest.mark.parametrize("shape", [(COUNT,), (64, COUNT // 64)])
def test_a_search_ends_with_its_array(changing: np.ndarray, shape: tuple[int, ...]) -> None:
    tensor = tl.asarray(changing.reshape(shape))
    for _ in range(300):
        for find in (tl.argmax, tl.argmin):
            places = np.asarray(find(tensor, axis=-1))
            assert ((places >= 0) & (places < shape[-1])).all()
