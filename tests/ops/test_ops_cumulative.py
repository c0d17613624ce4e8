"""Check cumulative sums and products: accuracy, dtypes, layouts and numbers of threads."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import accumulate
from typing import Any

import numpy as np
import pytest
from any_layout import layouts

import tensorlab as tl
from tensorlab.dtypes import NAMES
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError

DEVICES = ("cpu", "reference")


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = tl.get_num_threads()
    yield tl.set_num_threads
    tl.set_num_threads(before)


@pytest.mark.parametrize("device", DEVICES)
def test_results_match_numpy_for_every_axis_and_layout(device: str, rng: np.random.Generator) -> None:
    array = rng.uniform(0.5, 1.5, (3, 4, 5)).astype(np.float32)
    for layout in layouts(array).values():
        x = tl.asarray(layout, device=device)
        for axis in range(-3, 3):
            wide = array.astype(np.float64)
            for name, expected in (("sum", wide.cumsum(axis)), ("prod", wide.cumprod(axis))):
                result = getattr(tl, f"cumulative_{name}")(x, axis=axis)
                assert result.device == device
                np.testing.assert_allclose(result.numpy(), expected.astype(np.float32), rtol=1.2e-7)


@pytest.mark.parametrize("dtype", NAMES)
def test_dtypes_of_results_match_numpy(dtype: str, rng: np.random.Generator) -> None:
    array = rng.integers(0, 2 if dtype == "bool" else 100, (2, 9)).astype(dtype)
    kind = {"b": "int64", "i": "int64", "u": "uint64", "f": dtype}[array.dtype.kind]
    for name in ("sum", "prod"):  # integers wrap in 64 bits
        expected = getattr(np, f"cum{name}")(array.astype(kind if kind[0] != "f" else "float64"), 1).astype(kind)
        result = getattr(tl, f"cumulative_{name}")(tl.asarray(array, device="reference"), axis=1)
        np.testing.assert_array_equal(result.numpy(), expected, strict=True)
    other = tl.cumulative_sum(tl.asarray(array, device="reference"), axis=1, dtype="int16")
    np.testing.assert_array_equal(other.numpy(), array.cumsum(1, dtype=np.int16), strict=True)


def test_cumulative_sums_are_almost_correctly_rounded(rng: np.random.Generator) -> None:
    array = rng.standard_normal(3000) * 10.0 ** rng.integers(-8, 8, 3000)
    exact = [float(total) for total in accumulate(map(Fraction, array.tolist()))]
    result = tl.cumulative_sum(tl.asarray(array)).numpy()
    # After cancellation, second-order rounding errors of the largest sums remain; they are far below NumPy's error.
    np.testing.assert_allclose(result, exact, rtol=2.3e-16, atol=1e-28 * np.abs(array).sum())
    assert np.abs(result - exact).max() < np.abs(np.cumsum(array) - exact).max()
    single = array.astype(np.float32)
    exact = [float(total) for total in accumulate(map(Fraction, single.tolist()))]
    np.testing.assert_array_equal(tl.cumulative_sum(tl.asarray(single)).numpy(), np.float32(exact))


@pytest.mark.parametrize("device", DEVICES)
def test_infinities_and_nan_match_numpy(device: str) -> None:
    rows = [[1.0, np.inf, 2.0, -np.inf, 3.0], [-np.inf, 1.0, 1.0, 1.0, np.nan], [1e308, 1e308, -1e308, 0.0, 1.0]]
    x = tl.asarray(np.array(rows), device=device)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(tl.cumulative_sum(x, axis=1).numpy(), np.cumsum(rows, 1))
        np.testing.assert_array_equal(tl.cumulative_prod(x, axis=1).numpy(), np.cumprod(rows, 1))


def test_results_do_not_depend_on_the_number_of_threads(
    threads: Callable[[int], None], rng: np.random.Generator
) -> None:
    x = tl.asarray(rng.standard_normal((300, 501)).astype(np.float32))
    results = []
    for count in (1, 2, 7):
        threads(count)
        results.append([tl.cumulative_sum(x, axis=axis).numpy().tobytes() for axis in (0, 1)])
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("device", DEVICES)
def test_include_initial_and_empty_axes(device: str) -> None:
    x = tl.asarray(np.zeros((2, 0), np.float32), device=device)
    assert tl.cumulative_sum(x, axis=1).shape == (2, 0)
    assert tl.cumulative_sum(x, axis=0).shape == (2, 0)
    assert tl.cumulative_sum(x, axis=1, include_initial=True).tolist() == [[0.0], [0.0]]
    assert tl.cumulative_prod(x, axis=1, include_initial=True).tolist() == [[1.0], [1.0]]
    y = tl.asarray([2.0, 3.0], device=device)
    assert tl.cumulative_sum(y, include_initial=True).tolist() == [0.0, 2.0, 5.0]
    assert tl.cumulative_prod(y, include_initial=True).tolist() == [1.0, 2.0, 6.0]


def test_two_input_scan_on_both_backends(rng: np.random.Generator) -> None:
    from tensorlab.ops.cumulative import _recurrence

    a, b = rng.standard_normal((2, 3, 7))
    expected = np.zeros((3, 7))
    size = np.zeros((3, 7))  # sum of magnitudes, which bounds the rounding error even where y is near 0
    for row in range(3):
        y = magnitude = 0.0
        for column in range(7):
            y = expected[row, column] = a[row, column] * y + b[row, column]
            magnitude = size[row, column] = abs(a[row, column]) * magnitude + abs(b[row, column])
    for device in DEVICES:
        result = _recurrence(tl.asarray(a, device=device), tl.asarray(b, device=device))
        # Each step rounds twice, or once with a fused multiply-add.
        assert (np.abs(result.numpy() - expected) <= 4 * 7 * 2.0**-53 * size).all()


def test_diff_of_unsigned_integers_wraps() -> None:
    with tl.device("reference"):
        assert tl.diff(np.array([3, 1, 2], np.uint8)).tolist() == [254, 1]
        assert tl.diff([5], append=[9, 1]).tolist() == [4, -8]
        assert tl.diff([5.0], n=3).shape == (0,)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: tl.cumulative_sum(tl.zeros((2, 3))),
            ShapeError,
            r"^cumulative_sum: expected an axis for a tensor with several axes, received shape \(2, 3\)$",
        ),
        (
            lambda: tl.cumulative_prod(3.0),
            ShapeError,
            r"^cumulative_prod: expected a tensor with an axis, received shape \(\)$",
        ),
        (
            lambda: tl.cumulative_prod([3.0], axis=1),
            ShapeError,
            r"^cumulative_prod: expected an axis from -1 to 0 for a tensor of rank 1, received 1$",
        ),
        (
            lambda: tl.cumulative_sum([True], dtype="bool"),
            DTypeError,
            r"^cumulative_sum: expected a dtype of numbers, received bool; use tl\.any or tl\.all$",
        ),
        (
            lambda: tl.sum([True], dtype="bool"),
            DTypeError,
            r"^sum: expected a dtype of numbers, received bool; use tl\.any or tl\.all$",
        ),
        (lambda: tl.diff([True]), DTypeError, r"^diff: expected tensors of numbers, received bool; convert them"),
        (lambda: tl.diff([1], n=-1), ArgumentError, r"^diff: expected n of at least 0, received -1$"),
        (lambda: tl.diff([1], n=0.5), ArgumentTypeError, r"^diff: expected an integer n, received 0\.5$"),
        (lambda: tl.diff(1), ShapeError, r"^diff: expected no axis for a tensor of rank 0, received -1$"),
        (lambda: tl.diff([1], prepend=[[1]]), ShapeError, r"^concat: expected shapes that differ along axis 0 only"),
    ],
)
def test_invalid_arguments_are_rejected(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_logsumexp_neither_overflows_nor_loses_precision(rng: np.random.Generator) -> None:
    array = rng.uniform(-50, 50, (3, 2000)).astype(np.float32)
    for shift in (0.0, 1e4, -1e4):
        wide = (array + np.float32(shift)).astype(np.float64)
        expected = np.log(np.exp(wide - wide.max(1, keepdims=True)).sum(1)) + wide.max(1)
        np.testing.assert_allclose(tl.logsumexp(array + np.float32(shift), axis=1).numpy(), expected, rtol=3e-7)
    flat = tl.logsumexp(np.zeros((100, 1000)))
    np.testing.assert_allclose(flat.item(), math.log(100_000), rtol=1e-14)
    assert tl.logsumexp(np.zeros(0, np.float32)).item() == -math.inf
    assert tl.logsumexp([3, 3]).dtype == np.float32
    with pytest.raises(ShapeError, match=r"^logsumexp: expected axes that differ, received \(0, 0\)$"):
        tl.logsumexp(array, axis=(0, 0))
