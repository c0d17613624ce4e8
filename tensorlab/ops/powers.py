"""Powers. They need a reduction, which finds the least exponent."""

from __future__ import annotations

import math
from typing import Any

from tensorlab.errors import ArgumentError
from tensorlab.ops.dispatch import as_tensor, device_of, is_scalar
from tensorlab.ops.lift import elementwise
from tensorlab.ops.reduction import min
from tensorlab.tensor import Tensor

__all__ = ["pow"]


def _integer_power(x1: int, x2: int) -> int:
    power = 1
    while x2 > 0:  # square and multiply: one bit of the exponent per step
        if x2 & 1 == 1:
            power = power * x1
        x1 = x1 * x1
        x2 = x2 >> 1
    return power


def _power(x1: float, x2: float) -> float:
    return math.pow(x1, x2)


_pow = elementwise(domain="number", kinds={"integer": _integer_power}, name="pow")(_power)


def pow(x1: Any, x2: Any, /, *, out: Any = None) -> Tensor:
    """Return ``x1 ** x2``. An integer to the power of an integer is an integer.

    Special values follow C99: ``x ** 0`` and ``1 ** x`` are 1 for every ``x``, and a negative number to the power of a
    non-integer is NaN.

    Args:
        x1: the base: a tensor, an array or a number.
        x2: the exponent, likewise. The two broadcast.
        out: a `Variable` or a NumPy array that takes the result, and is returned.

    Raises:
        ArgumentError: for an integer base with a negative integer exponent.
        DTypeError: for bools, and for dtypes without a common type.
        ShapeError: for shapes that do not broadcast.

    Source: Python array API standard, ``pow``.

    Example:
        >>> tl.pow([1.0, 2.0, 3.0], 2)
        Tensor([1., 4., 9.], dtype=float32)
    """
    if not (isinstance(x1, Tensor) and x1.dtype.kind == "f"):
        _check_exponents(x1, x2)
    return _pow(x1, x2) if out is None else _pow(x1, x2, out=out)


def _check_exponents(base: Any, exponent: Any) -> None:
    """Raise ArgumentError for an integer to the power of a negative integer, which is not an integer."""
    device = device_of((base, exponent))
    bases, exponents = (x if is_scalar(x) else as_tensor(x, "pow", device) for x in (base, exponent))
    if not (_is_integer(bases) and _is_integer(exponents)):
        return
    lowest = exponents if is_scalar(exponents) else _lowest(exponents)
    if lowest < 0:
        raise ArgumentError(
            "pow",
            "non-negative exponents for an integer base",
            f"{lowest} in {_described(exponents)} for a base of {_described(bases)}",
            "make the base real, e.g. x.astype('float32')",
        )


def _lowest(exponents: Tensor) -> int:
    """Return the least exponent, the only one to be read from the device; 0 if there are none, or they are unsigned."""
    return int(min(exponents)) if exponents.dtype.kind == "i" and exponents.size else 0


def _is_integer(x: Any) -> bool:
    return not isinstance(x, float) if is_scalar(x) else x.dtype.kind in "iub"


def _described(x: Any) -> str:
    return f"the Python {type(x).__name__} {x}" if is_scalar(x) else str(x.dtype)
