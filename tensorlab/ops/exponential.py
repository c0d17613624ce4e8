"""Exponentials, logarithms, roots, and what is made of them; all real: integers become float32 first."""

from __future__ import annotations

import math

from tensorlab.ops.lift import elementwise
from tensorlab.ops.probabilities import Sigmoid
from tensorlab.scalars import scalar_function

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
    "sigmoid",
    "sqrt",
]


@elementwise
def sqrt(x: float) -> float:
    """``√x``; NaN below 0. Source: array API standard."""
    return math.sqrt(x)


@elementwise
def rsqrt(x: float) -> float:
    """``1 / √x``. Source: Keras, ``ops.rsqrt``."""
    return 1.0 / math.sqrt(x)


@elementwise
def exp(x: float) -> float:
    """``eˣ``. Source: array API standard."""
    return math.exp(x)


@elementwise
def expm1(x: float) -> float:
    """``eˣ - 1``, accurate near 0. Source: array API standard."""
    return math.expm1(x)


@elementwise
def log(x: float) -> float:
    """The natural logarithm; NaN below 0. Source: array API standard."""
    return math.log(x)


@elementwise
def log1p(x: float) -> float:
    """``ln(1 + x)``, accurate near 0; NaN below -1. Source: array API standard."""
    return math.log1p(x)


@elementwise
def log2(x: float) -> float:
    """The logarithm to base 2; NaN below 0. Source: array API standard."""
    return math.log2(x)


@elementwise
def log10(x: float) -> float:
    """The logarithm to base 10; NaN below 0. Source: array API standard."""
    return math.log10(x)


@elementwise
def logaddexp(x1: float, x2: float) -> float:
    """``ln(exp(x1) + exp(x2))``, without overflow on the way. Source: array API standard."""
    difference = x1 - x2
    if difference <= 0:
        return x2 + math.log1p(math.exp(difference))
    if x1 != x2:
        return x1 + math.log1p(math.exp(-difference))
    return 0.5 * x1 + 0.5 * x2  # one infinity twice, which share the gradient


@elementwise
def erf(x: float) -> float:
    """The error function, ``2/√π ∫₀ˣ exp(-t²) dt``. Source: ``math.erf``."""
    return math.erf(x)


@elementwise
def erfc(x: float) -> float:
    """``1 - erf(x)``, accurate where that is near 0. Source: ``math.erfc``."""
    return math.erfc(x)


def _sigmoid(x: float) -> float:
    """``1 / (1 + e⁻ˣ)``. The result remembers ``x`` for a crossentropy, as that of `softmax` does."""
    return 1.0 / (1.0 + math.exp(-x))


sigmoid = Sigmoid(scalar_function(_sigmoid), name="sigmoid")
