"""Check sorting, sets and searching: stability, NaN, ties, and errors for arguments that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.dtypes import NAMES
from tensorlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DeviceError,
    DTypeError,
    IndexOutOfBoundsError,
    ShapeError,
)

NAN = np.nan


def test_sorting_is_stable_with_nan_last_in_both_directions() -> None:
    values = [2.0, NAN, 1.0, 2.0, NAN, -np.inf, np.inf, 1.0]
    for descending, order in ((False, [5, 2, 7, 0, 3, 6, 1, 4]), (True, [6, 0, 3, 2, 7, 5, 1, 4])):
        x = tl.asarray(values, device="reference")
        for stable in (True, False):
            found = tl.argsort(x, descending=descending, stable=stable)
            assert found.tolist() == order
            assert found.device == "reference"
            expected = np.asarray(values, np.float32)[order]
            result = tl.sort(x, descending=descending, stable=stable)
            np.testing.assert_array_equal(result.numpy(), expected, strict=True)
            watched = tl.Variable(x)
            with tl.GradientTape():  # a different code path
                recorded = tl.sort(watched, descending=descending, stable=stable)
            np.testing.assert_array_equal(recorded.numpy(), expected, strict=True)


@pytest.mark.parametrize("dtype", NAMES)
def test_extreme_values_are_sorted_in_both_directions(dtype: str) -> None:
    kind = np.dtype(dtype)
    if kind.kind == "f":
        ends = [float(np.finfo(kind).min), 0.0, float(np.finfo(kind).max)]
    else:
        ends = [0, 1] if kind.kind == "b" else sorted({int(np.iinfo(kind).min), 0, int(np.iinfo(kind).max)})
    x = tl.asarray(np.array(ends[::-1] + ends, dtype))
    for descending in (False, True):
        result = tl.sort(x, descending=descending)
        assert result.dtype == kind
        assert result.tolist() == sorted(ends * 2, reverse=descending)
        np.testing.assert_array_equal(
            tl.take_along_axis(x, tl.argsort(x, descending=descending)).numpy(), result.numpy()
        )


def test_sort_does_not_modify_its_argument(rng: np.random.Generator) -> None:
    array = rng.standard_normal(20)
    before = array.copy()
    tl.sort(tl.asarray(array))
    np.testing.assert_array_equal(array, before)


def test_top_k(rng: np.random.Generator) -> None:
    array = rng.integers(0, 9, (3, 4, 7)).astype(np.float32)
    values, indices = found = tl.top_k(tl.asarray(array), 3)
    assert found._fields == ("values", "indices")
    order = np.argsort(-array, -1, kind="stable")[..., :3]
    np.testing.assert_array_equal(indices.numpy(), order, strict=True)
    np.testing.assert_array_equal(values.numpy(), np.take_along_axis(array, order, -1), strict=True)
    assert tl.top_k(array, 0).values.shape == (3, 4, 0)
    assert tl.top_k([1, 3, 3, 2], k=2, sorted=False).indices.tolist() == [1, 2]
    assert tl.top_k([1.0, NAN, 3.0], 2).values.tolist() == [3.0, 1.0]


def test_unique_functions_treat_each_nan_as_distinct() -> None:
    x = tl.asarray([[NAN, 1.0], [NAN, 1.0], [-0.0, 0.0]], device="reference")
    found = tl.unique_all(x)
    assert found._fields == ("values", "indices", "inverse_indices", "counts")
    np.testing.assert_array_equal(found.values.numpy(), np.array([0.0, 1.0, NAN, NAN], np.float32))
    assert found.indices.tolist() == [4, 1, 0, 2]
    assert found.inverse_indices.tolist() == [[2, 1], [3, 1], [0, 0]]
    assert found.counts.tolist() == [2, 2, 1, 1]
    assert {part.device for part in found} == {"reference"}
    assert tl.isin(x, [NAN, 0.0]).tolist() == [[False, False], [False, False], [True, True]]
    assert tl.isin(3, tl.asarray([1, 3], dtype="int8", device="reference")).item() is True
    assert tl.isin([1, 2], tl.asarray([], dtype="int64"), invert=True).tolist() == [True, True]


def test_searchsorted_results_and_dtypes() -> None:
    row = tl.asarray([1.0, 2.0, 2.0, 5.0], device="reference")
    assert tl.searchsorted(row, [0.0, 2.0, 9.0]).tolist() == [0, 1, 4]
    right = tl.searchsorted(row, tl.asarray([[2.0]], dtype="float64", device="reference"), side="right")
    assert right.tolist() == [[3]]
    assert right.dtype == np.int64
    assert right.device == "reference"
    assert tl.searchsorted([5, 1, 2], [2], sorter=tl.asarray([1, 2, 0])).tolist() == [1]
    assert tl.searchsorted(tl.asarray([], dtype="int64"), [2], sorter=[]).tolist() == [0]
    with tl.device("reference"):
        assert [part.tolist() for part in tl.nonzero([[0, 3], [4, 0]])] == [[0, 1], [1, 0]]
        assert tl.count_nonzero([[0.0, NAN], [1.0, -0.0]], axis=0).tolist() == [1, 1]
        assert tl.count_nonzero(np.ones((2, 3), bool), keepdims=True).tolist() == [[6]]
        assert tl.count_nonzero([]).item() == 0


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: tl.sort(3.0), ShapeError, r"^sort: expected no axis for a tensor of rank 0, received -1$"),
        (lambda: tl.argsort([3.0], axis=1), ShapeError, r"^argsort: expected an axis from -1 to 0 .* received 1$"),
        (
            lambda: tl.top_k([1, 2], 3),
            ShapeError,
            r"^top_k: expected at least 3 elements along the last axis, received",
        ),
        (
            lambda: tl.top_k(1, 0),
            ShapeError,
            r"^top_k: expected at least 0 elements along the last axis, received shap",
        ),
        (lambda: tl.top_k([1, 2], -1), ArgumentError, r"^top_k: expected k of at least 0, received -1$"),
        (lambda: tl.top_k([1, 2], 1.5), ArgumentTypeError, r"^top_k: expected an integer k, received 1\.5$"),
        (lambda: tl.nonzero(3), ShapeError, r"^nonzero: expected a tensor with an axis, received a tensor of rank 0; "),
        (lambda: tl.searchsorted([[1]], 1), ShapeError, r"^searchsorted: expected a sorted vector, received shape \(1"),
        (
            lambda: tl.searchsorted([1], 1, side="up"),
            ArgumentError,
            r"^searchsorted: expected side 'left' or 'right', ",
        ),
        (
            lambda: tl.searchsorted([1], tl.asarray(1.0)),
            DTypeError,
            r"^searchsorted: expected arrays of one kind of dtype, recei",
        ),
        (
            lambda: tl.searchsorted([1, 2], 1, sorter=[0]),
            ShapeError,
            r"^searchsorted: expected a sorter of shape \(2,\), received \(1,\)$",
        ),
        (
            lambda: tl.searchsorted([1, 2], 1, sorter=[0.0, 1.0]),
            DTypeError,
            r"^searchsorted: expected a sorter of integers, received float32$",
        ),
        (
            lambda: tl.searchsorted([1, 2], 1, sorter=[0, 2]),
            IndexOutOfBoundsError,
            r"^searchsorted: expected a sorter of numbers from 0 to 1, received from 0 to 2$",
        ),
        (
            lambda: tl.searchsorted(tl.asarray([1]), tl.asarray(1, device="reference")),
            DeviceError,
            r"^searchsorted: expected tensors on one device, received 'cpu' and 'reference'; move one of them",
        ),
        (lambda: tl.isin([1], [1.0]), DTypeError, r"^isin: expected arrays of one kind of dtype, received int64 and"),
        (lambda: tl.unique_all(None), ArgumentTypeError, r"^unique_all: expected a tensor, an array or a number, rec"),
        (lambda: tl.count_nonzero([1], axis=(0, 0)), ShapeError, r"^count_nonzero: expected axes that differ, rece"),
    ],
)
def test_invalid_arguments_are_rejected(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with tl.device("cpu"), pytest.raises(kind, match=message):
        call()
