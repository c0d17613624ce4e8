"""Powers, above reductions, with which the exponents are checked."""

from __future__ import annotations

import math
from typing import Any

from tensorlab.errors import ArgumentError
from tensorlab.ops.dispatch import as_tensor, device_of, is_scalar
from tensorlab.ops.lift import elementwise
from tensorlab.ops.reduction import min
from tensorlab.tensor import Tensor

__all__ = ["pow"]


def _whole_power(x1: int, x2: int) -> int:
    power = 1
    while x2 > 0:  # by squaring: a bit of the exponent a turn
        if x2 & 1 == 1:
            power = power * x1
        x1 = x1 * x1
        x2 = x2 >> 1
    return power


def _power(x1: float, x2: float) -> float:
    return math.pow(x1, x2)


_pow = elementwise(domain="number", kinds={"integer": _whole_power}, name="pow")(_power)


def pow(x1: Any, x2: Any, /, *, out: Any = None) -> Tensor:
    """``x1 ** x2``, of numbers; integers to the power of integers are integers.

    Real numbers follow C99 at the special values: anything to the power of 0, and 1 to the power of anything, is 1;
    a negative number to the power of one that is not whole is NaN.

    Raises:
        ArgumentError: for integers to the power of a negative integer; nothing is computed then.
        DTypeError: for bools, and for dtypes that have no common type.

    Source: array API standard, ``pow``.
    """
    if not (isinstance(x1, Tensor) and x1.dtype.kind == "f"):
        _check_exponents(x1, x2)
    return _pow(x1, x2) if out is None else _pow(x1, x2, out=out)


def _check_exponents(base: Any, exponent: Any) -> None:
    """Refuse an integer to the power of a negative integer, which is not an integer."""
    device = device_of((base, exponent))
    bases, exponents = (x if is_scalar(x) else as_tensor(x, "pow", device) for x in (base, exponent))
    if not (_is_whole(bases) and _is_whole(exponents)):
        return
    lowest = exponents if is_scalar(exponents) else _lowest(exponents)
    if lowest < 0:
        raise ArgumentError(
            "pow",
            "exponents that are not negative, as the base is of integers",
            f"{lowest} in {_described(exponents)} for a base of {_described(bases)}",
            "make the base real, e.g. x.astype('float32')",
        )


def _lowest(exponents: Tensor) -> int:
    """The least of them, or 0 if there are none or they have no sign: all that is read of them, wherever they are."""
    return int(min(exponents)) if exponents.dtype.kind == "i" and exponents.size else 0


def _is_whole(x: Any) -> bool:
    return not isinstance(x, float) if is_scalar(x) else x.dtype.kind in "iub"


def _described(x: Any) -> str:
    return f"the Python {type(x).__name__} {x}" if is_scalar(x) else str(x.dtype)
