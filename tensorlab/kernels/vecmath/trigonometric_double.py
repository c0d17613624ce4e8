"""sin, cos and tan in double precision, for arguments of any size."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .pi import PI_OVER_TWO, two_over_pi
from .primitives import FLOAT64, bits, fma, from_bits, look_up, polynomial, scalar, select

# For |y| <= pi / 4, as polynomials in z = y**2: (sin(y) / y - 1) / z, (cos(y) - 1 + z / 2) / z**2
SIN = (
    -0.16666666666666632, 0.008333333333322486, -0.0001984126982985332, 2.755731370503275e-06, -2.5050759882675025e-08,
    1.5896886020523528e-10,
)  # fmt: skip
COS = (
    0.0416666666666666, -0.0013888888888874474, 2.480158728967155e-05, -2.755731440098638e-07, 2.0875729262736573e-09,
    -1.1359932436792278e-11,
)  # fmt: skip

FIRST_EXPONENT = 1022
"""The biased exponent of 1/2; smaller arguments are not reduced."""

# Products with the first two parts of the table are multiples of 2**-GRID and 2**-SECOND_GRID. A float with 53 bits can
# represent such multiples up to 2**5 and 2**-45, which makes the sums below exact.
GRID, SECOND_GRID = 48, 98


def reduction_table() -> tuple[np.ndarray, ...]:
    """Return 2**(e - 1023) · 2 / pi modulo 2**54 for each biased exponent e >= FIRST_EXPONENT, as sums of four floats.

    A number with this exponent is m · 2**(e - 1023), where m is in [1, 2) and a multiple of 2**-52. So a multiple of
    2**54 in its factor contributes only whole periods. The first part is a multiple of 2**(52 - 48) and the second one
    of 2**(52 - 98). With all four parts the error of the product is at most 2**-150. The row of inf and NaN is NaN.
    """
    precision, fraction_bits = 1400, 206
    ratio, whole = two_over_pi(precision), 4 << fraction_bits
    parts = np.full((2048 - FIRST_EXPONENT, 4), np.nan)
    for row in range(len(parts) - 1):
        factor = (ratio << (FIRST_EXPONENT + row - 1075 + fraction_bits)) >> precision
        rest = (factor + whole // 2) % whole - whole // 2
        for column, grid in enumerate((GRID, SECOND_GRID)):
            step = fraction_bits - grid
            nearest = (rest + (1 << step >> 1)) >> step
            parts[row, column] = nearest * 2.0 ** (52 - grid)
            rest -= nearest << step
        parts[row, 2] = float(rest) * 2.0 ** (52 - fraction_bits)
        rest -= int(float(rest))
        parts[row, 3] = float(rest) * 2.0 ** (52 - fraction_bits)
    return tuple(np.ascontiguousarray(column) for column in parts.T)


def double_trigonometric_functions() -> dict[str, Callable[..., Any]]:
    """Return sin, cos and tan for float64."""
    first, second, third, fourth = reduction_table()
    fraction_bits, fraction, one_bits = 52, np.int64(2**52 - 1), np.int64(1023 << 52)
    sign_bit = np.int64(-(2**63))
    shifter = FLOAT64.shifter
    sin_terms, cos_terms = FLOAT64.constants(*SIN), FLOAT64.constants(*COS)
    zero, half, one, quarter_pi = FLOAT64.constants(0.0, 0.5, 1.0, np.pi / 4)
    half_pi, half_pi_rest = FLOAT64.split(PI_OVER_TWO)
    # Adding and subtracting one of these rounds to a multiple of 8, 2**-47 or 2**-97.
    eights, coarse, fine = FLOAT64.constants(1.5 * 2.0**55, 1.5 * 2.0**5, 1.5 * 2.0**-45)

    @scalar
    def reduce(a: Any) -> Any:
        """Return (n, y, rest) such that a = n · pi / 2 + y + rest for a >= 0; n is valid modulo 4."""
        row = max((bits(a) >> fraction_bits) - FIRST_EXPONENT, 0)
        m = from_bits((bits(a) & fraction) | one_bits)
        t = look_up(first, row)
        p = m * t
        p_rest = fma(m, t, -p)
        p = p - ((p + eights) - eights)
        t = look_up(second, row)
        q = m * t
        q_rest = fma(m, t, -q)
        q_grid = (q + coarse) - coarse
        quotient = (p + p_rest) + q_grid
        small = (q - q_grid) + q_rest
        t = look_up(third, row)
        u = m * t
        u_rest = fma(m, t, -u)
        u_grid = (u + fine) - fine
        small = small + u_grid
        # All values up to here are exact.
        smaller = (u - u_grid) + fma(m, look_up(fourth, row), u_rest)
        shifted = quotient + shifter
        quotient = quotient - (shifted - shifter)
        r = quotient + small
        r_rest = (small - (r - quotient)) + smaller
        y = r * half_pi
        rest = fma(r, half_pi, -y) + fma(r, half_pi_rest, r_rest * half_pi)
        reduced = a >= quarter_pi
        return select(reduced, bits(shifted), np.int64(0)), select(reduced, y, a), select(reduced, rest, zero)

    @scalar
    def quadrant(a: Any) -> Any:
        """Return (n, y, sine, w, cosine) such that a = n · pi / 2 + r, sin(r) = y + sine and cos(r) = w + cosine."""
        n, y, rest = reduce(a)
        z = y * y
        half_z = half * z
        w = one - half_z
        cosine = ((one - w) - half_z) + fma(z * z, polynomial(z, cos_terms), -y * rest)
        return n, y, fma(z * y, polynomial(z, sin_terms), rest * w), w, cosine

    @scalar
    def sin(x: Any) -> Any:
        n, y, sine, w, cosine = quadrant(abs(x))
        value = y + sine if n & 1 == 0 else w + cosine
        return from_bits(bits(value) ^ ((n & 2) << 62) ^ (bits(x) & sign_bit))

    @scalar
    def cos(x: Any) -> Any:
        n, y, sine, w, cosine = quadrant(abs(x))
        value = w + cosine if n & 1 == 0 else y + sine
        return from_bits(bits(value) ^ (((n + 1) & 2) << 62))

    @scalar
    def tan(x: Any) -> Any:
        n, y, sine, w, cosine = quadrant(abs(x))
        even = n & 1 == 0
        sin_r, cos_r = y + sine, w + cosine
        sin_rest, cos_rest = sine - (sin_r - y), cosine - (cos_r - w)
        above, above_rest = select(even, sin_r, cos_r), select(even, sin_rest, cos_rest)
        below, below_rest = select(even, cos_r, -sin_r), select(even, cos_rest, -sin_rest)
        inverse = one / below
        value = above * inverse
        value = fma(fma(-value, below, above) + fma(-value, below_rest, above_rest), inverse, value)
        return from_bits(bits(value) ^ (bits(x) & sign_bit))

    functions = (sin, cos, tan)
    return {function.__name__: function for function in functions}
