"""Check comparisons of tensors with Python numbers, also beyond the range of the dtype, against exact results."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.dtypes import NAMES
from tensorlab.errors import ArgumentError

Comparison = Callable[[Any, Any], Any]
COMPARISONS: list[tuple[Comparison, Comparison]] = [
    (operator.eq, tl.equal),
    (operator.ne, tl.not_equal),
    (operator.lt, tl.less),
    (operator.le, tl.less_equal),
    (operator.gt, tl.greater),
    (operator.ge, tl.greater_equal),
]
WHOLE = [300, -1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**30, -(10**30), True]
REAL = [1.0, 1.5, -1.5, 1.0000000001, 1e30, 2.0**53, 2.0**63, -(2.0**63), 2.0**64, math.inf, -math.inf, math.nan]


@pytest.fixture(autouse=True)
def _reference() -> Iterator[None]:
    with tl.device("reference"):
        yield


def values(dtype: str) -> list[Any]:
    if dtype == "bool":
        return [False, True]
    if dtype.startswith("float"):
        return [0.0, 1.0, -1.5, 2.0**53, 2.0**63, math.inf, -math.inf, math.nan]
    limits = np.iinfo(dtype)
    near = [0, 1, 100, 2**53 + 1, limits.min, limits.max - 1, limits.max]
    return [value for value in near if limits.min <= value <= limits.max]


def rounded(number: Any, dtype: str) -> Any:
    """Return the number rounded to a dtype."""
    return np.dtype(dtype).type(number).item()


@pytest.mark.parametrize("dtype", NAMES)
def test_comparisons_with_numbers_match_python(dtype: str) -> None:
    elements = values(dtype)
    x = tl.asarray(elements, dtype=dtype)
    for number in [*WHOLE, *REAL]:
        if dtype.startswith("float") and not math.isnan(number) and rounded(number, dtype) != number:
            continue  # the number is rounded to the dtype first
        for plain, operation in COMPARISONS:
            expected = [plain(element, number) for element in elements]
            assert plain(x, number).tolist() == expected, (plain, number)
            assert operation(x, number).tolist() == expected, (operation, number)
            assert operation(number, x).tolist() == [plain(number, element) for element in elements]


def test_float_comparisons_with_integers_beyond_float_range() -> None:
    """Such integers compare like infinity."""
    x = tl.asarray([0.0, -3e38, math.nan])
    for number in (10**400, -(10**400)):
        for plain, _ in COMPARISONS:
            assert plain(x, number).tolist() == [plain(element, number) for element in x.tolist()]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int32", "int64"])
def test_comparisons_with_lists_match_python(dtype: str) -> None:
    elements = [0, 1, 1]
    x = tl.asarray(elements, dtype=dtype)
    for numbers in ([300, 1, -200], [0.5, 1.0, 1.5], [0, 1.0, 2**40]):
        for plain, _ in COMPARISONS:
            assert plain(x, numbers).tolist() == [plain(a, b) for a, b in zip(elements, numbers, strict=True)]


def test_comparison_with_a_list_beyond_64_bits_is_rejected() -> None:
    """Converting the list to float64 would round the other numbers."""
    with pytest.raises(ArgumentError, match=r"^equal: expected numbers that int64 holds, received \[1000000"):
        tl.asarray([2**53 + 1, 1]) == [10**30, 2**53]  # noqa: B015


def test_bool_comparison_does_not_convert_the_number_to_bool() -> None:
    x = tl.asarray([True, False])
    for _ in range(2):  # the second call may use a cached comparison
        assert (x == True).tolist() == [True, False]  # noqa: E712
        assert (x == 5).tolist() == [False, False]
        assert (x & 2).tolist() == [0, 0]
