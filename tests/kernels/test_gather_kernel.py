"""Rows that several threads copy are those that NumPy selects."""

from __future__ import annotations

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.backends.cpu import CPUBackend
from tensorlab.errors import IndexOutOfBoundsError

BACKEND = CPUBackend()
NUMBERS = np.random.default_rng(4)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "float32", "float64"])
@pytest.mark.parametrize(("rows", "shape"), [(70_000, ()), (900, (131,)), (40, (3, 1201)), (3, (40_001,))])
def test_gather(dtype: str, rows: int, shape: tuple[int, ...]) -> None:
    values = NUMBERS.integers(0, 2 if dtype == "bool" else 127, (rows, *shape)).astype(dtype)
    for count in (1, 2, rows, 3 * rows):
        indices = NUMBERS.integers(-rows, rows, count)
        assert np.array_equal(BACKEND.gather(values, indices), values[indices])
    reverse = np.arange(rows)[::-1]
    for array in (values, values[::2], np.asfortranarray(values)):
        chosen = reverse[: len(array)] % len(array)
        assert np.array_equal(BACKEND.gather(array, chosen), array[chosen])


@pytest.mark.parametrize("wrong", [300, -301, 2**62, -(2**63)])
def test_index_out_of_bounds(wrong: int) -> None:
    values, indices = np.ones((300, 300), np.float32), np.arange(300)
    indices[157] = wrong
    with pytest.raises(IndexOutOfBoundsError, match="gather: expected indices that fit, received "):
        BACKEND.gather(values, indices)


def test_bits_do_not_depend_on_the_number_of_threads() -> None:
    values, indices, threads = NUMBERS.random((500, 400)), NUMBERS.permutation(500), tl.get_num_threads()
    values[3, 5], values[4, 6] = np.nan, -0.0
    try:
        for count in (1, 3):
            tl.set_num_threads(count)
            assert BACKEND.gather(values, indices).tobytes() == values[indices].tobytes()
    finally:
        tl.set_num_threads(threads)
