"""The matrix product's kernels against NumPy in float64, for every layout, tile and epilogue."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from product_cases import EPILOGUES, LAYOUTS, address, assert_product, kernel, laid_out, product, random

from tensorlab.kernels.matmul.elements import chunk_columns
from tensorlab.kernels.matmul.tile_shape import TILES
from tensorlab.kernels.runtime import threads


@pytest.fixture
def pool() -> Iterator[int]:
    before = threads.get_num_threads()
    threads.set_num_threads(3)
    yield threads.pool()
    threads.set_num_threads(before)


sizes = st.integers(1, 70)


@settings(deadline=None, max_examples=300)
@given(sizes, sizes, sizes, st.sampled_from(LAYOUTS), st.sampled_from(LAYOUTS), st.sampled_from(["float32", "float64"]))
def test_any_shape_and_layout_matches_numpy(m, k, n, a_layout, b_layout, dtype):
    a, b = random(1, m, k, dtype), random(2, k, n, dtype)
    found, _ = product(kernel(dtype), laid_out(a, a_layout), laid_out(b, b_layout))
    assert_product(found, a, b)


@pytest.mark.parametrize("tile", TILES)
def test_every_tile_matches_numpy(tile):
    for m, k, n in [
        (1, 5, 3),
        (7, 9, 70),
        (8, 33, 32),
        (29, 64, 48),
        (50, 1, 10),
        (40, 21, 9),
        (64, 64, 64),
        (3, 0, 20),
        (37, 300, 10),
        (6, 261, 3),
        (1, 50, 70),
        (70, 37, 1),
        (35, 2100, 41),
        (9, 1025, 7),
        (1, 2049, 33),
    ]:
        for a_layout in LAYOUTS[:3]:
            for b_layout in LAYOUTS[:3]:
                a, b = random(3, m, k), random(4, k, n)
                found, _ = product(kernel("float32", tile=TILES[tile]), laid_out(a, a_layout), laid_out(b, b_layout))
                assert_product(found, a, b)


LARGE = [
    (600, 400, 300),
    (300, 1100, 50),
    (1031, 130, 17),
    (128, 512, 10),
    (512, 128, 10),
    (128, 10, 512),
    (40, 1030, 97),
    (1500, 64, 8),
]


VECTORS = [(1, 37, 2500), (1, 70, 9001), (1, 2500, 37), (2500, 37, 1), (37, 2500, 1), (1, 999, 1), (1, 8, 1024)]


@pytest.mark.parametrize("shape", [*LARGE, *VECTORS])
def test_threads_do_not_change_the_bits_of_large_products(shape, pool):
    m, k, n = shape
    a, b = random(5, m, k), random(6, k, n)
    for a_layout in LAYOUTS:
        for b_layout in LAYOUTS:
            operands = laid_out(a, a_layout), laid_out(b, b_layout)
            alone, _ = product(kernel("float32"), *operands)
            together, _ = product(kernel("float32"), *operands, pool=pool)
            assert_product(alone, a, b)
            np.testing.assert_array_equal(alone, together)


@given(st.integers(1, 300), st.sampled_from([8, 24, 32]), st.data())
def test_chunks_have_equally_many_panels(n, width, data):
    panels = -(-n // width)
    chunks = data.draw(st.integers(1, panels))
    bounds = [chunk_columns.py_func(chunk, chunks, n, width) for chunk in range(chunks)]
    assert [start for start, _ in bounds] == [0, *[end for _, end in bounds[:-1]]]
    assert bounds[-1][1] == n
    sizes = [-(-(end - start) // width) for start, end in bounds]
    assert max(sizes) - min(sizes) <= 1 <= min(sizes)


BROADCAST = [(slice(None), slice(None)), (slice(1), slice(None)), (slice(None), slice(1)), (slice(1), slice(1))]
SHAPES = [
    (17, 30, 50),
    (64, 20, 64),
    (21, 1100, 35),
    (1, 1030, 40),
    (1, 40, 100),
    (100, 40, 1),
    (90, 20, 10),
    (37, 150, 10),
    (1, 3, 5),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("epilogue", ["halved", "biased_relu", "gated"])
def test_epilogue_matches_numpy(epilogue, shape):
    m, k, n = shape
    function, count = EPILOGUES[epilogue]
    keep_product = epilogue != "halved"
    a, b, operands = random(9, m, k), random(10, k, n), [random(11 + i, m, n) for i in range(count)]
    matmul = kernel("float32", epilogue, keep_product)
    for shown in BROADCAST:
        for layout in LAYOUTS:
            views = [laid_out(x, layout)[y] for x, y in zip(operands, [shown, BROADCAST[1]], strict=False)]
            for right in (b, np.asfortranarray(b)):
                found, kept = product(matmul, np.asfortranarray(a), right, *views, keep_product=keep_product)
                total = a.astype(np.float64) @ b
                expected = np.vectorize(function)(total, *(np.broadcast_to(view, (m, n)) for view in views))
                np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-6 * math.sqrt(k))
                if keep_product:
                    assert_product(kept, a, b)


def test_product_is_kept_without_an_epilogue():
    a, b = random(12, 33, 20), random(13, 20, 64)
    found, kept = product(kernel("float32", "none", True), a, b, keep_product=True)
    assert_product(found, a, b)
    np.testing.assert_array_equal(found, kept)


def test_operand_may_share_memory_with_the_result():
    m, k, n = 21, 40, 45
    a, b, c = random(14, m, k), random(15, k, n), random(16, m, n)
    expected = np.maximum(a.astype(np.float64) @ b + c, 0)
    kept = np.empty_like(c)
    matmul = kernel("float32", "biased_relu", True)
    matmul(0, m, n, k, *map(address, (a, b, c, kept, c)))
    np.testing.assert_allclose(c, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64"])
def test_integers_wrap_around_as_in_numpy(dtype, pool):
    generator = np.random.default_rng(17)
    for m, k, n in [(1, 1, 1), (13, 40, 31), (100, 60, 50), (5, 0, 7)]:
        a, b = (generator.integers(0, 2**62, shape).astype(dtype) for shape in [(m, k), (k, n)])
        for layout in LAYOUTS:
            found, _ = product(kernel(dtype), laid_out(a, layout), laid_out(b, layout), pool=pool)
            np.testing.assert_array_equal(found, a @ b)


def test_integer_epilogue_matches_numpy():
    a, b, bias = (np.arange(count).reshape(shape) for count, shape in [(12, (3, 4)), (20, (4, 5)), (5, (1, 5))])
    found, kept = product(kernel("int64", "biased_relu", True), a - 6, b, bias, keep_product=True)
    np.testing.assert_array_equal(kept, (a - 6) @ b)
    np.testing.assert_array_equal(found, np.maximum((a - 6) @ b + bias, 0))


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_empty_operands(dtype):
    for m, k, n in [(0, 3, 4), (3, 4, 0), (0, 0, 0)]:
        product(kernel(dtype), np.ones((m, k), dtype), np.ones((k, n), dtype))
    for m, n in [(1, 1), (1, 200), (200, 1), (20, 30)]:
        found, _ = product(kernel(dtype), np.ones((m, 0), dtype), np.ones((0, n), dtype))
        np.testing.assert_array_equal(found, np.zeros((m, n), dtype))


def test_epilogue_of_an_empty_sum():
    a, b, bias = np.ones((9, 0), "f"), np.ones((0, 40), "f"), random(18, 1, 40)
    found, _ = product(kernel("float32", "biased_relu", True), a, b, bias, keep_product=True)
    np.testing.assert_array_equal(found, np.broadcast_to(np.maximum(bias, 0), (9, 40)))


@pytest.mark.parametrize("shape", [(19, 30, 45), (1, 30, 80), (80, 30, 1), (70, 30, 7), (70, 150, 7)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_nan_and_infinity_propagate_as_in_numpy(shape, layout):
    m, k, n = shape
    a, b = random(19, m, k), random(20, k, n)
    a[m // 2, k // 2] = np.nan
    b[k // 3, n // 3] = np.inf
    with np.errstate(invalid="ignore"):
        expected = a.astype(np.float64) @ b.astype(np.float64)
        found, _ = product(kernel("float32"), laid_out(a, layout), laid_out(b, layout))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
