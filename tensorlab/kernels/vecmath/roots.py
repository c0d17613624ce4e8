"""cbrt and hypot."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .primitives import Format, bits, copysign, fma, from_bits, polynomial, scalar

# m ** (-1 / 3) for 1 <= m <= 8, to 2**-8.4
INVERSE_CUBE_ROOT = (1.4248971, -0.59666973, 0.20382454, -0.038610518, 0.0036959564, -0.00013940007)


def root_functions(form: Format) -> dict[str, Callable[..., Any]]:
    """Return cbrt and hypot for a floating-point format."""
    real, integer = form.real, form.integer
    fraction_bits, bias = form.fraction_bits, form.bias
    terms = form.constants(*INVERSE_CUBE_ROOT)
    zero, one, infinity = form.constants(0.0, 1.0, math.inf)
    series = form.constants(1 / 3, 2 / 9, 14 / 81)[: 2 if real is np.float32 else 3]
    third = series[0]
    smallest_normal = np.finfo(real).smallest_normal
    # Scaling by 2 to a multiple of 3 makes subnormal numbers normal, and its cube root is a power of 2.
    lift_exponent = fraction_bits + 3 - fraction_bits % 3
    lift, lower = form.constants(2.0**lift_exponent, 2.0 ** -(lift_exponent // 3))
    # (e · 21846) >> 16 equals e // 3 for every exponent e; the offset, a multiple of 3, makes e positive.
    offset = 3 * bias

    @scalar
    def cbrt(x: Any) -> Any:
        a = abs(x)
        subnormal = a < smallest_normal
        b = a * lift if subnormal else a
        e = integer(integer(bits(b) >> fraction_bits) + (offset - bias))
        k = integer(integer(e * 21846) >> 16)
        m = from_bits(integer(bits(b) - integer(integer(3 * k - offset) << fraction_bits)))
        y = polynomial(m, terms)
        # The series of (1 - error)**(-1 / 3) gives half of the digits, which the step below doubles.
        error = fma(-m * y, y * y, one)
        y = fma(y * error, polynomial(error, series), y)
        # One Newton step on m**(1/3) = m y**2 with an exact residual
        square = y * y
        root = m * square
        root_square = root * root
        residual = fma(-root_square, root, m) - fma(root, root, -root_square) * root
        root = fma(residual * third, square, root)
        scaled = root * from_bits(integer(k << fraction_bits))
        scaled = scaled * lower if subnormal else scaled
        return copysign(scaled if zero < a and a < infinity else a, x)

    # The largest exponent e for which 2**e and 2**-e are normal numbers
    highest = bias - 1

    @scalar
    def hypot(x: Any, y: Any) -> Any:
        a, b = abs(x), abs(y)
        larger = a if a > b else b
        e = integer(integer(bits(larger) >> fraction_bits) - bias)
        e = integer(min(max(e, -highest), highest))
        down, up = from_bits(integer((bias - e) << fraction_bits)), from_bits(integer((bias + e) << fraction_bits))
        c, d = a * down, b * down
        result = math.sqrt(fma(c, c, d * d)) * up
        return infinity if a == infinity or b == infinity else result

    return {"cbrt": cbrt, "hypot": hypot}
