"""What real numbers are made of: signs, neighbours, and those that are no numbers."""

from __future__ import annotations

import math

from tensorlab.ops.lift import elementwise

__all__ = [
    "copysign",
    "isfinite",
    "isinf",
    "isnan",
    "nextafter",
    "signbit",
]

_test = elementwise(domain="number", result="bool")


@_test
def isnan(x: float) -> float:
    """Whether it is NaN, of numbers; no integer is. Source: array API standard."""
    return x != x


@_test
def isfinite(x: float) -> float:
    """Whether it is neither infinite nor NaN, of numbers; every integer is. Source: array API standard."""
    return x - x == 0


@_test
def isinf(x: float) -> float:
    """Whether it is infinite, of numbers; no integer is. Source: array API standard."""
    return x == x and x - x != 0


@elementwise(result="bool")
def signbit(x: float) -> float:
    """Whether the sign bit is set, real: of negative numbers, of -0, and of a NaN that has one.

    Source: array API standard.
    """
    return math.copysign(1.0, x) < 0


@elementwise
def copysign(x1: float, x2: float) -> float:
    """``|x1|`` with the sign of ``x2``, real, zeros and NaN included. Source: array API standard."""
    return math.copysign(x1, x2)


@elementwise
def nextafter(x1: float, x2: float) -> float:
    """The number of the dtype next to ``x1`` in the direction of ``x2``; ``x2`` where they are equal.

    Source: array API standard.
    """
    return math.nextafter(x1, x2)
