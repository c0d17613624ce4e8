"""Elementwise exponentials, logarithms, roots and the error function. Integers are converted to float32."""

from __future__ import annotations

import math

from tensorlab.ops.lift import elementwise

__all__ = [
    "erf",
    "erfc",
    "exp",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "rsqrt",
    "sqrt",
]


@elementwise
def sqrt(x: float) -> float:
    """Return ``√x``; NaN below 0. Source: array API standard."""
    return math.sqrt(x)


@elementwise
def rsqrt(x: float) -> float:
    """Return ``1 / √x``. Source: Keras, ``keras.ops.rsqrt``."""
    return 1.0 / math.sqrt(x)


@elementwise
def exp(x: float) -> float:
    """Return ``eˣ``. Source: array API standard."""
    return math.exp(x)


@elementwise
def expm1(x: float) -> float:
    """Return ``eˣ - 1``, accurately near 0. Source: array API standard."""
    return math.expm1(x)


@elementwise
def log(x: float) -> float:
    """Return the natural logarithm; NaN below 0. Source: array API standard."""
    return math.log(x)


@elementwise
def log1p(x: float) -> float:
    """Return ``ln(1 + x)``, accurately near 0; NaN below -1. Source: array API standard."""
    return math.log1p(x)


@elementwise
def log2(x: float) -> float:
    """Return the logarithm to base 2; NaN below 0. Source: array API standard."""
    return math.log2(x)


@elementwise
def log10(x: float) -> float:
    """Return the logarithm to base 10; NaN below 0. Source: array API standard."""
    return math.log10(x)


@elementwise
def logaddexp(x1: float, x2: float) -> float:
    """Return ``ln(exp(x1) + exp(x2))``, without intermediate overflow. Source: array API standard."""
    difference = x1 - x2
    if difference <= 0:
        return x2 + math.log1p(math.exp(difference))
    if x1 != x2:
        return x1 + math.log1p(math.exp(-difference))
    return 0.5 * x1 + 0.5 * x2  # equal infinities: each takes half of the gradient


@elementwise
def erf(x: float) -> float:
    """Return the error function, ``2/√π ∫₀ˣ exp(-t²) dt``. Source: ``math.erf``."""
    return math.erf(x)


@elementwise
def erfc(x: float) -> float:
    """Return ``1 - erf(x)``, accurately where that is near 0. Source: ``math.erfc``."""
    return math.erfc(x)
