"""Matrix products read no memory behind their operands, although they read whole vectors."""

from __future__ import annotations

import ctypes
import itertools
import mmap
import sys

import numpy as np
import pytest
from product_cases import assert_product, kernel, product, random

from tensorlab.kernels.matmul.tile_shape import TILES, host_tiles

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs mprotect")
NO_ACCESS = 0


def before_guard(matrix: np.ndarray, order: str) -> np.ndarray:
    """Return a copy that ends where a page without access begins."""
    room = -(-matrix.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(-1, room + mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + room), mmap.PAGESIZE, NO_ACCESS) == 0
    flat = np.frombuffer(memory, matrix.dtype, matrix.size, room - matrix.nbytes)
    copy = flat.reshape(matrix.shape, order=order)
    copy[...] = matrix
    return copy


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("tile", host_tiles())
def test_products_read_nothing_behind_their_operands(tile: str, dtype: str) -> None:
    matmul = kernel(dtype, tile=TILES[tile])
    for m, k, n in itertools.product((3, 9, 20), (1, 5, 10, 33), (1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 31, 33)):
        a, b = random(21, m, k, dtype), random(22, k, n, dtype)
        for a_order, b_order in itertools.product("CF", repeat=2):
            found, _ = product(matmul, before_guard(a, a_order), before_guard(b, b_order))
            assert_product(found, a, b)
