"""Elementwise tests and functions of floating-point numbers: NaN, infinity, signs and neighbours."""

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
    """Return whether ``x`` is NaN; False for integers. Source: array API standard."""
    return x != x


@_test
def isfinite(x: float) -> float:
    """Return whether ``x`` is neither infinite nor NaN; True for integers. Source: array API standard."""
    return x - x == 0


@_test
def isinf(x: float) -> float:
    """Return whether ``x`` is infinite; False for integers. Source: array API standard."""
    return x == x and x - x != 0


@elementwise(result="bool")
def signbit(x: float) -> float:
    """Return whether the sign bit is set: for negative numbers, -0.0 and a NaN with a sign.

    Source: array API standard.
    """
    return math.copysign(1.0, x) < 0


@elementwise
def copysign(x1: float, x2: float) -> float:
    """Return ``|x1|`` with the sign of ``x2``, also for zeros and NaN. Source: array API standard."""
    return math.copysign(x1, x2)


@elementwise
def nextafter(x1: float, x2: float) -> float:
    """Return the number next to ``x1`` in its dtype, towards ``x2``; ``x2`` if they are equal.

    Source: array API standard.
    """
    return math.nextafter(x1, x2)
