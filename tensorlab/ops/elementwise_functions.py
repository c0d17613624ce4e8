"""Elementwise operations: each is a plain Python function of numbers, lifted over broadcast arrays.

The functions below are the definitions. Their derivatives come from their source.
"""

from __future__ import annotations

import math
from typing import Any

from tensorlab import dtypes
from tensorlab.errors import DTypeError
from tensorlab.ops.dispatch import as_tensor, is_scalar
from tensorlab.ops.lift import astype, elementwise
from tensorlab.tensor import Tensor

__all__ = [
    "abs",
    "add",
    "clip",
    "cos",
    "cosh",
    "divide",
    "equal",
    "erf",
    "exp",
    "expm1",
    "greater",
    "greater_equal",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log2",
    "log10",
    "logical_and",
    "logical_not",
    "logical_or",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "not_equal",
    "pow",
    "relu",
    "sigmoid",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "where",
]

# The table. One definition each; the decorator says which dtypes it takes and gives.
_number = elementwise(domain="number")
_any = elementwise(domain="any")
_comparison = elementwise(domain="any", result="bool")
_real_test = elementwise(domain="real", result="bool")
_logical = elementwise(domain="any", result="bool")


@_number
def add(x1: float, x2: float) -> float:
    """``x1 + x2``."""
    return x1 + x2


@_number
def subtract(x1: float, x2: float) -> float:
    """``x1 - x2``."""
    return x1 - x2


@_number
def multiply(x1: float, x2: float) -> float:
    """``x1 * x2``."""
    return x1 * x2


@elementwise
def divide(x1: float, x2: float) -> float:
    """``x1 / x2``, real."""
    return x1 / x2


@elementwise
def pow(x1: float, x2: float) -> float:
    """``x1 ** x2``, real."""
    return math.pow(x1, x2)


@_number
def negative(x: float) -> float:
    """``-x``."""
    return -x


@_number
def abs(x: float) -> float:
    """``|x|``; the derivative at 0 is 0."""
    return x if x > 0 else (-x if x < 0 else x * x)


@_number
def sign(x: float) -> float:
    """-1, 0 or 1; NaN for NaN."""
    return 1 if x > 0 else (-1 if x < 0 else x - x)


@_number
def square(x: float) -> float:
    """``x²``."""
    return x * x


@_any
def maximum(x1: float, x2: float) -> float:
    """The larger of the two, NaN if either is; between equals the gradient goes to the first."""
    return x1 if x1 >= x2 or x1 != x1 else x2


@_any
def minimum(x1: float, x2: float) -> float:
    """The smaller of the two, NaN if either is; between equals the gradient goes to the first."""
    return x1 if x1 <= x2 or x1 != x1 else x2


@elementwise
def sqrt(x: float) -> float:
    """``√x``."""
    return math.sqrt(x)


@elementwise
def exp(x: float) -> float:
    """``eˣ``."""
    return math.exp(x)


@elementwise
def expm1(x: float) -> float:
    """``eˣ - 1``, accurate near 0."""
    return math.expm1(x)


@elementwise
def log(x: float) -> float:
    """The natural logarithm."""
    return math.log(x)


@elementwise
def log1p(x: float) -> float:
    """``ln(1 + x)``, accurate near 0."""
    return math.log1p(x)


@elementwise
def log2(x: float) -> float:
    """The logarithm to base 2."""
    return math.log2(x)


@elementwise
def log10(x: float) -> float:
    """The logarithm to base 10."""
    return math.log10(x)


@elementwise
def sin(x: float) -> float:
    """The sine of ``x`` radians."""
    return math.sin(x)


@elementwise
def cos(x: float) -> float:
    """The cosine of ``x`` radians."""
    return math.cos(x)


@elementwise
def tan(x: float) -> float:
    """The tangent of ``x`` radians."""
    return math.tan(x)


@elementwise
def sinh(x: float) -> float:
    """The hyperbolic sine."""
    return math.sinh(x)


@elementwise
def cosh(x: float) -> float:
    """The hyperbolic cosine."""
    return math.cosh(x)


@elementwise
def tanh(x: float) -> float:
    """The hyperbolic tangent."""
    return math.tanh(x)


@elementwise
def erf(x: float) -> float:
    """The error function, ``2/√π ∫₀ˣ exp(-t²) dt``."""
    return math.erf(x)


@elementwise
def sigmoid(x: float) -> float:
    """``1 / (1 + e⁻ˣ)``."""
    return 1.0 / (1.0 + math.exp(-x))


@_number
def relu(x: float) -> float:
    """``max(x, 0)``; the derivative at 0 is 0, NaN stays NaN."""
    return 0 if x <= 0 else x


@_real_test
def isnan(x: float) -> float:
    """Whether it is NaN."""
    return x != x


@_real_test
def isfinite(x: float) -> float:
    """Whether it is neither infinite nor NaN."""
    return x - x == 0


@_real_test
def isinf(x: float) -> float:
    """Whether it is infinite."""
    return x == x and x - x != 0


@_comparison
def equal(x1: float, x2: float) -> float:
    """``x1 == x2``."""
    return x1 == x2


@_comparison
def not_equal(x1: float, x2: float) -> float:
    """``x1 != x2``."""
    return x1 != x2


@_comparison
def less(x1: float, x2: float) -> float:
    """``x1 < x2``."""
    return x1 < x2


@_comparison
def less_equal(x1: float, x2: float) -> float:
    """``x1 <= x2``."""
    return x1 <= x2


@_comparison
def greater(x1: float, x2: float) -> float:
    """``x1 > x2``."""
    return x1 > x2


@_comparison
def greater_equal(x1: float, x2: float) -> float:
    """``x1 >= x2``."""
    return x1 >= x2


@_logical
def logical_and(x1: float, x2: float) -> float:
    """Whether both are non-zero."""
    return x1 != 0 and x2 != 0


@_logical
def logical_or(x1: float, x2: float) -> float:
    """Whether either is non-zero."""
    return x1 != 0 or x2 != 0


@_logical
def logical_not(x: float) -> float:
    """Whether it is zero."""
    return x == 0


@_any
def _select(condition: float, x1: float, x2: float) -> float:
    return x1 if condition != 0 else x2


def where(condition: Any, x1: Any, x2: Any) -> Tensor:
    """``x1`` where the condition is true, else ``x2``; all three broadcast.

    Source: Python array API standard, ``where``.
    """
    chosen = as_tensor(condition, "where")
    if chosen.dtype.kind != "b":
        raise DTypeError("where", "a condition of bool", str(chosen.dtype), "compare it, e.g. x != 0")
    branches = [x for x in (x1, x2) if not is_scalar(x)]
    target = dtypes.result_type(
        "where", [as_tensor(x, "where").dtype for x in branches], [x for x in (x1, x2) if is_scalar(x)]
    )
    return _select(astype(chosen, target), x1, x2)


def clip(x: Any, min: Any = None, max: Any = None) -> Tensor:
    """``x`` limited to ``[min, max]``; either bound may be None.

    Source: Python array API standard, ``clip``.
    """
    lower = x if min is None else maximum(x, min)
    return as_tensor(lower if max is None else minimum(lower, max), "clip")
