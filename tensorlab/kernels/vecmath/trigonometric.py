"""sin, cos and tan in single precision.

In double precision they are left to libm: to reduce every float64 exactly takes more table look-ups than a vector loop
gains, and one that is right for small arguments only would be wrong in silence.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from .primitives import FLOAT64, bits, fma, from_bits, polynomial, scalar

# floor(2**256 · 2 / pi)
TWO_OVER_PI = 0xA2F9836E4E441529FC2757D1F534DDC0DB6295993C439041FE5163ABDEBBC561
PI_OVER_TWO = 1.5707963267948966

# For |r| <= pi / 4, as polynomials in z = r**2: (sin(r) / r - 1) / z, (cos(r) - 1 + z / 2) / z**2
SIN = (-0.1666666664006218, 0.00833332924243516, -0.00019839296281432795, 2.717994167748289e-06)
COS = (0.04166666661737029, -0.0013888883350457037, 2.4799426617006852e-05, -2.7203338770228374e-07)


def quarter_turns() -> tuple[np.ndarray, np.ndarray]:
    """For each biased exponent of a float32 x, (head, tail): x · (head + tail) = x · 2 / pi but for a multiple of 4.

    x is a 24-bit integer times 2**k, so only 2**k · 2 / pi modulo 4 counts, however large k is. The head keeps 29 bits
    of it, which makes x · head exact in double precision; with the tail the product is good to 2**-56.
    """
    heads, tails = [], []
    for exponent in range(256):
        k = max(exponent, 1) - 150
        turns = Fraction(TWO_OVER_PI, 1 << 256) * Fraction(2) ** k % 4
        unit = Fraction(2) ** (turns.numerator.bit_length() - turns.denominator.bit_length() - 28)
        head = turns // unit * unit
        heads.append(float(head / Fraction(2) ** k))
        tails.append(float((turns - head) / Fraction(2) ** k))
    return np.array(heads), np.array(tails)


def trigonometric_functions() -> dict[str, Callable[..., Any]]:
    """sin, cos and tan of float32, for arguments of any size; the arithmetic is done in float64."""
    heads, tails = quarter_turns()
    shifter = FLOAT64.shifter
    sin_terms, cos_terms = FLOAT64.constants(*SIN), FLOAT64.constants(*COS)
    half, one, pi_over_two = FLOAT64.constants(0.5, 1.0, PI_OVER_TWO)
    float32, float64 = np.float32, np.float64

    @scalar
    def quadrant(x: Any) -> Any:
        """(n, sin(r), cos(r)) such that x = n · pi / 2 + r; only the lowest two bits of n are meant."""
        exponent = (bits(x) >> 23) & 255
        x = float64(x)
        turns = x * heads[exponent]
        shifted = turns + shifter
        r = fma(x, tails[exponent], turns - (shifted - shifter)) * pi_over_two
        z = r * r
        # A product, for sin(-0) to be -0
        sin_r = r * fma(z, polynomial(z, sin_terms), one)
        cos_r = fma(z * z, polynomial(z, cos_terms), fma(z, -half, one))
        return bits(shifted), sin_r, cos_r

    @scalar
    def sin(x: Any) -> Any:
        n, sin_r, cos_r = quadrant(x)
        value = sin_r if n & 1 == 0 else cos_r
        return float32(from_bits(bits(value) ^ ((n & 2) << 62)))

    @scalar
    def cos(x: Any) -> Any:
        n, sin_r, cos_r = quadrant(x)
        value = cos_r if n & 1 == 0 else sin_r
        return float32(from_bits(bits(value) ^ (((n + 1) & 2) << 62)))

    @scalar
    def tan(x: Any) -> Any:
        n, sin_r, cos_r = quadrant(x)
        even = n & 1 == 0
        return float32((sin_r if even else -cos_r) / (cos_r if even else sin_r))

    functions = (sin, cos, tan)
    return {function.__name__: function for function in functions}
