"""Whole numbers near a number. Integers are as they are; a zero keeps the sign of what was rounded."""

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
    """The smallest whole number that is not below ``x``. Source: array API standard."""
    return math.copysign(math.ceil(x), x)


@_rounding
def floor(x: float) -> float:
    """The largest whole number that is not above ``x``. Source: array API standard."""
    return math.copysign(math.floor(x), x)


@_rounding
def round(x: float) -> float:
    """The nearest whole number, the even one of two that are as near. Source: array API standard."""
    return math.copysign(builtins.round(x), x)


@_rounding
def trunc(x: float) -> float:
    """The nearest whole number that is not further from 0 than ``x``. Source: array API standard."""
    return math.copysign(math.trunc(x), x)
