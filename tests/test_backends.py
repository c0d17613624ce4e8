"""What every backend does: one table of checks against NumPy in float64, and one of calls on which backends agree.

The tests of another backend import `CHECKS`, `CALLS` and `compare` and run them on theirs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorlab.backends import Backend, CPUBackend, ReferenceBackend
from tensorlab.rules import Reduction, Rowwise, Scan
from tensorlab.scalars import ScalarFunction

Array = np.ndarray[Any, Any]
Check = Callable[[Backend, np.random.Generator], None]
Call = Callable[[Backend, np.random.Generator], Iterator[Array]]

CHECKS: dict[str, Check] = {}
"""Each takes a backend and random numbers, and asserts."""

CALLS: dict[str, Call] = {}
"""Each takes a backend and random numbers, and yields results that every backend gives to within rounding."""

SHAPES: tuple[tuple[int, ...], ...] = (
    *((), (1,), (7,), (65,), (3, 5), (1, 9), (9, 1), (2, 3, 4), (5, 1, 3), (2, 1, 3, 2), (2, 2, 1, 3, 2)),
    *((0,), (0, 4), (4, 0, 3)),
)
"""Odd ones, of rank 0 to 5, with lengths of 0 and 1."""

SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.5, 1e-30, 3e38], np.float32)


LARGEST = 1 << 40
"""The most elements of an array, or multiplications of a product; the tests of a slow backend set a smaller number."""


def sizes(*shapes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Those of the shapes that are small enough."""
    return [shape for shape in shapes if math.prod(shape) <= LARGEST]


def check(function: Check) -> Check:
    CHECKS[function.__name__] = function
    return function


def call(function: Call) -> Call:
    CALLS[function.__name__] = function
    return function


def layouts(array: Array) -> dict[str, Array]:
    """The same elements, laid out in memory in every way, among others that must not be read."""
    backwards = (..., *[slice(None, None, -1)] * array.ndim)
    roomy = np.full([2 * length + 3 for length in array.shape], np.nan if array.dtype.kind == "f" else 1, array.dtype)
    inside = roomy[(..., *[slice(1, -2, 2)] * array.ndim)]
    inside[...] = array
    return {
        "rows": np.ascontiguousarray(array).reshape(array.shape),
        "columns": np.array(array, order="F"),
        "reversed": np.array(array[backwards], order="C")[backwards],
        "every second": inside,
        "exchanged": np.moveaxis(np.array(np.moveaxis(array, 0, -1), order="C"), -1, 0) if array.ndim else array,
    }


def numbers(rng: np.random.Generator, shape: Sequence[int], dtype: str = "float64") -> Array:
    """Random numbers: normal ones, or integers of both signs that do not overflow a byte."""
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0 if dtype[0] == "u" else -100, 100, shape).astype(dtype)


def run(
    backend: Backend, function: ScalarFunction, arrays: Sequence[Array], compute: str, *outputs: str
) -> list[Array]:
    """A map over arrays of the host."""
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    types = [np.dtype(output) for output in outputs or (compute,)]
    apply = backend.map(function, np.dtype(compute), [array.dtype for array in arrays], types)
    buffers = apply(shape, *map(backend.from_host, arrays))
    results = [backend.to_host(buffer) for buffer in (buffers if len(types) > 1 else [buffers])]
    assert [result.shape for result in results] == [shape] * len(types)
    assert [result.dtype for result in results] == types
    return results


def fold(backend: Backend, rule: Reduction, array: Array, axes: tuple[int, ...], compute: str, output: str) -> Array:
    """A reduction of an array of the host."""
    buffer = backend.reduce(rule, np.dtype(compute), array.dtype, np.dtype(output))(backend.from_host(array), axes)
    result = backend.to_host(buffer)
    assert result.shape == tuple(length for axis, length in enumerate(array.shape) if axis not in axes)
    assert result.dtype == np.dtype(output)
    return result


def subsets(rank: int) -> Iterable[tuple[int, ...]]:
    return itertools.chain.from_iterable(itertools.combinations(range(rank), count) for count in range(rank + 1))


def _blend(x, y):
    return 2.0 * x + math.tanh(y)


def _parts(x, y):
    return x + y, x * y, x > y


def _three(x, y, z):
    return x * y + z


def _cube(x):
    return x * x * x


def _unlike(x, y):
    return 1 if x != y else 0


def _add(x, y):
    return x + y


def _larger(x, y):
    return x if x >= y or x != x else y


def _itself(x):
    return x


def _square(x):
    return x * x


def _root_mean(total, count):
    return math.sqrt(total / count)


def _either(x, y):
    return x != 0 or y != 0


def _above(x):
    return x > 1


of = ScalarFunction.of
BLEND, PARTS, THREE, CUBE, UNLIKE = of(_blend), of(_parts), of(_three), of(_cube), of(_unlike)
SUM = Reduction("sum", of(_add), of(_itself), None, 0)
NORM = Reduction("norm", of(_add), of(_square), of(_root_mean), 0)
MAX = Reduction("max", of(_larger), of(_itself))
ABOVE = Reduction("above", of(_either), of(_above), None, 0)


# Memory and structure


@check
def keeps_what_it_is_given(backend: Backend, rng: np.random.Generator) -> None:
    for dtype in ("float32", "float64", "int64", "int8", "uint16", "bool"):
        for shape in SHAPES:
            array = numbers(rng, shape, dtype)
            for layout in layouts(array).values():
                buffer = backend.from_host(layout)
                assert (buffer.shape, buffer.ndim, buffer.size, buffer.dtype) == (shape, len(shape), array.size, dtype)
                np.testing.assert_array_equal(backend.to_host(buffer), array)


@check
def copies_into_buffers_and_views(backend: Backend, rng: np.random.Generator) -> None:
    array, patch = numbers(rng, (4, 5)), numbers(rng, (3, 2))
    buffer = backend.copy(backend.from_host(array))
    part = (slice(1, None), slice(None, None, 3))
    backend.copy_into(backend.index(buffer, part), backend.from_host(patch))
    backend.synchronize()
    expected = array.copy()
    expected[part] = patch
    np.testing.assert_array_equal(backend.to_host(buffer), expected)
    for layout in layouts(array).values():
        backend.copy_into(buffer, backend.from_host(layout))
        np.testing.assert_array_equal(backend.to_host(buffer), array)
    empty = backend.from_host(np.zeros((0, 3)))
    backend.copy_into(empty, backend.from_host(np.zeros((0, 3))))
    assert backend.to_host(empty).shape == (0, 3)


@check
def reshapes_permutes_and_repeats(backend: Backend, rng: np.random.Generator) -> None:
    array = numbers(rng, (2, 3, 4))
    for layout in layouts(array).values():
        buffer = backend.from_host(layout)
        for shape in ((24,), (4, 6), (1, 2, 12), (2, 3, 4)):
            np.testing.assert_array_equal(backend.to_host(backend.reshape(buffer, shape)), array.reshape(shape))
        for axes in itertools.permutations(range(3)):
            permuted = backend.permute(buffer, axes)
            np.testing.assert_array_equal(backend.to_host(permuted), array.transpose(axes))
            np.testing.assert_array_equal(
                backend.to_host(backend.reshape(permuted, (24,))), array.transpose(axes).reshape(24)
            )
        spread = backend.broadcast_to(backend.reshape(buffer, (2, 3, 1, 4)), (5, 2, 3, 2, 4))
        np.testing.assert_array_equal(
            backend.to_host(spread), np.broadcast_to(array.reshape(2, 3, 1, 4), (5, 2, 3, 2, 4))
        )
    assert backend.to_host(backend.broadcast_to(backend.from_host(np.zeros((1, 3))), (0, 3))).shape == (0, 3)
    assert backend.to_host(backend.reshape(backend.from_host(np.zeros((0, 3))), (3, 0, 2))).shape == (3, 0, 2)


INDICES: tuple[Any, ...] = (
    2,
    -1,
    (1, -2),
    slice(1, 3),
    slice(None, None, -1),
    (slice(None), slice(4, None, -2)),
    (slice(3, 3), 0),
    (Ellipsis, 1),
    (None, 2, None),
    (),
    np.array([3, 0, -1, 0]),
    (slice(None), np.array([[1, 1], [4, 0]])),
    (np.array([0, 3]), np.array([4, -5])),
    (np.array([1, 1, 1]), slice(None, None, 2)),
    np.array([], np.int64),
)


@check
def indexes_as_numpy_does(backend: Backend, rng: np.random.Generator) -> None:
    array = numbers(rng, (4, 5))
    for layout in layouts(array).values():
        for index in (*INDICES, array > 0, rng.random(4) < 0.5):
            np.testing.assert_array_equal(
                backend.to_host(backend.index(backend.from_host(layout), index)), array[index]
            )


@check
def scatters_with_repeats(backend: Backend, rng: np.random.Generator) -> None:
    for index in (*INDICES, rng.random((4, 5)) < 0.5):
        values = numbers(rng, np.zeros((4, 5))[index].shape)
        expected = np.zeros((4, 5))
        np.add.at(expected, index, values)
        result = backend.to_host(backend.scatter_add((4, 5), index, backend.from_host(values)))
        np.testing.assert_allclose(result, expected, rtol=1e-14, atol=1e-14)


@check
def joins_along_every_axis(backend: Backend, rng: np.random.Generator) -> None:
    for axis in range(3):
        parts = [numbers(rng, [n if place == axis else 2 for place in range(3)], "int32") for n in (1, 0, 3)]
        buffers = [backend.from_host(list(layouts(part).values())[place]) for place, part in enumerate(parts)]
        np.testing.assert_array_equal(backend.to_host(backend.concatenate(buffers, axis)), np.concatenate(parts, axis))


@check
def finds_the_first_extreme(backend: Backend, rng: np.random.Generator) -> None:
    tied = rng.integers(0, 3, (4, 3, 50))
    holed = np.where(rng.random((6, 20)) < 0.1, np.nan, rng.standard_normal((6, 20)))
    for array in (tied, holed, tied.astype(np.uint8), np.zeros((0, 2)), numbers(rng, (1,))):
        for layout in layouts(array).values():
            for rule, expected in (("max", np.argmax), ("min", np.argmin)):
                result = backend.to_host(backend.arg_reduce(rule, backend.from_host(layout)))
                assert result.dtype == np.int64
                np.testing.assert_array_equal(result, expected(array, axis=-1))


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
    for shape in sizes((16_384,), (16_385,), (3, 16_383), (129, 257)):
        x, y = numbers(rng, shape), numbers(rng, (*shape[:-1], 1))
        for one in (x, layouts(x)["columns"], layouts(x)["every second"]):
            (result,) = run(backend, BLEND, [one, y], "float64")
            np.testing.assert_allclose(result, 2 * x + np.tanh(y), rtol=1e-14, atol=1e-14)


@check
def maps_to_several_outputs_of_other_dtypes(backend: Backend, rng: np.random.Generator) -> None:
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
def maps_integers_as_a_machine_does(backend: Backend, rng: np.random.Generator) -> None:
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
    for shape in sizes(*shapes):
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
def reduces_nothing_to_the_initial_value(backend: Backend, rng: np.random.Generator) -> None:
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
        result = fold(backend, Reduction("any", of(_either), of(_itself), None, 0), layout, (0,), "bool", "bool")
        np.testing.assert_array_equal(result, flags.any(0))
    array = numbers(rng, (6, 77), "float32") - 1.0
    np.testing.assert_array_equal(fold(backend, ABOVE, array, (1,), "float32", "bool"), (array > 1).any(1))


def _two_largest(first: float, second: float, x: float) -> tuple[float, float]:
    if x > first:
        return x, first
    return first, x if x > second else second


# rowwise

SHARES = Rowwise("shares", ((of(_add), of(lambda x, y: x * y)),), of(lambda kept, x, y, total: kept / total - y))
CENTRED = Rowwise(
    "centred",
    ((of(_larger), of(_itself)), (of(_add), of(lambda x, largest: math.exp(x - largest)))),
    of(lambda kept, x, largest, total: x - largest - math.log(total)),
)


@check
def rowwise_folds_each_row(backend: Backend, rng: np.random.Generator) -> None:
    for shape in sizes((1,), (7,), (64,), (3, 65), (2, 3, 129), (400, 3), (2, 1, 2, 1, 5), (0, 3), (3, 0), (2, 20_000)):
        x, y = numbers(rng, shape), np.abs(numbers(rng, shape)) + 0.5
        weight = x * y
        total = weight.sum(-1, keepdims=True)
        for one, two in zip(layouts(x).values(), reversed(layouts(y).values()), strict=True):
            buffers = [backend.from_host(one), backend.from_host(two)]
            result = backend.to_host(backend.rowwise(SHARES, buffers))
            assert (result.shape, result.dtype) == (shape, np.float64)
            np.testing.assert_allclose(
                result * total, weight - y * total, rtol=1e-9, atol=1e-11 * max(1.0, np.abs(weight).sum())
            )


@check
def rowwise_carries_totals_on(backend: Backend, rng: np.random.Generator) -> None:
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

DECAYED = Scan("decayed", of(lambda y, x, rate: rate * y + x), of(_itself), (0,))
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
def scans_carry_more_than_one_value(backend: Backend, rng: np.random.Generator) -> None:
    x = rng.integers(1, 1000, (4, 50))
    result = backend.to_host(backend.scan(BEST_TWO, [backend.from_host(x)], x.dtype, x.dtype))
    expected = [[sorted([0, *row[: k + 1]])[-2] for k in range(50)] for row in x.tolist()]
    np.testing.assert_array_equal(result, expected)


# matmul


def product(backend: Backend, a: Array, b: Array, **options: Any) -> tuple[Array, Array | None]:
    result, kept = backend.matmul(backend.from_host(a), backend.from_host(b), **options)
    return backend.to_host(result), None if kept is None else backend.to_host(kept)


def within(result: Array, a: Array, b: Array, expected: Array | None = None) -> None:
    """Whether a product is as good as its dtype allows: eps · k · |a| |b|."""
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    bound = np.finfo(a.dtype).eps * (a.shape[-1] + 2) * (np.abs(wide_a) @ np.abs(wide_b))
    assert result.dtype == a.dtype
    assert result.shape == bound.shape
    assert (np.abs(result - (wide_a @ wide_b if expected is None else expected)) <= bound + 1e-300).all()


@check
def multiplies_every_shape(backend: Backend, rng: np.random.Generator) -> None:
    for m, k, n in sizes(
        (1, 1, 1),
        (3, 5, 2),
        (17, 9, 33),
        (1, 40, 20),
        (20, 40, 1),
        (31, 1, 7),
        (5, 0, 3),
        (0, 4, 2),
        (2, 3, 0),
    ):
        for dtype in ("float32", "float64"):
            a, b = numbers(rng, (m, k), dtype), numbers(rng, (k, n), dtype)
            for one, two in itertools.product(layouts(a).values(), layouts(b).values()):
                result, kept = product(backend, one, two)
                assert kept is None
                within(result, a, b)


@check
def multiplies_stacks(backend: Backend, rng: np.random.Generator) -> None:
    a, b = numbers(rng, (2, 3, 4, 5), "float32"), numbers(rng, (2, 3, 5, 6), "float32")
    for one, two in zip(layouts(a).values(), reversed(layouts(b).values()), strict=True):
        within(product(backend, one, two)[0], a, b)
    a, b = np.broadcast_to(a[:1], (2, 3, 4, 5)), np.broadcast_to(b[0, 0], (2, 3, 5, 6))
    within(product(backend, a, b)[0], a, b)
    assert product(backend, np.zeros((0, 2, 3), np.float32), np.zeros((0, 3, 4), np.float32))[0].shape == (0, 2, 4)


@check
def multiplies_integers_exactly(backend: Backend, rng: np.random.Generator) -> None:
    large = np.iinfo(np.int64).max
    a, b = rng.integers(-large, large, (7, 9)), rng.integers(-large, large, (9, 4))
    for one, two in zip(layouts(a).values(), reversed(layouts(b).values()), strict=True):
        np.testing.assert_array_equal(product(backend, one, two)[0], a @ b)


@check
def multiplies_special_values(backend: Backend, rng: np.random.Generator) -> None:
    a, b = numbers(rng, (6, 8), "float32"), numbers(rng, (8, 5), "float32")
    a[1, 3], a[2, 0], b[5, 4] = np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        expected = a.astype(np.float64) @ b.astype(np.float64)
    np.testing.assert_allclose(product(backend, a, b)[0], expected, rtol=1e-4, atol=1e-5)


@check
def applies_an_epilogue_to_products(backend: Backend, rng: np.random.Generator) -> None:
    for m, k, n in ((5, 7, 3), (1, 30, 17), (18, 4, 1), (4, 0, 6), (0, 2, 2)):
        a, b = numbers(rng, (m, k), "float32"), numbers(rng, (k, n), "float32")
        for operand in (
            numbers(rng, (n,), "float32"),
            numbers(rng, (m, n), "float32"),
            numbers(rng, (m, 1), "float32"),
        ):
            inner = a.astype(np.float64) @ b.astype(np.float64)
            result, kept = product(backend, a, b, epilogue=BLEND, operands=[backend.from_host(operand)], keep=True)
            np.testing.assert_allclose(result, 2 * inner + np.tanh(operand), rtol=1e-4, atol=1e-4)
            assert kept is not None
            within(kept, a, b)


# update


def _momentum(w, g, m, lr, momentum):
    m = momentum * m - lr * g
    return w + m, m


def _descend(w, g, lr):
    return w - lr * g


@check
def updates_in_place(backend: Backend, rng: np.random.Generator) -> None:
    for shape in sizes((), (1,), (7, 3), (0, 2), (40_000,)):
        w, g, m = (numbers(rng, shape, "float32") for _ in range(3))
        buffers = [backend.copy(backend.from_host(array)) for array in (w, g, m)]
        backend.update(of(_momentum), [buffers], [0.1, 0.9])
        backend.synchronize()
        new_w, same_g, new_m = map(backend.to_host, buffers)
        expected = 0.9 * m.astype(np.float64) - 0.1 * g
        np.testing.assert_allclose(new_m, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(new_w, w + expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(same_g, g)


@check
def updates_without_slots(backend: Backend, rng: np.random.Generator) -> None:
    w, g = numbers(rng, (5, 4)), numbers(rng, (5, 4))
    buffers = [backend.copy(backend.from_host(w)), backend.from_host(g)]
    backend.update(of(_descend), [buffers], [0.5])
    np.testing.assert_allclose(backend.to_host(buffers[0]), w - 0.5 * g, rtol=1e-15, atol=1e-15)


@check
def updates_many_weights_at_once(backend: Backend, rng: np.random.Generator) -> None:
    shapes = [(5, 3), (), (0, 4), (40_000,), (2, 3, 4), (1,)]
    arrays = [[numbers(rng, shape, "float32") for _ in range(3)] for shape in sizes(*shapes)]
    arrays.append([x.T for x in (numbers(rng, (4, 6), "float32") for _ in range(3))])
    for step in range(3):
        groups = [[backend.copy(backend.from_host(x)) for x in group] for group in arrays]
        for group, (_, gradient, _) in zip(groups, arrays, strict=True):
            group[1] = backend.from_host(gradient)  # which may have any strides
        backend.update(of(_momentum), groups, [0.1 * step, 0.9])
        backend.synchronize()
        for group, (w, g, m) in zip(groups, arrays, strict=True):
            expected = 0.9 * m.astype(np.float64) - 0.1 * step * g
            np.testing.assert_allclose(backend.to_host(group[2]), expected, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(backend.to_host(group[0]), w + expected, rtol=1e-5, atol=1e-6)
            np.testing.assert_array_equal(backend.to_host(group[1]), g)
    backend.update(of(_momentum), [], [0.1, 0.9])


# The tests

BACKENDS: dict[str, Backend] = {"cpu": CPUBackend(), "reference": ReferenceBackend()}


def compare(backend: Backend, function: Call, seed: int) -> None:
    """Whether a backend gives what the reference gives for the same random numbers."""
    mine = function(backend, np.random.default_rng(seed))
    definitions = function(BACKENDS["reference"], np.random.default_rng(seed))
    for result, expected in zip(mine, definitions, strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_does_what_numpy_does(backend: str, name: str, rng: np.random.Generator) -> None:
    CHECKS[name](BACKENDS[backend], rng)


@pytest.mark.parametrize("name", CALLS)
def test_the_cpu_gives_what_the_definition_gives(name: str, rng: np.random.Generator) -> None:
    compare(BACKENDS["cpu"], CALLS[name], int(rng.integers(1 << 60)))


@st.composite
def views(draw: st.DrawFn) -> Array:
    """An array of distinct numbers, seen through random slices, a permutation, and repeated axes."""
    shape = draw(st.lists(st.integers(1, 6), max_size=5))
    array = np.arange(1.0, math.prod(shape) + 1.0).reshape(shape)
    steps = st.sampled_from([1, 1, 2, -1, -2, 3])
    array = array[tuple(slice(None, None, draw(steps)) for _ in shape)]
    array = array.transpose(draw(st.permutations(range(array.ndim))))
    repeated = tuple(3 if length == 1 and draw(st.booleans()) else length for length in array.shape)
    return np.broadcast_to(array, repeated)


@settings(deadline=None, max_examples=150)
@given(views(), st.data())
def test_the_cpu_reads_any_view(view: Array, data: st.DataObject) -> None:
    cpu = BACKENDS["cpu"]
    column = view[..., :1] if view.ndim else view
    np.testing.assert_allclose(run(cpu, BLEND, [view, column], "float64")[0], 2 * view + np.tanh(column), rtol=1e-14)
    axes = tuple(sorted(data.draw(st.sets(st.sampled_from(range(view.ndim))) if view.ndim else st.just(set()))))
    np.testing.assert_array_equal(fold(cpu, SUM, view, axes, "float64", "float64"), view.sum(axes))


def test_a_result_never_shares_memory_with_an_argument(rng: np.random.Generator) -> None:
    array = numbers(rng, (4, 4))
    for backend in BACKENDS.values():
        results = [
            *run(backend, BLEND, [array, array], "float64"),
            fold(backend, SUM, array, (), "float64", "float64"),
            product(backend, array, array)[0],
            backend.to_host(backend.rowwise(CENTRED, [array])),
            backend.to_host(backend.scan(DECAYED, [array, array], array.dtype, array.dtype)),
        ]
        assert not any(np.shares_memory(result, array) for result in results)
