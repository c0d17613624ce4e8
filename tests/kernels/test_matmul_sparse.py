"""Products that skip the zeros of A have the bits of dense products, and skip exactly the steps that are zero."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from product_cases import EPILOGUES, Operands, address, assert_product, kernel, laid_out, product, random, whole

import tensorlab as tl
from tensorlab import devices
from tensorlab.errors import ArgumentError
from tensorlab.kernels.matmul.job import SPARSE, Table
from tensorlab.kernels.matmul.products import VARIABLE, tasks
from tensorlab.kernels.matmul.rounding import CHAIN, DEPTH
from tensorlab.kernels.matmul.sparse import nonzero_steps
from tensorlab.kernels.matmul.tile_shape import TILES, Tile, host_tile, host_tiles
from tensorlab.kernels.runtime import threads
from tensorlab.kernels.runtime.compiler import kernel as compile_kernel
from tensorlab.kernels.runtime.records import record_at

Array = np.ndarray[Any, Any]
Make = Callable[..., tuple[Any, Any]]
TILES_AND_DTYPES = [*[(name, "float32") for name in host_tiles()], (host_tiles()[0], "float64")]


@pytest.fixture(params=[1, 2, 3])
def pool(request: pytest.FixtureRequest) -> Iterator[int]:
    before = threads.get_num_threads()
    threads.set_num_threads(request.param)
    yield threads.pool()
    threads.set_num_threads(before)


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return the same product twice, one that never skips and one that always does."""

    def make(dtype: str, **options: Any) -> tuple[Any, Any]:
        made = []
        for value in ("0", "always"):
            monkeypatch.setenv(VARIABLE, value)
            made.append(kernel(dtype, **options))
        return made[0], made[1]

    return make


def bits(x: Array) -> Array:
    return x.view(f"u{x.itemsize}")


def with_zeros(rng: np.random.Generator, x: Array, density: float) -> Array:
    """Return an array with zeros of both signs: single ones, and whole rows and columns."""
    m, n = x.shape
    nonzero = rng.random(x.shape) < density
    nonzero &= rng.random((m, 1)) < np.sqrt(density)
    nonzero &= rng.random(n) < np.sqrt(density)
    return np.where(nonzero, x, np.copysign(np.zeros_like(x), x))


SHAPES = [(1, 5, 40), (8, 64, 64), (37, CHAIN + 1, 70), (50, 300, 33), (25, DEPTH + 70, 90), (100, 37, 48)]


@pytest.mark.parametrize(("tile", "dtype"), TILES_AND_DTYPES)
def test_bits_are_those_of_the_dense_product(both: Make, rng: np.random.Generator, tile: str, dtype: str) -> None:
    dense, sparse = both(dtype, tile=TILES[tile])
    for m, k, n in SHAPES:
        for density in (0.0, 0.01, *rng.random(2), 1.0):
            a, b = with_zeros(rng, random(1, m, k, dtype), density), random(2, k, n, dtype)
            for a_layout in ("rows", "columns", "slice", "every second"):
                for b_layout in ("rows", "columns", "slice"):
                    operands = laid_out(a, a_layout), laid_out(b, b_layout)
                    found, _ = product(sparse, *operands)
                    assert_product(found, a, b)
                    np.testing.assert_array_equal(bits(found), bits(product(dense, *operands)[0]))


@pytest.mark.parametrize("epilogue", ["halved", "biased_relu", "gated"])
def test_epilogues_have_the_same_bits(both: Make, rng: np.random.Generator, epilogue: str) -> None:
    keep = epilogue != "halved"
    dense, sparse = both("float32", epilogue=epilogue, keep_product=keep)
    for m, k, n in [(17, 30, 50), (64, 20, 64), (21, DEPTH + 76, 70)]:
        a, b = with_zeros(rng, random(3, m, k), 0.2), random(4, k, n)
        operands = [random(5, m, n), random(6, 1, n)][: EPILOGUES[epilogue][1]]
        for left in (a, np.asfortranarray(a)):
            expected = product(dense, left, b, *operands, keep_product=keep)
            for one, two in zip(product(sparse, left, b, *operands, keep_product=keep), expected, strict=True):
                np.testing.assert_array_equal(bits(one), bits(two))


def test_threads_and_density_do_not_change_the_bits(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, pool: int
) -> None:
    for m, k, n in [(600, 130, 70), (130, 600, 97), (40, 2 * DEPTH + 9, 96)]:
        for density in (0.1, 0.9):
            a, b = with_zeros(rng, random(7, m, k), density), random(8, k, n)
            for left in (a, np.asfortranarray(a)):
                found = []
                for value in ("0", "1", "always"):
                    monkeypatch.setenv(VARIABLE, value)
                    found.append(bits(product(kernel("float32"), left, b, pool=pool)[0]))
                np.testing.assert_array_equal(found[1], found[0])
                np.testing.assert_array_equal(found[2], found[0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_value_of_b_that_is_not_finite_is_multiplied_by_zero(
    both: Make, rng: np.random.Generator, value: float
) -> None:
    dense, sparse = both("float32")
    for m, k, n in [(20, 100, 70), (9, DEPTH + 50, 40)]:
        a, b = with_zeros(rng, random(9, m, k), 0.3), random(10, k, n)
        for step in (0, k // 2, k - 1):
            a[:, step] = 0  # in an otherwise dense A no tile would visit this step
            wrong = b.copy()
            wrong[step, n // 3] = value
            for left in (a, np.asfortranarray(a)):
                for right in (wrong, np.asfortranarray(wrong)):
                    found, _ = product(sparse, left, right)
                    assert np.isnan(found[:, n // 3]).all()
                    assert np.isfinite(np.delete(found, n // 3, axis=1)).all()
                    np.testing.assert_array_equal(bits(found), bits(product(dense, left, right)[0]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_products_with_special_values(both: Make, rng: np.random.Generator, dtype: str) -> None:
    dense, sparse = both(dtype)
    special = [np.nan, np.inf, -np.inf, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max]
    for _ in range(100):
        m, n = rng.integers(1, 60, 2)
        k = rng.integers(1, 2 * DEPTH if rng.random() < 0.2 else 200)
        a, b = (random(int(rng.integers(1000)), *shape, dtype) for shape in ((m, k), (k, n)))
        scale = 10.0 ** rng.uniform(-25, 0)  # products of float32 may be rounded to zero
        a, b = (with_zeros(rng, a, rng.random()) * scale).astype(dtype), (b * scale).astype(dtype)
        for x in (a, b):
            if rng.random() < 0.3:
                x[rng.integers(len(x)), rng.integers(x.shape[1])] = rng.choice(special)
        left, right = (laid_out(x, rng.choice(["rows", "columns"])) for x in (a, b))
        with np.errstate(all="ignore"):
            one, two = product(sparse, left, right)[0], product(dense, left, right)[0]
        np.testing.assert_array_equal(np.isnan(one), np.isnan(two))
        # the sign of a NaN that is the sum of two is open
        number = ~np.isnan(two)
        np.testing.assert_array_equal(bits(one[number]), bits(two[number]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e-45, -1e-45, -0.0])
def test_special_values_of_a(both: Make, rng: np.random.Generator, value: float) -> None:
    dense, sparse = both("float32")
    a, b = with_zeros(rng, random(11, 30, 150), 0.1), random(12, 150, 70)
    for step in (0, 70, 149):
        a[:, step] = 0
        a[rng.integers(30), step] = value
        b[step] = np.float32(1e30)
    with np.errstate(invalid="ignore"):
        expected = a.astype(np.float64) @ b
    for left in (a, np.asfortranarray(a)):
        found, _ = product(sparse, left, b)
        np.testing.assert_array_equal(bits(found), bits(product(dense, left, b)[0]))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_sum_that_is_rounded_to_zero_is_positive(both: Make) -> None:
    # A single product of -1e-60 is rounded to -0 in a chain, and steps that are skipped would add +0 to it.
    for k in (1, 5, CHAIN + 1, 3 * CHAIN):
        for step in {0, k // 2, k - 1}:
            a, b = np.zeros((9, k), np.float32), np.ones((k, 64), np.float32)
            a[:, step], b[step] = 1e-30, -1e-30
            for matmul in both("float32"):
                found, _ = product(matmul, a, b)
                np.testing.assert_array_equal(bits(found), 0)


@compile_kernel
def masking():
    """Return a kernel that returns the address of the non-zero steps of a matrix, or 0."""

    def masking(pool, table, m, k, operands):
        return nonzero_steps(pool, record_at(table, Table), m, 512, k, whole(record_at(operands, Operands).a))

    return masking, "int64(int64, int64, int64, int64, int64)"


def steps_of(a: Array, tile: Tile, pool: int = 0) -> list[list[int]] | None:
    """Return the non-zero steps of each tile, or None if none are to be skipped."""
    m, k = a.shape
    words = np.array([address(a)] * 6, np.int64)
    table = tasks(str(a.dtype), tile)
    table.compile(SPARSE)
    masks = masking()(pool, table.address, m, k, words.ctypes.data)
    if masks == 0:
        return None
    chains, tiles = -(-k // CHAIN), -(-m // tile.sparse_rows)
    found = np.frombuffer(ctypes.string_at(masks, tiles * chains * 8), np.uint8).reshape(tiles, -1)
    ctypes.pythonapi.PyMem_RawFree(ctypes.c_void_p(masks))
    return [np.flatnonzero(np.unpackbits(row, bitorder="little")).tolist() for row in found]


@pytest.mark.parametrize(("tile", "dtype"), TILES_AND_DTYPES)
def test_steps_that_are_not_zero_are_found(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, pool: int, tile: str, dtype: str
) -> None:
    monkeypatch.setenv(VARIABLE, "always")
    height = TILES[tile].sparse_rows
    for m, k in [(1, 1), (height, CHAIN), (3 * height + 1, 2 * DEPTH + 5), (200, 150)]:
        for density in (0.0, rng.random(), 1.0):
            a = with_zeros(rng, random(13, m, k, dtype), density)
            nonzero = [np.flatnonzero(a[i : i + height].any(axis=0)).tolist() for i in range(0, m, height)]
            for layout in ("rows", "columns", "slice"):
                assert steps_of(laid_out(a, layout), TILES[tile], pool) == nonzero
            assert steps_of(laid_out(a, "every second"), TILES[tile], pool) is None or m == k == 1


def test_density_decides_whether_steps_are_skipped(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    tile = host_tile()
    a = random(14, 128, 784)
    assert steps_of(a, tile) is None
    assert steps_of(np.maximum(a, 0), tile) is None  # few zeros are common to all rows of a tile
    unlit = rng.random(784) < 0.5
    for left in (np.where(unlit, 0, a), np.asfortranarray(np.where(unlit, 0, a))):
        found = steps_of(left, tile)
        assert found is not None
        assert found[0] == np.flatnonzero(~unlit).tolist()


def test_density_that_the_samples_overestimate_is_found_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    a = random(15, 64 * host_tile().sparse_rows, 700)
    for sample in range(64):  # the sampled steps of `sparse._is_promising`
        tile = slice(sample * host_tile().sparse_rows, (sample + 1) * host_tile().sparse_rows)
        a[tile, (sample * 40503 & 0xFFFF) * 700 >> 16] = 0
    assert steps_of(a, host_tile()) is None


def test_unknown_value_of_the_variable_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "often")
    with pytest.raises(ArgumentError, match=r"^TENSORLAB_SPARSE: expected one of 0, 1, always, received 'often'$"):
        tasks("float32")


def test_training_has_the_same_bits(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    lit = np.linspace(0, 0.6, 784)  # as in images, some pixels are never lit and some often
    x = np.where(rng.random((300, 784)) < lit, rng.random((300, 784)), 0).astype(np.float32)
    y = rng.integers(0, 10, 300)
    results = []
    for value in ("0", "1", "always"):
        monkeypatch.setenv(VARIABLE, value)
        monkeypatch.setattr(devices.backend("cpu"), "_kernels", {})
        tl.random.set_seed(3)
        model = tl.Sequential([tl.layers.Dense(96, activation="relu"), tl.layers.Dense(10, activation="softmax")])
        model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(x, y, epochs=2, batch_size=128, verbose=0)
        results.append((history.history["loss"], [np.asarray(w).copy() for w in model.get_weights()]))
    for losses, weights in results[1:]:
        assert losses == results[0][0]
        for one, two in zip(weights, results[0][1], strict=True):
            np.testing.assert_array_equal(bits(one), bits(two))
