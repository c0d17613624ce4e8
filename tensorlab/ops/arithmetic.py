"""Sums, products and quotients of numbers.

Integers wrap around as in NumPy, and nothing that is done to them traps: divided by zero they give 0.
"""

from __future__ import annotations

import builtins
import math

from tensorlab.ops.lift import elementwise

__all__ = [
    "abs",
    "add",
    "divide",
    "floor_divide",
    "multiply",
    "negative",
    "positive",
    "reciprocal",
    "remainder",
    "sign",
    "square",
    "subtract",
]

_number = elementwise(domain="number")


@_number
def add(x1: float, x2: float) -> float:
    """``x1 + x2``, of numbers. Source: array API standard."""
    return x1 + x2


@_number
def subtract(x1: float, x2: float) -> float:
    """``x1 - x2``, of numbers. Source: array API standard."""
    return x1 - x2


@_number
def multiply(x1: float, x2: float) -> float:
    """``x1 * x2``, of numbers. Source: array API standard."""
    return x1 * x2


@elementwise
def divide(x1: float, x2: float) -> float:
    """``x1 / x2``, real: integers become float32 first. Source: array API standard."""
    return x1 / x2


@elementwise
def reciprocal(x: float) -> float:
    """``1 / x``, real. Source: array API standard."""
    return 1.0 / x


@_number
def negative(x: float) -> float:
    """``-x``, of numbers. Source: array API standard."""
    return -x


@_number
def positive(x: float) -> float:
    """``+x``: numbers as they are. Source: array API standard."""
    return x


@_number
def abs(x: float) -> float:
    """``|x|``, of numbers; the most negative integer stays what it is, and the derivative at 0 is 0.

    Source: array API standard.
    """
    return builtins.abs(x)


@_number
def sign(x: float) -> float:
    """-1, 0 or 1, of numbers; 0 for either zero, NaN for NaN. Source: array API standard."""
    return 1 if x > 0 else (-1 if x < 0 else x - x)


@_number
def square(x: float) -> float:
    """``x²``, of numbers. Source: array API standard."""
    return x * x


def _whole_quotient(x1: int, x2: int) -> int:
    # a processor traps on a division by zero, and on that of the most negative number by -1
    if x2 == 0:
        return 0
    if x2 < 0 and x2 == -1:  # unsigned, -1 is the largest number
        return -x1
    return x1 // x2


@elementwise(domain="number", kinds={"integer": _whole_quotient})
def floor_divide(x1: float, x2: float) -> float:
    """``⌊x1 / x2⌋``, of numbers: the largest whole number that is not above the quotient.

    An infinity divided by a number is infinite, and so is a number divided by zero; an integer divided by zero is 0.

    Source: array API standard. Python and NumPy give NaN for infinities.
    """
    quotient = x1 / x2
    whole = quotient
    if x1 - x1 == 0 and x2 != 0:
        rest = math.fmod(x1, x2)  # exact, where the quotient of large numbers is not
        whole = (x1 - rest) / x2
        if rest != 0 and (rest < 0) != (x2 < 0):
            whole = whole - 1.0
    return math.copysign(builtins.round(whole), quotient)


def _whole_remainder(x1: int, x2: int) -> int:
    if x2 == 0 or (x2 < 0 and x2 == -1):  # see `_whole_quotient`
        return 0
    return x1 % x2


@elementwise(domain="number", kinds={"integer": _whole_remainder})
def remainder(x1: float, x2: float) -> float:
    """``x1 - ⌊x1 / x2⌋ · x2``, of numbers, with the sign of ``x2``. By zero it is NaN, and 0 of integers.

    Source: array API standard; Python's ``%``.
    """
    return x1 % x2
