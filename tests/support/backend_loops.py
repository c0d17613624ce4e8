"""Checks of loops that every backend must pass: map, reduce, row-wise and scan."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
from any_layout import SHAPES, SPECIAL, Array, layouts, numbers, sizes, subsets
from backend_checks import (
    ABOVE,
    ADD,
    ANY,
    BLEND,
    CUBE,
    ITSELF,
    LARGER,
    MAX,
    NORM,
    PARTS,
    SUM,
    THREE,
    UNLIKE,
    call,
    check,
    fold,
    of,
    run,
)

from tensorlab.backends import Backend
from tensorlab.rules import Rowwise, Scan


def cut(backend: Backend, *shapes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return shapes whose loops are split into chunks; only two for the reference backend, which never splits."""
    return sizes(*(shapes[:2] if backend.name == "reference" else shapes))


# map


@check
def maps_every_layout(backend: Backend, rng: np.random.Generator) -> None:
    for shape in SHAPES:
        x, y = numbers(rng, shape), numbers(rng, shape)
        for one, two in zip(layouts(x).values(), reversed(layouts(y).values()), strict=True):
            (result,) = run(backend, BLEND, [one, two], "float64")
            np.testing.assert_allclose(result, 2 * x + np.tanh(y), rtol=1e-14, atol=1e-14)


@check
def maps_broadcast_inputs(backend: Backend, rng: np.random.Generator) -> None:
    shapes = [(3, 1, 4), (1,), (5, 1), (), (2, 3, 5, 4), (4,), (3, 5, 1)]
    for first, second in itertools.permutations(shapes, 2):
        x, y = numbers(rng, first), numbers(rng, second)
        (result,) = run(backend, BLEND, [x, y], "float64")
        np.testing.assert_allclose(result, 2 * x + np.tanh(y), rtol=1e-14, atol=1e-14)
    spread = np.broadcast_to(numbers(rng, (3, 1)), (3, 200))
    (result,) = run(backend, BLEND, [spread, spread[:, ::-2].repeat(2, 1)], "float64")
    np.testing.assert_allclose(result, 2 * spread + np.tanh(spread), rtol=1e-14)
    for shape in ((0, 4), (3, 0)):
        assert run(backend, BLEND, [np.zeros(shape), np.zeros((1, 1))], "float64")[0].size == 0


@check
def maps_more_than_one_chunk(backend: Backend, rng: np.random.Generator) -> None:
    for shape in cut(backend, (16_384,), (16_385,), (3, 16_383), (129, 257)):
        x, y = numbers(rng, shape), numbers(rng, (*shape[:-1], 1))
        for one in (x, layouts(x)["columns"], layouts(x)["every second"]):
            (result,) = run(backend, BLEND, [one, y], "float64")
            np.testing.assert_allclose(result, 2 * x + np.tanh(y), rtol=1e-14, atol=1e-14)


@check
def maps_to_several_outputs_of_different_dtypes(backend: Backend, rng: np.random.Generator) -> None:
    x, y = numbers(rng, (4, 1, 3), "int32"), numbers(rng, (5, 1), "float32")
    total, product, greater = run(backend, PARTS, [x, y], "float64", "float64", "float32", "bool")
    wide = x.astype(np.float64), y.astype(np.float64)
    np.testing.assert_array_equal(total, wide[0] + wide[1])
    np.testing.assert_array_equal(product, (wide[0] * wide[1]).astype(np.float32))
    np.testing.assert_array_equal(greater, wide[0] > wide[1])


@check
def maps_three_inputs(backend: Backend, rng: np.random.Generator) -> None:
    x, y, z = numbers(rng, (6, 1), "int64"), numbers(rng, (1, 7), "int64"), numbers(rng, (3, 6, 7), "int64")
    for layout in layouts(z).values():
        np.testing.assert_array_equal(run(backend, THREE, [x, y, layout], "int64")[0], x * y + z)


@check
def maps_integers_with_wraparound(backend: Backend, rng: np.random.Generator) -> None:
    large = rng.integers(np.iinfo(np.int64).min, np.iinfo(np.int64).max, 100)
    (wrapped,) = run(backend, THREE, [large, large, large], "int64")
    np.testing.assert_array_equal(wrapped, large * large + large)
    small = rng.integers(0, 256, 100).astype(np.uint8)
    np.testing.assert_array_equal(run(backend, CUBE, [small], "uint8")[0], small * small * small)
    (exact,) = run(backend, THREE, [np.array([2**53 + 1]), np.array([1]), np.array([0])], "int64")
    assert exact.tolist() == [2**53 + 1]


@check
def maps_special_values(backend: Backend, rng: np.random.Generator) -> None:
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(run(backend, CUBE, [SPECIAL], "float32")[0], SPECIAL * SPECIAL * SPECIAL)
        wide = SPECIAL.astype(np.float64)
        (result,) = run(backend, BLEND, [wide[:, None], wide], "float64")
        np.testing.assert_allclose(result, 2 * wide[:, None] + np.tanh(wide), rtol=1e-14)
    (unlike,) = run(backend, UNLIKE, [SPECIAL, SPECIAL], "float32")
    np.testing.assert_array_equal(unlike, SPECIAL != SPECIAL)
    (zeros,) = run(backend, CUBE, [np.array([-0.0, 0.0], np.float32)], "float32")
    assert np.signbit(zeros).tolist() == [True, False]


@call
def map_of_branches_and_functions(backend: Backend, rng: np.random.Generator) -> Iterator[Array]:
    def mixed(x):
        total = 0.0
        for power in range(3):
            total = total * x + math.exp(-power * x * x)
        if x < 0 and total > 0.5:
            return math.sqrt(-x) - total
        return math.log1p(x * x) + math.copysign(0.25, x)

    yield run(backend, of(mixed), [numbers(rng, (500,))], "float64")[0]


# reduce


@check
def reduces_over_every_set_of_axes(backend: Backend, rng: np.random.Generator) -> None:
    for shape in SHAPES:
        array = numbers(rng, shape)
        for name, layout in layouts(array).items():
            for axes in subsets(len(shape)):
                if array.size == 0 and len(shape) == 3 and name != "rows":
                    continue
                result = fold(backend, SUM, layout, axes, "float64", "float64")
                np.testing.assert_allclose(result, array.sum(axes), rtol=1e-12, atol=1e-12)


@check
def reduces_more_than_one_block(backend: Backend, rng: np.random.Generator) -> None:
    shapes = ((1023,), (1024,), (1025,), (63,), (64,), (129,), (70_001,), (300, 257), (257, 300), (5, 130, 66))
    for shape in cut(backend, *shapes):
        array = numbers(rng, shape)
        for layout in layouts(array).values():
            for axes in {(0,), (len(shape) - 1,), tuple(range(len(shape)))}:
                result = fold(backend, SUM, layout, axes, "float64", "float64")
                expected = np.apply_over_axes(np.sum, array, axes).reshape(result.shape)
                np.testing.assert_allclose(result, expected, rtol=1e-10, atol=1e-10)


@check
def reduces_with_an_element_and_a_result(backend: Backend, rng: np.random.Generator) -> None:
    array = numbers(rng, (7, 90), "float32")
    for axes in subsets(2):
        expected = np.sqrt(np.mean(array.astype(np.float64) ** 2, axes))
        np.testing.assert_allclose(fold(backend, NORM, array, axes, "float32", "float32"), expected, rtol=1e-6)


@check
def reduces_empty_axes_to_the_initial_value(backend: Backend, rng: np.random.Generator) -> None:
    for shape, axes in (((0,), (0,)), ((3, 0), (1,)), ((0, 2), (0, 1)), ((2, 0, 4), (1, 2))):
        result = fold(backend, SUM, np.zeros(shape), axes, "float64", "float64")
        np.testing.assert_array_equal(result, np.zeros(shape).sum(axes))
        assert np.isnan(fold(backend, NORM, np.zeros(shape, np.float32), axes, "float32", "float32")).all()
    assert fold(backend, MAX, np.zeros((0, 3), np.float32), (1,), "float32", "float32").shape == (0,)


@check
def reduces_special_values(backend: Backend, rng: np.random.Generator) -> None:
    for count in (9, 200, 3000):
        array = numbers(rng, (2, count), "float32")
        np.testing.assert_array_equal(fold(backend, MAX, array, (1,), "float32", "float32"), array.max(1))
        array[1, rng.integers(count)] = np.nan
        array[0, rng.integers(count)] = np.inf
        result = fold(backend, MAX, array, (1,), "float32", "float32")
        np.testing.assert_array_equal(result, [np.inf, np.nan])
        np.testing.assert_array_equal(fold(backend, MAX, array.T, (0,), "float32", "float32"), result)
        assert fold(backend, SUM, np.full(count, -np.inf), (0,), "float64", "float64") == -np.inf
    both = np.array([[np.inf, -np.inf, 1.0]])
    assert np.isnan(fold(backend, SUM, both, (1,), "float64", "float64")).all()


@check
def reduces_in_another_dtype(backend: Backend, rng: np.random.Generator) -> None:
    array = rng.integers(0, 256, (33, 100)).astype(np.uint8)
    for axes in subsets(2):
        result = fold(backend, SUM, array, axes, "uint64", "uint64")
        np.testing.assert_array_equal(result, array.astype(np.uint64).sum(axes))
    flags = rng.random((40, 5)) < 0.03
    for layout in layouts(flags).values():
        result = fold(backend, ANY, layout, (0,), "bool", "bool")
        np.testing.assert_array_equal(result, flags.any(0))
    array = numbers(rng, (6, 77), "float32") - 1.0
    np.testing.assert_array_equal(fold(backend, ABOVE, array, (1,), "float32", "bool"), (array > 1).any(1))


# rowwise

SHARES = Rowwise("shares", ((ADD, of(lambda x, y: x * y)),), of(lambda kept, x, y, total: kept / total - y))
CENTRED = Rowwise(
    "centred",
    ((LARGER, ITSELF), (ADD, of(lambda x, largest: math.exp(x - largest)))),
    of(lambda kept, x, largest, total: x - largest - math.log(total)),
)


@check
def rowwise_reduces_each_row(backend: Backend, rng: np.random.Generator) -> None:
    for shape in sizes((1,), (7,), (64,), (3, 65), (2, 3, 129), (400, 3), (2, 1, 2, 1, 5), (0, 3), (3, 0), (2, 20_000)):
        x, y = numbers(rng, shape), np.abs(numbers(rng, shape)) + 0.5
        weight = x * y
        total = weight.sum(-1, keepdims=True)
        share = weight / total
        # the rounding error of a sum with mixed signs is relative to its terms, not to the sum
        rounding = 1e-12 * (np.abs(share) * np.abs(share).sum(-1, keepdims=True) + y)
        for one, two in zip(layouts(x).values(), reversed(layouts(y).values()), strict=True):
            buffers = [backend.from_host(one), backend.from_host(two)]
            result = backend.to_host(backend.rowwise(SHARES, buffers))
            assert (result.shape, result.dtype) == (shape, np.float64)
            assert (np.abs(result - (share - y)) <= rounding).all()


@check
def rowwise_passes_totals_to_later_reductions(backend: Backend, rng: np.random.Generator) -> None:
    x = 100.0 * numbers(rng, (5, 130))
    largest = x.max(-1, keepdims=True)
    expected = x - largest - np.log(np.exp(x - largest).sum(-1, keepdims=True))
    np.testing.assert_allclose(
        backend.to_host(backend.rowwise(CENTRED, [backend.from_host(x)])), expected, rtol=1e-13, atol=1e-13
    )
    x[2, 7], x[3, 5] = np.nan, -np.inf
    result = backend.to_host(backend.rowwise(CENTRED, [backend.from_host(x)]))
    assert np.isnan(result[2]).all()
    assert result[3, 5] == -np.inf
    np.testing.assert_allclose(result[[0, 1, 4]], expected[[0, 1, 4]], rtol=1e-13, atol=1e-13)


# scan


def _two_largest(first: float, second: float, x: float) -> tuple[float, float]:
    if x > first:
        return x, first
    return first, x if x > second else second


DECAYED = Scan("decayed", of(lambda y, x, rate: rate * y + x), ITSELF, (0,))
BEST_TWO = Scan("best two", of(_two_largest), of(lambda first, second: second), (0, 0))


@check
def scans_each_row(backend: Backend, rng: np.random.Generator) -> None:
    for shape in sizes((1,), (7,), (3, 65), (2, 3, 129), (400, 3), (2, 1, 2, 1, 5), (0, 3), (3, 0), (2, 20_000)):
        x, rate = numbers(rng, shape, "float32"), rng.random(shape)
        expected = np.zeros(shape)
        for column in range(shape[-1]):
            before = expected[..., column - 1] if column else 0.0
            expected[..., column] = rate[..., column] * before + x[..., column]
        for one, two in zip(layouts(x).values(), reversed(layouts(rate).values()), strict=True):
            buffers = [backend.from_host(one), backend.from_host(two)]
            result = backend.to_host(backend.scan(DECAYED, buffers, np.dtype("float64"), np.dtype("float32")))
            assert (result.shape, result.dtype) == (shape, np.float32)
            np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-6)


@check
def scans_carry_several_values(backend: Backend, rng: np.random.Generator) -> None:
    x = rng.integers(1, 1000, (4, 50))
    result = backend.to_host(backend.scan(BEST_TWO, [backend.from_host(x)], x.dtype, x.dtype))
    expected = [[sorted([0, *row[: k + 1]])[-2] for k in range(50)] for row in x.tolist()]
    np.testing.assert_array_equal(result, expected)
