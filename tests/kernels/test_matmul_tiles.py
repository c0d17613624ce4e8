"""Register tiles: which one is selected, and the rounding errors of products with each tile of this processor."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from product_cases import kernel, laid_out, product

import tensorlab as tl
from tensorlab import devices
from tensorlab.errors import ArgumentError
from tensorlab.kernels.matmul import products, rounding
from tensorlab.kernels.matmul.rounding import BOUND, CHAIN, DEPTH
from tensorlab.kernels.matmul.tile_shape import TILES, VARIABLE, host_tile, host_tiles

Array = np.ndarray[Any, Any]


@pytest.fixture(params=host_tiles())
def tile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Compute products of the device "cpu" with each tile that the processor supports."""
    monkeypatch.setenv(VARIABLE, request.param)
    monkeypatch.setattr(devices.backend("cpu"), "_kernels", {})
    host_tile.cache_clear()
    yield request.param
    host_tile.cache_clear()


def exact(a: Array, b: Array) -> Array:
    """Return the product in a wider type than that of the operands, with NumPy's pairwise sums."""
    if a.dtype == np.float32:
        return np.asarray(a.astype(np.float64) @ b.astype(np.float64))
    wide, columns = a.astype(np.longdouble), np.ascontiguousarray(b.T, np.longdouble)
    return np.array([[np.sum(row * column) for column in columns] for row in wide])


def rounding_of(found: Any, a: Array, b: Array) -> float:
    """Return the largest error of a product, in units of ``eps * |a| |b|``."""
    error = np.abs(np.asarray(found, np.longdouble) - exact(a, b))
    return float(np.max(error / exact(np.abs(a), np.abs(b)))) / float(np.finfo(a.dtype).eps)


# The code paths of the planner: tiles, one row, and few columns, and each of them transposed.
LONG = [(1, 1_000_003, 1), (3, 100_001, 1), (1, 100_001, 3), (5, 100_001, 3), (1, 20_001, 40), (20, 5_001, 40)]
SHORT = [(1, CHAIN + 1, 70), (9, DEPTH + 1, 20), (5, 20 * CHAIN + 7, 3), (3, 3 * DEPTH + 5, 1), (2, 17 * DEPTH, 2)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_error_of_equal_terms_does_not_grow_with_their_number(tile: str, dtype: str) -> None:
    matmul = kernel(dtype, tile=TILES[tile])
    for m, k, n in LONG:
        for value in (0.1, 0.3) if m * n == 1 else (0.1,):
            a, b = np.full((m, k), value, dtype), np.full((k, n), value, dtype)
            for left in (a, np.asfortranarray(a)):
                for right in (b, np.asfortranarray(b)):
                    found, _ = product(matmul, left, right)
                    assert rounding_of(found, a, b) < 10  # sequential summation: 1,000 to 100,000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_error_is_within_the_bound(tile: str, dtype: str, rng: np.random.Generator) -> None:
    matmul = kernel(dtype, tile=TILES[tile])
    for m, k, n in SHORT:
        a = (10.0 ** rng.uniform(-6, 6, (m, k)) * rng.choice([-1, 1], (m, k))).astype(dtype)
        b = rng.standard_normal((k, n)).astype(dtype)
        for layout in ("rows", "columns", "every second"):
            found, _ = product(matmul, laid_out(a, layout), laid_out(b, layout))
            assert rounding_of(found, a, b) < BOUND


OPERATIONS: dict[str, Callable[[Array], Any]] = {
    "vecdot": lambda a: tl.vecdot(a, a),
    "matmul": lambda a: tl.matmul(a, a),
    "dot": lambda a: tl.dot(a, a),
    "tensordot": lambda a: tl.tensordot(a, a, axes=1),
    "row": lambda a: tl.matmul(a[None], a[:, None]),
    "transposed": lambda a: tl.matmul(np.stack([a, a], 1).T, a),
    "stacked": lambda a: tl.matmul(np.stack([a, a])[:, None], a[None, :, None]),
    "dense": lambda a: tl.dense(a[None], np.stack([a, a, a], 1), tl.zeros(3, dtype=a.dtype)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_on_long_vectors_have_small_rounding_errors(tile: str, name: str) -> None:
    a = np.full(1_000_003, 0.1, np.float32)
    expected = float(np.sum(np.square(a.astype(np.float64))))
    np.testing.assert_allclose(np.asarray(OPERATIONS[name](a)), expected, rtol=1e-6)


@pytest.mark.parametrize("shape", LONG[2:])
def test_infinity_and_nan_propagate_through_long_sums(tile: str, shape: tuple[int, int, int]) -> None:
    m, k, n = shape
    matmul = kernel("float32", tile=TILES[tile])
    for place in (3, k // 2, k - 1):
        a, b = np.ones((m, k), np.float32), np.ones((k, n), np.float32)
        a[-1, place] = np.inf
        found, _ = product(matmul, a, b)
        assert (found[-1] == np.inf).all()
        a[-1, place - 1] = -np.inf
        found, _ = product(matmul, a, b)
        assert np.isnan(found[-1]).all()
        assert (found[:-1] == k).all()


def test_overflow_gives_infinity(tile: str) -> None:
    a = np.full((1, 5 * DEPTH), 3e38, np.float32)
    found, _ = product(kernel("float32", tile=TILES[tile]), a, np.ones((5 * DEPTH, 1), np.float32))
    assert found == np.inf


@pytest.mark.parametrize(("features", "name"), [("+avx512f,+avx2,+fma", "avx512"), ("+avx2,+fma,-avx512f", "avx2")])
def test_tile_depends_on_the_target_processor(monkeypatch: pytest.MonkeyPatch, features: str, name: str) -> None:
    monkeypatch.setenv("NUMBA_CPU_FEATURES", features)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert host_tile.__wrapped__() == TILES[name]


def test_environment_variable_selects_the_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CPU_FEATURES", "+avx2,+fma")
    for name in ("avx2", "generic"):
        monkeypatch.setenv(VARIABLE, name)
        assert host_tile.__wrapped__() == TILES[name]
    for name in ("avx512", "wide"):
        monkeypatch.setenv(VARIABLE, name)
        message = rf"^TENSORLAB_TILE: expected a register tile of this processor: avx2, .*generic, received '{name}'$"
        with pytest.raises(ArgumentError, match=message):
            host_tile.__wrapped__()


def test_each_tile_has_its_own_kernels(tile: str) -> None:
    assert products.tasks("float32") is products.tasks("float32", TILES[tile])
    others = [products.tasks("float32", TILES[name]).address for name in host_tiles() if name != tile]
    assert products.tasks("float32").address not in others


NEEDED = {
    (40, 40, 40): ["pack", "block"],
    (1, 40, 40): ["row"],
    (40, 400, 1): ["dots"],
    (40, 40, 3): ["pack", "block"],
    (200, 150, 150): ["pack", "block", "mask", "sparse"],
}
"""For m, k, n the tasks that a first product needs."""


@pytest.mark.parametrize("shape", NEEDED, ids=str)
def test_tasks_are_compiled_at_first_use(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, shape: tuple[int, int, int]
) -> None:
    find, compiled = products.library.find, []

    def recorded(maker: str, arguments: tuple[Any, ...] = (), *others: Any) -> Any:
        compiled.extend(arguments[:1] if maker.endswith("task_kernel") else ())
        return find(maker, arguments, *others)

    monkeypatch.setattr(products.library, "find", recorded)
    monkeypatch.setattr(products, "_tasks", products.Tasks)  # a new table, without tasks
    monkeypatch.setattr(devices.backend("cpu"), "_kernels", {})
    m, k, n = shape
    a, b = rng.integers(-9, 9, (m, k)).astype(np.float32), rng.integers(-9, 9, (k, n)).astype(np.float32)
    for _ in range(2):
        np.testing.assert_array_equal(tl.matmul(a, b).numpy(), a @ b)
        assert compiled == NEEDED[shape]


def test_bound_follows_from_the_levels_of_summation() -> None:
    additions = CHAIN + DEPTH // CHAIN + 4 + 1  # a chain, the chains of a block, the lanes, the remainder
    assert additions / 2 < BOUND
    assert "BOUND * eps" in (inspect.getdoc(rounding) or "")
