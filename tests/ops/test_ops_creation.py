"""Check creation functions: exact values, and errors for numbers that a dtype cannot represent."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tensorlab as tl
from tensorlab.dtypes import NAMES
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError

INTEGERS = tuple(name for name in NAMES if "int" in name)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_arange_of_integers_equals_range(data: st.DataObject) -> None:
    dtype = np.dtype(data.draw(st.sampled_from(INTEGERS)))
    limits = np.iinfo(dtype)
    anywhere = st.integers(int(limits.min), int(limits.max))
    start = data.draw(anywhere)
    step = data.draw(st.one_of(st.integers(1, 9), st.integers(-9, -1), st.integers(2**60, 2**63)))
    stop = max(limits.min, min(limits.max, start + step * data.draw(st.integers(-2, 30))))
    result = tl.arange(start, stop, step, dtype=dtype)
    assert result.dtype == dtype
    assert result.tolist() == list(range(start, stop, step))


@settings(deadline=None, max_examples=200)
@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.one_of(st.floats(0.5, 1e3), st.floats(-1e3, -0.5)), st.booleans())
def test_arange_of_floats_is_accurate(start: float, stop: float, step: float, double: bool) -> None:
    result = tl.arange(start, stop, step, dtype="float64" if double else None)
    count = max(0, math.ceil((stop - start) / step))
    assert result.shape == (count,)
    assert result.dtype == (np.float64 if double else np.float32)
    exact = [float(Fraction(start) + k * Fraction(step)) for k in range(count)]
    np.testing.assert_allclose(result.numpy(), exact, rtol=1e-15 if double else 6e-8, atol=1e-12 if double else 1e-4)


def test_arange_with_one_two_and_three_arguments() -> None:
    assert tl.arange(4).tolist() == [0, 1, 2, 3]
    assert tl.arange(2, 4).tolist() == [2, 3]
    assert tl.arange(4, 0, -2).tolist() == [4, 2]
    assert tl.arange(0).shape == tl.arange(3, 3).shape == tl.arange(3, 1).shape == tl.arange(1, 3, -1).shape == (0,)
    assert tl.arange(3).dtype == tl.arange(np.int8(3)).dtype == tl.arange(tl.asarray(3)).dtype == np.int64
    assert tl.arange(3.0).dtype == tl.arange(0, 3, 1.0).dtype == tl.arange(0, np.float64(3)).dtype == np.float32
    assert tl.arange(0, 1, 0.25, dtype="float64").tolist() == [0.0, 0.25, 0.5, 0.75]
    assert tl.arange(3, dtype="float32").tolist() == [0.0, 1.0, 2.0]
    assert tl.arange(2.5, 5, dtype="int32").tolist() == [2, 3, 4]
    assert tl.arange(3, device="reference").device == "reference"


@settings(deadline=None, max_examples=100)
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(0, 50), st.booleans())
def test_linspace_is_accurate(start: float, stop: float, count: int, endpoint: bool) -> None:
    step = (Fraction(stop) - Fraction(start)) / max(1, count - 1 if endpoint else count)
    exact = [float(Fraction(start) + k * step) for k in range(count)]
    for dtype, digits in (("float64", 1e-15), ("float32", 6e-8)):
        result = tl.linspace(start, stop, count, dtype=dtype, endpoint=endpoint)
        assert result.dtype == np.dtype(dtype)
        np.testing.assert_allclose(result.numpy(), exact, rtol=digits, atol=digits * max(abs(start), abs(stop)) + 1e-45)
    assert tl.linspace(start, stop, count).dtype == np.float32
    if count > 1 and endpoint:
        assert tl.linspace(start, stop, count, dtype="float64").tolist()[:: count - 1] == [start, stop]


def test_linspace_of_integers_rounds_down() -> None:
    assert tl.linspace(-2, 2, 4, dtype="int64").tolist() == [-2, -1, 0, 2]


@pytest.mark.parametrize("dtype", NAMES)
def test_filled_arrays_match_numpy(dtype: str) -> None:
    x = tl.asarray(np.ones((2, 3), dtype), device="reference")
    for like, plain, value in (
        (tl.zeros_like(x), tl.zeros((2, 3), dtype=dtype), 0),
        (tl.ones_like(x), tl.ones((2, 3), dtype=dtype), 1),
        (tl.empty_like(x), tl.empty((2, 3), dtype=dtype), 0),
        (tl.full_like(x, 1), tl.full((2, 3), 1, dtype=dtype), 1),
    ):
        np.testing.assert_array_equal(plain.numpy(), np.full((2, 3), value, dtype), strict=True)
        np.testing.assert_array_equal(like.numpy(), plain.numpy(), strict=True)
        assert like.device == "reference"
        assert plain.device == "cpu"


def test_default_dtypes_of_filled_arrays() -> None:
    assert [make(2).dtype for make in (tl.zeros, tl.ones, tl.empty)] == [tl.float32] * 3
    assert [tl.full(2, value).dtype for value in (True, 3, 3.0)] == [tl.bool, tl.int64, tl.float32]
    assert tl.full((), np.float64(2.5)).dtype == tl.float64
    assert tl.full(3, tl.asarray(7)).tolist() == [7, 7, 7]
    assert tl.zeros(()).shape == ()
    assert tl.zeros([0, 3]).shape == (0, 3)
    changed = tl.full_like(tl.zeros(2), 3, dtype="int8", device="reference")
    assert (changed.dtype, changed.device, changed.tolist()) == (tl.int8, "reference", [3, 3])


@pytest.mark.parametrize("k", [-7, -2, 0, 1, 9, 2**70])
def test_eye_matches_numpy(k: int) -> None:
    for rows, columns in ((3, 4), (4, 2), (0, 3), (3, None)):
        clipped = max(-10, min(k, 10))
        np.testing.assert_array_equal(tl.eye(rows, columns, k=k).numpy(), np.eye(rows, columns, clipped, np.float32))
    assert tl.eye(2, dtype="bool", device="reference").tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("lengths", [(), (3,), (2, 3), (2, 0), (4, 1, 3), (2, 3, 1, 2)])
def test_meshgrid_matches_numpy(indexing: Any, lengths: tuple[int, ...], rng: np.random.Generator) -> None:
    vectors = [rng.integers(0, 9, length) for length in lengths]
    found = tl.meshgrid(*vectors, indexing=indexing)
    assert isinstance(found, list)
    for result, expected in zip(found, np.meshgrid(*vectors, indexing=indexing), strict=True):
        np.testing.assert_array_equal(result.numpy(), expected, strict=True)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: tl.arange(0, 5, 0), ArgumentError, r"^arange: expected finite numbers and a step other than 0, rec"),
        (lambda: tl.arange(-1e308, 1e308, 1e-9), ArgumentError, r"^arange: expected finite numbers and a step other"),
        (
            lambda: tl.arange(0, math.nan),
            ArgumentError,
            r"^arange: expected finite numbers .*, received 0, nan, step 1$",
        ),
        (lambda: tl.arange(math.inf), ArgumentError, r"^arange: expected finite numbers .*, received 0, inf, step 1$"),
        (lambda: tl.arange(0, 257, dtype="uint8"), ArgumentError, r"^arange: expected numbers that uint8 holds, rec"),
        (lambda: tl.arange(-1, 2, dtype="uint64"), ArgumentError, r"^arange: .*uint64 holds, received -1; give anot"),
        (lambda: tl.arange(3, dtype="bool"), DTypeError, r"^arange: expected a dtype of numbers, received bool$"),
        (lambda: tl.arange(None), ArgumentTypeError, r"^arange: expected numbers, received None$"),
        (lambda: tl.linspace(0, 1, -1), ArgumentError, r"^linspace: expected a number of elements of at least 0, rec"),
        (
            lambda: tl.linspace(0, 1, 2.5),
            ArgumentTypeError,
            r"^linspace: expected an integer number of elements, received 2\.5$",
        ),
        (lambda: tl.linspace(0, 300, 3, dtype="int8"), ArgumentError, r"^linspace: expected numbers that int8 holds"),
        (lambda: tl.zeros(-1), ShapeError, r"^zeros: expected lengths of at least 0, received \(-1,\)$"),
        (lambda: tl.ones((2, 0.5)), ArgumentTypeError, r"^ones: expected a shape of integers, received \(2, 0\.5"),
        (lambda: tl.full(2, 300, dtype="int8"), ArgumentError, r"^full: expected numbers that int8 holds, rece"),
        (lambda: tl.full(2, [1, 2]), ShapeError, r"^full: expected one number to fill with, received shape \(2,\)$"),
        (lambda: tl.full(2, 1j), DTypeError, r"received complex128 data"),
        (lambda: tl.empty(2, dtype="float16"), DTypeError, r"^empty: expected one of bool, .* received 'float16'"),
        (lambda: tl.eye(-2), ShapeError, r"^eye: expected lengths of at least 0, received \(-2, -2\)$"),
        (lambda: tl.eye(2, k=0.5), ArgumentTypeError, r"^eye: expected an integer diagonal k, received"),
        (lambda: tl.tril(tl.zeros(3)), ShapeError, r"^tril: expected at least two axes, received shape \(3,\)$"),
        (lambda: tl.triu(tl.zeros((3, 3)), k="a"), ArgumentTypeError, r"^triu: expected numbers, received 'a'$"),
        (lambda: tl.meshgrid([1], indexing="yx"), ArgumentError, r"^meshgrid: expected indexing 'xy' or 'ij', rec"),
        (lambda: tl.meshgrid([[1]]), ShapeError, r"^meshgrid: expected vectors, received shape \(1, 1\)$"),
        (lambda: tl.meshgrid([1], [1.0]), DTypeError, r"^meshgrid: expected vectors of one dtype, received int64 and"),
    ],
)
def test_invalid_arguments_are_rejected(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_defaults_differ_from_numpy_only_in_dtypes() -> None:
    for result, expected in (
        (tl.zeros((2, 3)), np.zeros((2, 3), np.float32)),
        (tl.ones(2, dtype="int64"), np.ones(2, np.int64)),
        (tl.ops.empty((0,)), np.zeros(0, np.float32)),
        (tl.ops.full((2,), 7), np.full(2, 7)),
        (tl.ops.full((2,), 1.5), np.full(2, 1.5, np.float32)),
        (tl.ops.full((2,), True), np.full(2, True)),
        (tl.ops.full_like(tl.zeros(3), 2), np.full(3, 2, np.float32)),
        (tl.zeros_like(tl.asarray([1, 2])), np.zeros(2, np.int64)),
        (tl.ones_like(tl.asarray([1.0]), dtype="bool"), np.ones(1, np.bool_)),
        (tl.arange(4), np.arange(4)),
        (tl.arange(1, 2, 0.25), np.arange(1, 2, 0.25, np.float32)),
        (tl.arange(5, 0, -2), np.arange(5, 0, -2)),
        (tl.linspace(0, 1, 5), np.linspace(0, 1, 5, dtype=np.float32)),
        (tl.linspace(0, 1, 4, endpoint=False), np.linspace(0, 1, 4, endpoint=False, dtype=np.float32)),
        (tl.eye(2, 3, k=1), np.eye(2, 3, 1, np.float32)),
    ):
        np.testing.assert_array_equal(result.numpy(), expected, strict=True)
    assert tl.ones_like(tl.asarray([1.0], device="reference")).device == "reference"
    with pytest.raises(ShapeError, match=r"expected lengths of at least 0, received \(-1,\)$"):
        tl.zeros(-1)
    with pytest.raises(ArgumentTypeError, match=r"expected a shape of integers, received 1\.5$"):
        tl.ones(1.5)
