"""sin, cos and tan in single precision, for arguments of any size."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from .pi import PI_OVER_TWO, two_over_pi
from .primitives import FLOAT64, bits, fma, from_bits, look_up, polynomial, scalar, select

# For |r| up to slightly more than pi / 4, as polynomials in z = r**2: (sin(r) / r - 1) / z, (cos(r) - 1 + z / 2) / z**2
SIN = (-0.1666666664006218, 0.00833332924243516, -0.00019839296281432795, 2.717994167748289e-06)
COS = (0.04166666661737029, -0.0013888883350457037, 2.4799426617006852e-05, -2.7203338770228374e-07)


def reduction_table() -> tuple[np.ndarray, np.ndarray]:
    """Return (heads, tails) such that x · (head + tail) = x · 2 / pi modulo 4 for each biased exponent of a float32 x.

    x is a 24-bit integer times 2**k, so only 2**k · 2 / pi modulo 4 is needed, however large k is. The head has 29 bits
    of it, so x · head is exact in double precision. With the tail the error of the product is at most 2**-56.
    """
    precision = 256
    ratio = two_over_pi(precision)
    heads, tails = np.empty(256), np.empty(256)
    for exponent in range(256):
        k = max(exponent, 1) - 150
        factor = ((ratio << max(k, 0)) + (2 << precision)) % (4 << precision) - (2 << precision)
        unit = abs(factor).bit_length() - 29
        # Round to nearest for a small tail, but down if x may be -0, so that the sum of the products is also -0.
        head = (factor + (1 << unit >> 1 if k > 0 else 0)) >> unit << unit
        heads[exponent] = float(head) * 2.0 ** (-precision - max(k, 0))
        tails[exponent] = float(factor - head) * 2.0 ** (-precision - max(k, 0))
    return heads, tails


def single_trigonometric_functions() -> dict[str, Callable[..., Any]]:
    """Return sin, cos and tan for float32, computed in float64, which costs no more than the table look-ups."""
    heads, tails = reduction_table()
    shifter = FLOAT64.shifter
    sin_terms, cos_terms = FLOAT64.constants(*SIN), FLOAT64.constants(*COS)
    half, one, pi_over_two = FLOAT64.constants(0.5, 1.0, float(Fraction(PI_OVER_TWO)))
    float32, float64 = np.float32, np.float64

    @scalar
    def quadrant(x: Any) -> Any:
        """Return (n, sin(r), cos(r)) such that x = n · pi / 2 + r; only the lowest two bits of n are valid."""
        exponent = (bits(x) >> 23) & 255
        x = float64(x)
        quotient = x * look_up(heads, exponent)
        shifted = quotient + shifter
        r = fma(x, look_up(tails, exponent), quotient - (shifted - shifter)) * pi_over_two
        z = r * r
        # Written as a product so that sin(-0) is -0
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
        above, below = select(even, sin_r, -cos_r), select(even, cos_r, sin_r)
        # A division in single precision plus a Newton step takes half the time of one in double precision.
        inverse = float64(float32(one) / float32(below))
        value = above * inverse
        return float32(fma(value, fma(-below, inverse, one), value))

    functions = (sin, cos, tan)
    return {function.__name__: function for function in functions}
