"""Check compiled scalar functions against plain Python: operators, rounding, comparisons, ``and`` and ``or``.

The tests use all pairs of special numbers in float64 and int64. One kernel per dtype computes all cases.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import tensorlab as tl

REALS = [-3.5, -2.5, -2.0, -1.5, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.5, 7.0, 1e10, 1e300]
SPECIAL = [math.inf, -math.inf, math.nan]
WHOLE = [-9, -8, -7, -3, -2, -1, 0, 1, 2, 3, 4, 7, 8, 9, 100]


def either(a: float, b: float, which: float) -> float:
    if which == 0:
        return a // b
    if which == 1:
        return a % b
    if which == 2:
        return round(a) + round(b * 0.5)
    if which == 3:
        return (a // 2) * 3 + a % 3 - b // 4 + (a / 2) * b
    if which == 4:
        return (1 if -1 < a <= b < 3 else 0) + (2 if a == b != 0 else 0)
    if which == 5:
        return (a and b) + (a or b) * 10 + (not a)
    return a**b


def either_whole(a: int, b: int, which: int) -> int:
    if which == 0:
        return a // b
    if which == 1:
        return a % b
    if which == 2:
        return (a & b) * 2 + (a ^ b) - (~a | b)
    if which == 3:
        return (a // 2) * 3 + a % 3 - b // 4
    if which == 4:
        return (1 if -1 < a <= b < 3 else 0) + (2 if a == b != 0 else 0)
    if which == 5:
        return (a and b) + (a or b) * 10 + (not a)
    if which == 6:
        return (a << (b & 7)) - (a >> (b & 63))
    return a ** (b & 7)


def tried(function: Any, operation: Any, numbers: list[Any], n_kinds: int, dtype: str) -> dict[str, list[Any]]:
    """Compare with plain Python where its result is real. Return the other cases and results by exception name."""
    cases = list(itertools.product(numbers, numbers, range(n_kinds)))
    received = operation(*(np.array(column, dtype) for column in zip(*cases, strict=True))).numpy()
    raised: dict[str, list[Any]] = {}
    for case, value in zip(cases, received.tolist(), strict=True):
        try:
            expected = function(*case)
        except (ArithmeticError, ValueError) as error:
            raised.setdefault(type(error).__name__, []).append((case, value))
            continue
        if isinstance(expected, complex):
            raised.setdefault("complex", []).append((case, value))
        elif dtype == "int64":
            assert value == expected, case
        elif math.isnan(expected):
            assert math.isnan(value), case
        else:
            assert value == pytest.approx(expected, rel=4e-15, abs=0.0), case
            assert expected != 0 or isinstance(expected, int) or math.copysign(1, value) == math.copysign(1, expected)
    return raised


def test_float64_results_match_python() -> None:
    raised = tried(either, tl.elementwise(either), [*REALS, *SPECIAL], 7, "float64")
    for (a, b, which), value in raised.pop("ZeroDivisionError"):
        if which == 1:
            assert math.isnan(value)
        elif which == 0:
            with np.errstate(all="ignore"):
                np.testing.assert_equal(value, float(np.float64(a) / np.float64(b)))
        else:
            assert a == 0  # 0 to a negative power
            assert math.isinf(value)
    for (_, _, which), value in raised.pop("OverflowError"):
        assert math.isinf(value) if which == 6 else not math.isfinite(value)  # round(inf) is inf
    assert all(math.isnan(value) for name in ("ValueError", "complex") for _, value in raised.pop(name))
    assert raised == {}


def test_int64_results_match_python() -> None:
    operation = tl.elementwise(domain="any")(either_whole)
    raised = tried(either_whole, operation, WHOLE, 8, "int64")
    assert {value for _, value in raised.pop("ZeroDivisionError")} == {0}
    assert raised == {}


def test_integers_wrap_on_overflow() -> None:
    operation = tl.elementwise(domain="any")(either_whole)
    a, b, which = np.array([2**62 + 1, -(2**62) - 5, 1001]), np.array([1, 2, 7]), np.array([6, 6, 7])
    expected = [either_whole(*map(int, case)) for case in zip(a, b, which, strict=True)]
    assert operation(a, b, which).numpy().tolist() == [(number + 2**63) % 2**64 - 2**63 for number in expected]
