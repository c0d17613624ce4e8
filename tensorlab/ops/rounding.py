"""Elementwise rounding. Integers are returned as they are; a zero has the sign of the number that was rounded."""

from __future__ import annotations

import builtins
import math

from tensorlab.ops.lift import elementwise

__all__ = [
    "ceil",
    "floor",
    "round",
    "trunc",
]


def _itself(x: int) -> int:
    return x


_rounding = elementwise(domain="number", kinds={"integer": _itself})


@_rounding
def ceil(x: float) -> float:
    """Return the smallest integer not less than ``x``. Source: array API standard."""
    return math.copysign(math.ceil(x), x)


@_rounding
def floor(x: float) -> float:
    """Return the largest integer not greater than ``x``. Source: array API standard."""
    return math.copysign(math.floor(x), x)


@_rounding
def round(x: float) -> float:
    """Return the nearest integer; ties go to the even one. Source: array API standard."""
    return math.copysign(builtins.round(x), x)


@_rounding
def trunc(x: float) -> float:
    """Return ``x`` rounded toward zero. Source: array API standard."""
    return math.copysign(math.trunc(x), x)
