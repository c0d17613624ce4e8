"""asinh, acosh and atanh: log1p of an argument with more precision than the format."""

import math
from collections.abc import Callable
from typing import Any

from .logarithm import logarithm_functions
from .primitives import Format, copysign, fma, scalar


def inverse_hyperbolic_functions(form: Format) -> dict[str, Callable[..., Any]]:
    """Return the inverse hyperbolic functions for a floating-point format, by their names in `math`."""
    zero, half, one, two = form.constants(0.0, 0.5, 1.0, 2.0)
    nan = form.real(math.nan)
    # Above it, x**2 + 1 and x**2 - 1 round to x**2. Below it, no square overflows.
    large = form.real(2.0 ** (form.fraction_bits + 4))
    ln2 = form.real(math.log(2.0))
    *_, log1p_of_sum = logarithm_functions(form)

    @scalar
    def asinh(x: Any) -> Any:
        # log1p(a + a**2 / (1 + sqrt(1 + a**2))), and log(a) + log(2) for large a
        a = abs(x)
        b = large if a > large else a
        square = b * b
        quotient = square / (one + math.sqrt(fma(b, b, one)))
        t = b + quotient
        t_rest = quotient - (t - b)
        huge = a > large
        result = log1p_of_sum(a if huge else t, zero if huge else t_rest)
        return copysign(result + ln2 if huge else result, x)

    @scalar
    def acosh(x: Any) -> Any:
        # With u = x - 1: log1p(u + sqrt(u (2 + u)))
        huge = x > large
        u = (large if huge else x) - one
        square = u * u
        product = fma(two, u, square)
        product_rest = (square - (product - (u + u))) if u < two else ((u + u) - (product - square))
        root = math.sqrt(product)
        residual = fma(-root, root, product) + (product_rest + fma(u, u, -square))
        root_rest = residual / (root + root) if root > zero else zero
        t = root + u
        t_rest = (u - (t - root)) + root_rest
        result = log1p_of_sum(x if huge else t, zero if huge else t_rest)
        result = result + ln2 if huge else result
        return nan if x < one else result

    @scalar
    def atanh(x: Any) -> Any:
        # log1p(2 a / (1 - a)) / 2
        a = abs(x)
        divisor = one - a
        divisor_rest = (one - divisor) - a
        inverse = one / divisor
        t = (a + a) * inverse
        t_rest = fma(-t, divisor_rest, fma(-t, divisor, a + a)) * inverse
        return copysign(half * log1p_of_sum(t, t_rest), x)

    functions = (asinh, acosh, atanh)
    return {function.__name__: function for function in functions}
