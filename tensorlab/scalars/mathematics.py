"""Definitions, in the language of scalar functions, of ``divmod`` and functions of ``math`` that are not part of it."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from types import FunctionType
from typing import Any


def divmod(x: float, y: float) -> tuple[float, float]:
    return x // y, x % y


def frexp(x: float) -> tuple[float, int]:
    mantissa = x
    exponent = 0
    if x - x == 0 and x != 0:
        while abs(mantissa) >= 1.0:
            mantissa = mantissa * 0.5
            exponent = exponent + 1
        while abs(mantissa) < 0.5:
            mantissa = mantissa * 2.0
            exponent = exponent - 1
    return mantissa, exponent


def gcd(x: int, y: int) -> int:
    a = abs(int(x))
    b = abs(int(y))
    while b != 0:
        a, b = b, a % b
    return a


def isclose(a: float, b: float, rel_tol: float = 1e-09, abs_tol: float = 0.0) -> bool:
    if a == b:
        return True
    if math.isinf(a) or math.isinf(b):
        return False
    distance = abs(b - a)
    return distance <= abs(rel_tol * b) or distance <= abs(rel_tol * a) or distance <= abs_tol


def isqrt(n: int) -> int:
    whole = int(n)
    root = int(math.sqrt(whole))
    while root > 0 and root > whole // root:  # it may be rounded up; a square could overflow
        root = root - 1
    while root + 1 <= whole // (root + 1):
        root = root + 1
    return root


def lcm(x: int, y: int) -> int:
    divisor = gcd(x, y)
    return 0 if divisor == 0 else abs(int(x) // divisor * int(y))


def ldexp(x: float, i: int) -> float:
    if x == 0:
        return x * 2.0 ** max(-126, min(int(i), 126))
    if x - x != 0:
        return x
    half = int(i) // 2  # two factors, so that neither overflows unless the product does
    return x * 2.0**half * 2.0 ** (int(i) - half)


def modf(x: float) -> tuple[float, float]:
    if math.isinf(x):
        return math.copysign(0.0, x), x
    if math.isnan(x):
        return x, x
    whole = math.trunc(x)
    return math.copysign(x - whole, x), math.copysign(whole, x)


def remainder(x: float, y: float) -> float:
    if math.isinf(y) and not math.isinf(x):
        return x
    divisor = abs(y)
    rest = math.fmod(abs(x), divisor)
    beyond = divisor - rest
    if rest > beyond:
        rest = -beyond
    elif rest == beyond:  # halfway: the even multiple
        rest = rest - 2.0 * math.fmod(0.5 * (abs(x) - rest), divisor)
    return math.copysign(1.0, x) * rest


def ulp(x: float) -> float:
    size = abs(x)
    if size - size != 0:
        return size
    above = math.nextafter(size, math.inf)
    return size - math.nextafter(size, 0.0) if math.isinf(above) else above - size


DEFINED: dict[Callable[..., Any], Callable[..., Any]] = {
    getattr(math, name, None) or getattr(builtins, name): definition
    for name, definition in list(globals().items())
    if isinstance(definition, FunctionType)
}
"""The definition of each function."""
