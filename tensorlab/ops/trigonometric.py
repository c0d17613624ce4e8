"""Elementwise trigonometric and hyperbolic functions. Angles are in radians; integers are converted to float32."""

from __future__ import annotations

import math

from tensorlab.ops.lift import elementwise

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "hypot",
    "sin",
    "sinh",
    "tan",
    "tanh",
]


@elementwise
def sin(x: float) -> float:
    """Return the sine of ``x`` radians. Source: array API standard."""
    return math.sin(x)


@elementwise
def cos(x: float) -> float:
    """Return the cosine of ``x`` radians. Source: array API standard."""
    return math.cos(x)


@elementwise
def tan(x: float) -> float:
    """Return the tangent of ``x`` radians. Source: array API standard."""
    return math.tan(x)


@elementwise
def asin(x: float) -> float:
    """Return the angle in ``[-π/2, π/2]`` whose sine is ``x``; NaN outside of [-1, 1]. Source: array API standard."""
    return math.asin(x)


@elementwise
def acos(x: float) -> float:
    """Return the angle in ``[0, π]`` whose cosine is ``x``; NaN outside of [-1, 1]. Source: array API standard."""
    return math.acos(x)


@elementwise
def atan(x: float) -> float:
    """Return the angle in ``[-π/2, π/2]`` whose tangent is ``x``. Source: array API standard."""
    return math.atan(x)


@elementwise
def atan2(x1: float, x2: float) -> float:
    """Return the angle in ``[-π, π]`` of the point with abscissa ``x2`` and ordinate ``x1``.

    Source: array API standard.
    """
    return math.atan2(x1, x2)


@elementwise
def hypot(x1: float, x2: float) -> float:
    """Return ``√(x1² + x2²)``, without intermediate overflow; infinite if either is. Source: array API standard."""
    return math.hypot(x1, x2)


@elementwise
def sinh(x: float) -> float:
    """Return the hyperbolic sine. Source: array API standard."""
    return math.sinh(x)


@elementwise
def cosh(x: float) -> float:
    """Return the hyperbolic cosine. Source: array API standard."""
    return math.cosh(x)


@elementwise
def tanh(x: float) -> float:
    """Return the hyperbolic tangent. Source: array API standard."""
    return math.tanh(x)


@elementwise
def asinh(x: float) -> float:
    """Return the number whose hyperbolic sine is ``x``. Source: array API standard."""
    return math.asinh(x)


@elementwise
def acosh(x: float) -> float:
    """Return the non-negative number whose hyperbolic cosine is ``x``; NaN below 1. Source: array API standard."""
    return math.acosh(x)


@elementwise
def atanh(x: float) -> float:
    """Return the number whose hyperbolic tangent is ``x``; NaN outside of [-1, 1]. Source: array API standard."""
    return math.atanh(x)
