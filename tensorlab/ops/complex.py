"""The functions of complex numbers that real ones have, too: there is no complex dtype."""

from __future__ import annotations

from tensorlab.ops.lift import elementwise

__all__ = [
    "conj",
    "imag",
    "real",
]

_number = elementwise(domain="number")


@_number
def conj(x: float) -> float:
    """The complex conjugate: of real numbers, themselves. Source: array API standard."""
    return x


@_number
def real(x: float) -> float:
    """The real part: of real numbers, themselves. Source: array API standard."""
    return x


@_number
def imag(x: float) -> float:
    """The imaginary part: of real numbers 0. Source: array API standard."""
    return 0
