"""pow: 2 ** (y · log2(x)), where the logarithm and its product with y are unevaluated sums of two floats.

The factor y magnifies the absolute error of the logarithm, so the logarithm needs about ten bits more than the format.
With these bits, a power that the format can represent is exact.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from .exponential import EXPONENTIAL, LN2, exponential_parts
from .logarithm import LOG2_E
from .primitives import Format, bits, floor, fma, from_bits, polynomial_in_halves, scalar

# With s = f / (2 + f) and z = s**2: (log(1 + f) / (2 s) - 1 - z / 3) / z**2 for |f| <= sqrt(2) - 1
LOGARITHM = {
    np.float32: (0.20000076, 0.14273545, 0.11709832),
    np.float64: (
        0.2, 0.14285714285713444, 0.11111111111358228, 0.09090909053018567, 0.07692311091435836, 0.06666480074514627,
        0.05888627780996425, 0.05139635482054556, 0.06012883344666051,
    ),
}  # fmt: skip


def power_functions(form: Format) -> dict[str, Callable[..., Any]]:
    """Return pow for a floating-point format."""
    real, integer = form.real, form.integer
    fraction_bits, shifter, shifter_bits = form.fraction_bits, form.shifter, form.shifter_bits
    exponent_shifter = form.exponent_shifter
    terms, exponential = form.constants(*LOGARITHM[real]), form.constants(*EXPONENTIAL[real])
    zero, half, one, two = form.constants(0.0, 0.5, 1.0, 2.0)
    infinity, nan = form.constants(math.inf, math.nan)
    smallest_normal, sign_bit = np.finfo(real).smallest_normal, np.iinfo(integer).min
    lift, lift_bits = form.constants(2.0**fraction_bits, fraction_bits)
    sqrt_half_bits = integer(real(math.sqrt(0.5)).view(integer))
    # Beyond this exponent, every result is 0 or inf.
    bound = real(form.bias + fraction_bits + 8)
    slope, slope_rest = form.split(str(2 * Fraction(LOG2_E)))
    third, third_rest = form.split("1/3")
    ln2, ln2_rest = form.split(LN2)
    _, _, scale, _ = exponential_parts(form)

    @scalar
    def log2(a: Any) -> Any:
        """Return log2(a) as an unevaluated sum of two floats, for a >= 0."""
        subnormal = a < smallest_normal
        b = a * lift if subnormal else a
        n = integer(integer(bits(b) - sqrt_half_bits) >> fraction_bits)
        f = from_bits(integer(bits(b) - integer(n << fraction_bits))) - one
        exponent = from_bits(integer(n + shifter_bits)) - shifter
        exponent = exponent - lift_bits if subnormal else exponent
        # s + s_rest = f / (2 + f)
        divisor = two + f
        inverse = one / divisor
        s = f * inverse
        s_rest = fma(two - divisor + f, -s, fma(-s, divisor, f)) * inverse
        z = s * s
        z_rest = fma(s + s, s_rest, fma(s, s, -z))
        # u + u_rest = log(1 + f) / (2 s) - 1
        u = z * third
        u_rest = fma(z, third, -u) + fma(z, third_rest, fma(z_rest, third, z * z * polynomial_in_halves(z, terms)))
        # t + t_rest = 2 log2(e) s
        t = s * slope
        t_rest = fma(s, slope, -t) + fma(s, slope_rest, s_rest * slope)
        product = t * u
        product_rest = fma(t, u, -product) + fma(t, u_rest, t_rest * u)
        high = exponent + t
        low = t - (high - exponent)
        head = high + product
        rest = ((product - (head - high)) + low) + (t_rest + product_rest)
        result = head + rest
        rest = rest - (result - head)
        result = result if a < infinity else a
        return -infinity if a == zero else result, rest

    @scalar
    def exp2(x: Any, rest: Any) -> Any:
        """Return 2**(x + rest)."""
        inside = abs(x) < bound
        x = bound if x > bound else x
        x = -bound if x < -bound else x
        rest = rest if inside else zero
        shifted = x + exponent_shifter
        r = x - (shifted - exponent_shifter)
        head = r + rest
        rest = rest - (head - r)
        t = head * ln2
        t_rest = fma(head, ln2, -t) + fma(head, ln2_rest, rest * ln2)
        value = one + t
        value_rest = t - (value - one)
        value = value + (value_rest + fma(t * t, polynomial_in_halves(t, exponential), t_rest))
        return scale(value, bits(shifted))

    @scalar
    def pow(x: Any, y: Any) -> Any:
        a = abs(x)
        integral = floor(y) == y
        odd = integral and floor(half * y) != half * y
        logarithm, rest = log2(a)
        exponent = y * logarithm
        result = exp2(exponent, fma(y, logarithm, -exponent) + y * rest)
        result = from_bits(integer(bits(result) | (bits(x) & sign_bit))) if odd else result
        result = nan if x < zero and a < infinity and not integral else result
        # y · log2(a) is 0 · inf, hence NaN, in these two cases.
        result = one if a == one and abs(y) == infinity else result
        return one if x == one or y == zero else result

    return {"pow": pow}
