"""Elementwise logic and bitwise operations."""

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

# The standard defines these for bools only. As in NumPy, a number is true unless it is zero.
_logical = elementwise(domain="any", result="bool")


@_logical
def logical_and(x1: float, x2: float) -> float:
    """Return whether both are true; a number is true unless it is 0. Source: array API standard."""
    return x1 != 0 and x2 != 0


@_logical
def logical_or(x1: float, x2: float) -> float:
    """Return whether either is true; a number is true unless it is 0. Source: array API standard."""
    return x1 != 0 or x2 != 0


@_logical
def logical_xor(x1: float, x2: float) -> float:
    """Return whether exactly one is true; a number is true unless it is 0. Source: array API standard."""
    return (x1 != 0) != (x2 != 0)


@_logical
def logical_not(x: float) -> float:
    """Return whether ``x`` is false; a number is true unless it is 0. Source: array API standard."""
    return x == 0


_bits = elementwise(domain="bits")


@_bits
def bitwise_and(x1: int, x2: int) -> int:
    """Return ``x1 & x2`` for integers or bools. Source: array API standard."""
    return x1 & x2


@_bits
def bitwise_or(x1: int, x2: int) -> int:
    """Return ``x1 | x2`` for integers or bools. Source: array API standard."""
    return x1 | x2


@_bits
def bitwise_xor(x1: int, x2: int) -> int:
    """Return ``x1 ^ x2`` for integers or bools. Source: array API standard."""
    return x1 ^ x2


def _opposite(x: int) -> int:
    return x == 0


@elementwise(domain="bits", kinds={"bool": _opposite})
def bitwise_invert(x: int) -> int:
    """Return ``~x`` for integers or bools: every bit is inverted. Source: array API standard."""
    return ~x


_shift = elementwise(domain="integer")


@_shift
def bitwise_left_shift(x1: int, x2: int) -> int:
    """Return ``x1 << x2`` for integers; 0 if ``x2`` is negative or too large, as in NumPy.

    Source: array API standard.
    """
    return x1 << x2 if x2 >= 0 and x2 < 64 else 0


@_shift
def bitwise_right_shift(x1: int, x2: int) -> int:
    """Return ``x1 >> x2`` for integers, with the sign shifted in.

    If ``x2`` is negative or too large the result is -1 for negative ``x1`` and 0 otherwise, as in NumPy.

    Source: array API standard.
    """
    return x1 >> x2 if x2 >= 0 and x2 < 64 else (-1 if x1 < 0 else 0)
