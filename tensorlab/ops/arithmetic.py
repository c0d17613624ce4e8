"""Elementwise arithmetic.

Integers wrap around as in NumPy. An integer divided by zero is 0, and never raises or stops the program.
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
    """Return ``x1 + x2``. Takes every dtype but bool. Source: array API standard."""
    return x1 + x2


@_number
def subtract(x1: float, x2: float) -> float:
    """Return ``x1 - x2``. Takes every dtype but bool. Source: array API standard."""
    return x1 - x2


@_number
def multiply(x1: float, x2: float) -> float:
    """Return ``x1 * x2``. Takes every dtype but bool. Source: array API standard."""
    return x1 * x2


@elementwise
def divide(x1: float, x2: float) -> float:
    """Return ``x1 / x2``. Integers are converted to float32. Source: array API standard."""
    return x1 / x2


@elementwise
def reciprocal(x: float) -> float:
    """Return ``1 / x``. Integers are converted to float32. Source: array API standard."""
    return 1.0 / x


@_number
def negative(x: float) -> float:
    """Return ``-x``. Takes every dtype but bool. Source: array API standard."""
    return -x


@_number
def positive(x: float) -> float:
    """Return ``+x``, which is ``x``. Takes every dtype but bool. Source: array API standard."""
    return x


@_number
def abs(x: float) -> float:
    """Return ``|x|``. Takes every dtype but bool.

    The least integer of a signed dtype is returned as it is. The derivative at 0 is 0.

    Source: array API standard.
    """
    return builtins.abs(x)


@_number
def sign(x: float) -> float:
    """Return the sign of ``x``: -1, 0 or 1; NaN for NaN. Takes every dtype but bool. Source: array API standard."""
    return 1 if x > 0 else (-1 if x < 0 else x - x)


@_number
def square(x: float) -> float:
    """Return ``x²``. Takes every dtype but bool. Source: array API standard."""
    return x * x


def _integer_quotient(x1: int, x2: int) -> int:
    # processors trap on a division by zero, and of the least integer by -1
    if x2 == 0:
        return 0
    if x2 < 0 and x2 == -1:  # as an unsigned integer, -1 is the largest number
        return -x1
    return x1 // x2


@elementwise(domain="number", kinds={"integer": _integer_quotient})
def floor_divide(x1: float, x2: float) -> float:
    """Return ``⌊x1 / x2⌋``, the largest integer not greater than the quotient. Takes every dtype but bool.

    A real number divided by zero, and an infinity divided by a number, is infinite. An integer divided by zero is 0.

    Source: array API standard. Python and NumPy give NaN for infinities.
    """
    quotient = x1 / x2
    whole = quotient
    if x1 - x1 == 0 and x2 != 0:
        rest = math.fmod(x1, x2)  # exact, unlike the quotient of large numbers
        whole = (x1 - rest) / x2
        if rest != 0 and (rest < 0) != (x2 < 0):
            whole = whole - 1.0
    return math.copysign(builtins.round(whole), quotient)


def _integer_remainder(x1: int, x2: int) -> int:
    if x2 == 0 or (x2 < 0 and x2 == -1):  # see `_integer_quotient`
        return 0
    return x1 % x2


@elementwise(domain="number", kinds={"integer": _integer_remainder})
def remainder(x1: float, x2: float) -> float:
    """Return ``x1 - ⌊x1 / x2⌋ · x2``, which has the sign of ``x2``. Takes every dtype but bool.

    The remainder of a division by zero is NaN, and 0 for integers.

    Source: array API standard; Python's ``%``.
    """
    return x1 % x2
