"""Check operations on 64-bit integers against Python integers: no intermediate result may be a float.

The tests run on the reference backend, which compiles nothing. test_ops_properties*.py compare the kernels with it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tensorlab as tl
from tensorlab.errors import ArgumentError, DTypeError, IndexOutOfBoundsError, ShapeError

LIMITS = {"int64": (-(2**63), 2**63 - 1), "uint64": (0, 2**64 - 1)}
EDGES = [0, 1, 3, 2**24 + 1, 2**31, 2**32 - 1, 2**53, 2**53 + 1, 2**62 + 1, 2**63 - 1, 2**63, 2**64 - 1]

few = settings(deadline=None, max_examples=60)
dtypes = st.sampled_from(sorted(LIMITS))


def within(dtype: str, value: int) -> bool:
    return LIMITS[dtype][0] <= value <= LIMITS[dtype][1]


def numbers(dtype: str) -> st.SearchStrategy[int]:
    """Draw integers in the range of a dtype, often close to overflow or rounding limits."""
    near = [sign * edge + step for edge in EDGES for sign in (1, -1) for step in (-1, 0, 1)]
    return st.sampled_from([value for value in near if within(dtype, value)]) | st.integers(*LIMITS[dtype])


def wrapped(value: int, dtype: str) -> int:
    low, high = LIMITS[dtype]
    return (value - low) % (high - low + 1) + low


# Creation


@few
@given(st.lists(numbers("int64") | numbers("uint64"), min_size=1, max_size=4))
def test_lists_of_integers_become_int64_or_uint64(values: list[int]) -> None:
    dtype = next((name for name in LIMITS if all(within(name, value) for value in values)), None)
    if dtype is None:
        with pytest.raises(DTypeError) as error:
            tl.asarray(values)
        assert str(error.value) == (
            "asarray: expected integers in the range of int64 or uint64, received "
            f'objects (list) from {min(values)} to {max(values)}; give another dtype, e.g. dtype="float64"'
        )
    else:
        for given_values in (values, [values], [[value] for value in values]):
            x = tl.asarray(given_values)
            assert (x.dtype, tl.reshape(x, (-1,)).tolist()) == (dtype, values)
    for name, digits in (("float32", 24), ("float64", 53)):
        units = [2 ** max(0, value.bit_length() - digits) for value in values]
        expected = [float(unit) * round(Fraction(value, unit)) for value, unit in zip(values, units, strict=True)]
        assert tl.asarray(values, dtype=name).tolist() == expected


def test_lists_of_numpy_integers_are_exact() -> None:
    x = tl.asarray([np.uint64(2**64 - 1), np.int64(1), True])
    assert (x.dtype, x.tolist()) == (tl.uint64, [2**64 - 1, 1, 1])
    assert tl.asarray([2**64 - 1, 0.5], dtype="float64").tolist() == [2.0**64, 0.5]
    assert tl.asarray([1e300, math.inf], dtype="float64").tolist() == [1e300, math.inf]


def test_integers_beyond_64_bits_become_floats_or_are_rejected() -> None:
    assert tl.asarray(2**70, dtype="float64").item() == 2.0**70
    assert tl.full((1,), -(2**70), dtype="float32").tolist() == [-(2.0**70)]
    assert tl.asarray([10**39], dtype="float32").tolist() == [math.inf]
    refused: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (lambda: tl.asarray(2**64), DTypeError, "asarray: expected integers in the range of int64 or uint64, rec"),
        (lambda: tl.full(1, 10**400, dtype="float64"), ArgumentError, "full: expected numbers that float64 holds, r"),
        (lambda: tl.asarray([2**64], dtype="int64"), ArgumentError, "asarray: expected numbers that int64 holds, rec"),
        (lambda: tl.asarray([2**64, "a"]), DTypeError, "asarray: expected data of bool"),
        (lambda: tl.asarray([2**64, None]), DTypeError, "asarray: expected data of bool"),
        (
            lambda: tl.arange(10**400, dtype="float64"),
            ShapeError,
            "arange: expected fewer than 2**60 elements, ",
        ),
        (lambda: tl.arange(0, 10**400, 10**399, dtype="float64"), ArgumentError, "arange: expected numbers that floa"),
        (lambda: tl.linspace(0, 10**400, 3), ArgumentError, "linspace: expected numbers that float32 holds, received"),
        (lambda: tl.linspace(0, 1, 2**70), ShapeError, "linspace: expected fewer than 2**60 elements, "),
        (lambda: tl.linspace(0.0, math.inf, 3), ArgumentError, "linspace: expected finite numbers, received 0.0 and"),
        (lambda: tl.linspace(0, 1, 3, dtype="bool"), DTypeError, "linspace: expected a dtype of numbers, received b"),
        (lambda: tl.zeros((2**40, 2**40)), ShapeError, "zeros: expected fewer than 2**60 elements, "),
    ]
    for call, kind, message in refused:
        with pytest.raises(kind) as error:
            call()
        assert str(error.value).startswith(message)


@few
@given(st.data())
def test_integer_linspace_rounds_exact_values_down(data: st.DataObject) -> None:
    dtype = data.draw(dtypes)
    start, stop = data.draw(numbers(dtype)), data.draw(numbers(dtype))
    count, endpoint = data.draw(st.integers(0, 12)), data.draw(st.booleans())
    parts = max(1, count - 1 if endpoint else count)
    expected = [start + k * (stop - start) // parts for k in range(count)]
    given_values: list[Any] = [(start, stop), (np.dtype(dtype).type(start), tl.asarray(stop, dtype=dtype))]
    if start == float(start) and stop == float(stop):
        given_values.append((float(start), float(stop)))
    for first, last in given_values:
        result = tl.linspace(first, last, count, dtype=dtype, endpoint=endpoint)
        assert (result.dtype, result.tolist()) == (dtype, expected)


def test_linspace_does_not_overflow_in_intermediate_results() -> None:
    assert tl.linspace(-1.5e308, 1.5e308, 3, dtype="float64").tolist() == [-1.5e308, 0.0, 1.5e308]


@few
@given(st.integers(-(2**65), 2**65), st.integers(1, 2**60), st.integers(1, 6))
def test_arange_of_large_integers_is_rounded_once(start: int, step: int, count: int) -> None:
    exact = [start + k * step for k in range(count)]
    for name in ("float32", "float64"):
        assert (
            tl.arange(start, start + count * step, step, dtype=name).tolist() == tl.asarray(exact, dtype=name).tolist()
        )
    if start == float(start) and step == float(step) and within("int64", start) and within("int64", exact[-1] + step):
        stop = exact[-1] + 1
        if stop == float(stop):
            assert tl.arange(float(start), float(stop), float(step), dtype="int64").tolist() == exact


# Operations

BINARY: dict[str, Callable[[int, int], Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "floor_divide": lambda a, b: a // b if b else 0,
    "remainder": lambda a, b: a % b if b else 0,
    "maximum": max,
    "minimum": min,
    **{name: getattr(int, f"__{part}__") for name, part in (("equal", "eq"), ("less", "lt"), ("greater_equal", "ge"))},
}


@few
@given(st.data())
def test_binary_operations_are_exact(data: st.DataObject) -> None:
    with tl.device("reference"):
        dtype = data.draw(dtypes)
        a, b = data.draw(numbers(dtype)), data.draw(numbers(dtype))
        x, y = tl.asarray([a], dtype=dtype), tl.asarray([b], dtype=dtype)
        for name, exact in BINARY.items():
            expected = exact(a, b)
            result = getattr(tl, name)
            for given_result in (result(x, y), result(x, b), result(a, y)):
                assert given_result.tolist() == [expected if isinstance(expected, bool) else wrapped(expected, dtype)]
        assert tl.clip(x, min(a, b), b).tolist() == tl.where(x > b, y, x).tolist() == [min(a, b)]
        assert tl.where(x > b, b, x).tolist() == [min(a, b)]
        power = data.draw(st.integers(0, 70))
        assert tl.pow(x, power).tolist() == [wrapped(a**power, dtype)]
        assert [operation(x).tolist() for operation in (tl.round, tl.floor, tl.ceil, tl.trunc)] == [[a]] * 4


@few
@given(st.data())
def test_reductions_and_scans_are_exact(data: st.DataObject) -> None:
    with tl.device("reference"):
        dtype = data.draw(dtypes)
        values = data.draw(st.lists(numbers(dtype), min_size=1, max_size=6))
        x, order = tl.asarray(values, dtype=dtype), sorted(values)
        assert tl.sum(x).item() == wrapped(sum(values), dtype)
        assert tl.prod(x).item() == wrapped(math.prod(values), dtype)
        assert tl.cumulative_sum(x).tolist() == [wrapped(part, dtype) for part in itertools.accumulate(values)]
        assert tl.cumulative_prod(x).tolist() == [
            wrapped(part, dtype) for part in itertools.accumulate(values, lambda a, b: a * b)
        ]
        assert (tl.max(x).item(), tl.min(x).item()) == (order[-1], order[0])
        assert (tl.argmax(x).item(), tl.argmin(x).item()) == (values.index(order[-1]), values.index(order[0]))
        assert tl.sort(x, descending=True).tolist() == order[::-1]
        assert tl.unique_values(x).tolist() == sorted(set(values))
        assert tl.diff(x).tolist() == [wrapped(b - a, dtype) for a, b in itertools.pairwise(values)]
        assert tl.vecdot(x, x).item() == wrapped(sum(value * value for value in values), dtype)
        sought = data.draw(numbers("int64") | numbers("uint64") | st.integers(-(2**66), 2**66))
        assert tl.isin(x, sought).tolist() == [value == sought for value in values]
        assert tl.isin(x, sought, invert=True).tolist() == [value != sought for value in values]
        assert tl.isin(sought, x).item() == (sought in values)
        ordered = tl.sort(x)
        assert tl.searchsorted(ordered, sought).item() == sum(value < sought for value in values)
        assert tl.searchsorted(ordered, sought, side="right").item() == sum(value <= sought for value in values)


@few
@given(st.data())
def test_means_and_variances_of_integers_are_computed_in_float64(data: st.DataObject) -> None:
    with tl.device("reference"):
        dtype = data.draw(dtypes)
        values = data.draw(st.lists(numbers(dtype), min_size=1, max_size=6))
        x, mean = tl.asarray(values, dtype=dtype), Fraction(sum(values), len(values))
        spread = float(max(abs(value) for value in values)) * 2**-50
        assert tl.mean(x).dtype == tl.var(x).dtype == tl.std(x).dtype == tl.float32
        assert abs(tl.mean(x).item() - mean) <= spread + 2**-23 * abs(mean)
        variance = sum((value - mean) ** 2 for value in values) / len(values)
        assert abs(math.sqrt(tl.var(x).item()) - math.sqrt(variance)) <= 4 * spread + 2**-22 * math.sqrt(variance)


@pytest.mark.usefixtures("reference")
def test_means_of_narrow_integers() -> None:
    assert tl.mean(tl.asarray([16777217, -16777216])).item() == 0.5
    assert tl.mean(tl.asarray([True, False, False, True])).item() == 0.5
    assert tl.mean(tl.asarray(np.array([[200, 201]], np.uint8)), axis=1).tolist() == [200.5]
    assert tl.var(tl.asarray([16777217, 16777216])).item() == 0.25


# Indexing


def test_indices_beyond_int64_are_out_of_bounds() -> None:
    x, far = tl.asarray([1, 2, 3]), np.array([2**64 - 1], np.uint64)
    refused: list[Callable[[], Any]] = [
        lambda: x[far],
        lambda: x[tl.asarray(far)],
        lambda: x[2**64 - 1],
        lambda: x[far[0]],
        lambda: tl.take(x, far),
        lambda: tl.take_along_axis(x, far, axis=0),
    ]
    for call in refused:
        with pytest.raises(IndexOutOfBoundsError, match=r"expected indices that fit shape \(3,\), received"):
            call()
    assert tl.take(x, np.array([2, 0], np.uint64)).tolist() == [3, 1]
    assert tl.repeat(x, np.array([2, 0, 1], np.uint64)).tolist() == [1, 1, 3]
