"""Logic on truth, and on the bits of integers."""

from __future__ import annotations

from tensorlab.ops.lift import elementwise

__all__ = [
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
]

# The standard has these for bools alone; a number counts as true unless it is zero, as in NumPy.
_logical = elementwise(domain="any", result="bool")


@_logical
def logical_and(x1: float, x2: float) -> float:
    """Whether both are true; numbers are if they are not 0. Source: array API standard."""
    return x1 != 0 and x2 != 0


@_logical
def logical_or(x1: float, x2: float) -> float:
    """Whether either is true; numbers are if they are not 0. Source: array API standard."""
    return x1 != 0 or x2 != 0


@_logical
def logical_xor(x1: float, x2: float) -> float:
    """Whether one is true and the other is not; numbers are if they are not 0. Source: array API standard."""
    return (x1 != 0) != (x2 != 0)


@_logical
def logical_not(x: float) -> float:
    """Whether it is false; numbers are if they are 0. Source: array API standard."""
    return x == 0


_bits = elementwise(domain="bits")


@_bits
def bitwise_and(x1: int, x2: int) -> int:
    """``x1 & x2``, of integers or bools. Source: array API standard."""
    return x1 & x2


@_bits
def bitwise_or(x1: int, x2: int) -> int:
    """``x1 | x2``, of integers or bools. Source: array API standard."""
    return x1 | x2


@_bits
def bitwise_xor(x1: int, x2: int) -> int:
    """``x1 ^ x2``, of integers or bools. Source: array API standard."""
    return x1 ^ x2


def _opposite(x: int) -> int:
    return x == 0


@elementwise(domain="bits", kinds={"bool": _opposite})
def bitwise_invert(x: int) -> int:
    """``~x``, of integers or bools: every bit is changed. Source: array API standard."""
    return ~x


_shift = elementwise(domain="integer")


@_shift
def bitwise_left_shift(x1: int, x2: int) -> int:
    """``x1 << x2``, of integers; 0 where all bits are shifted out, and where ``x2`` is negative, as in NumPy.

    Source: array API standard.
    """
    return x1 << x2 if x2 >= 0 and x2 < 64 else 0


@_shift
def bitwise_right_shift(x1: int, x2: int) -> int:
    """``x1 >> x2``, of integers; what is shifted in is the sign, which alone is left where ``x2`` is negative, as in
    NumPy, or too large.

    Source: array API standard.
    """
    return x1 >> x2 if x2 >= 0 and x2 < 64 else (-1 if x1 < 0 else 0)
