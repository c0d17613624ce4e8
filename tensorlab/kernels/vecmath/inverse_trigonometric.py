"""asin, acos, atan and atan2."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .pi import PI_OVER_TWO
from .primitives import Format, bits, copysign, fma, polynomial, scalar

# (asin(t) / t - 1) / z as a polynomial in z = t**2, for |t| <= 1 / 2
ASIN = {
    np.float32: (0.16666754, 0.07495249, 0.045476664, 0.024148086, 0.042219922),
    np.float64: (
        0.16666666666666763, 0.07499999999970118, 0.04464285717527333, 0.030381942675689718, 0.022372215896974072,
        0.017351595658878637, 0.013981016277557701, 0.011397316251914232, 0.01078915943587333, 0.0036729220206454054,
        0.021788551764848695, -0.02111335017129837, 0.03269982401495319,
    ),
}  # fmt: skip

# (atan(t) / t - 1) / z as a polynomial in z = t**2, for |t| <= 1
ATAN = {
    np.float32: (
        -0.33333167, 0.19994147, -0.14214285, 0.106792234, -0.07581154, 0.04356001, -0.016584942, 0.0029754697,
    ),
    np.float64: (
        -0.33333333333331994, 0.19999999999774684, -0.142857142723465, 0.11111110705308538, -0.09090901654252313,
        0.07692217281752603, -0.06665891919708053, 0.05877473848015469, -0.05239884095608251, 0.04675884300157401,
        -0.04097040697609017, 0.03414485058016514, -0.02593026652263682, 0.017083739556241154, -0.009265212895449097,
        0.003900479930588897, -0.0011808464687452127, 0.0002268864946062861, -2.0668898847761625e-05,
    ),
}  # fmt: skip


def inverse_trigonometric_functions(form: Format) -> dict[str, Callable[..., Any]]:
    """Return the inverse trigonometric functions for a floating-point format, keyed by their names in `math`."""
    integer = form.integer
    asin_terms, atan_terms = form.constants(*ASIN[form.real]), form.constants(*ATAN[form.real])
    zero, half, one, two = form.constants(0.0, 0.5, 1.0, 2.0)
    infinity = form.real(math.inf)
    half_pi, half_pi_rest = form.split(PI_OVER_TWO)
    pi, pi_rest = two * half_pi, two * half_pi_rest

    @scalar
    def asin_parts(x: Any) -> Any:
        """Return (near, t, rest) such that asin(|x|) = t + rest if near, else pi / 2 - 2 (t + rest).

        In both cases t + rest = asin(t). If near, t = |x| <= 1 / 2. Otherwise t = sqrt((1 - |x|) / 2), because
        |x| = sin(pi / 2 - 2 u) = 1 - 2 sin(u)**2 for u = asin(t).
        """
        a = abs(x)
        near = a <= half
        z = a * a if near else (one - a) * half
        t = a if near else math.sqrt(z)
        return near, t, t * z * polynomial(z, asin_terms)

    @scalar
    def asin(x: Any) -> Any:
        near, t, rest = asin_parts(x)
        high = fma(-two, t, half_pi)
        low = fma(-two, t, half_pi - high) - fma(two, rest, -half_pi_rest)
        return copysign(t + rest if near else high + low, x)

    @scalar
    def acos(x: Any) -> Any:
        near, t, rest = asin_parts(x)
        negative = x < zero
        # acos(x) is pi / 2 -+ (t + rest) if near, 2 (t + rest) for x > 1 / 2, and pi - 2 (t + rest) for x < -1 / 2.
        factor = one if near else two
        factor = factor if near == negative else -factor
        head = half_pi if near else pi
        head_rest = half_pi_rest if near else pi_rest
        head = head if near or negative else zero
        head_rest = head_rest if near or negative else zero
        high = fma(factor, t, head)
        low = fma(factor, t, head - high) + fma(factor, rest, head_rest)
        return high + low

    @scalar
    def atan(x: Any) -> Any:
        a = abs(x)
        steep = a > one
        t = (one if steep else a) / (a if steep else one)
        z = t * t
        rest = t * z * polynomial(z, atan_terms)
        # atan(a) is t + rest, or pi / 2 - (t + rest) for a > 1.
        far = half_pi - t
        far = far + (((half_pi - far) - t) + (half_pi_rest - rest))
        return copysign(far if steep else t + rest, x)

    @scalar
    def atan2(y: Any, x: Any) -> Any:
        a, b = abs(x), abs(y)
        steep = b > a
        numerator, denominator = (a, b) if steep else (b, a)
        # Here 0 / 0 is 0 and inf / inf is 1.
        denominator = one if denominator == zero else denominator
        t = one if a == infinity and b == infinity else numerator / denominator
        z = t * t
        rest = t * z * polynomial(z, atan_terms)
        # The angle is t + rest, pi / 2 -+ (t + rest) or pi - (t + rest).
        negative = bits(x) < integer(0)
        head = half_pi if steep else pi
        head_rest = half_pi_rest if steep else pi_rest
        head = head if steep or negative else zero
        head_rest = head_rest if steep or negative else zero
        t, rest = (-t, -rest) if steep != negative else (t, rest)
        high = head + t
        low = (t - (high - head)) + (rest + head_rest)
        return copysign(high + low, y)

    functions = (asin, acos, atan, atan2)
    return {function.__name__: function for function in functions}
