"""log, log2, log10 and log1p."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .exponential import LN2
from .primitives import Format, bits, copysign, fma, from_bits, polynomial, scalar

LOG2_E = "1.442695040888963407359924681001892137426645954152985934135449"
LOG10_E = "0.434294481903251827651128918916605082294397005803666566114454"
LOG10_2 = "0.301029995663981195213738894724493026768189881462108541310427"

# (log(1 + f) - f + f**2 / 2) / f**3 for sqrt(1/2) <= 1 + f <= sqrt(2)
LOGARITHM_FLOAT32 = (
    0.33333355, -0.25000858, 0.19999775, -0.166211, 0.14227672, -0.13205214, 0.12619495, -0.07354743,
)  # fmt: skip

# With s = f / (2 + f) and z = s**2: (log(1 + f) / s - 2) / z for |f| <= sqrt(2) - 1
LOGARITHM_FLOAT64 = (
    0.6666666666666737, 0.39999999999397584, 0.28571428745944705, 0.22222198220139872, 0.1818358241181809,
    0.15313589172699127, 0.14800586381041175,
)  # fmt: skip


def logarithms(form: Format) -> dict[str, Callable[..., Any]]:
    """Return the logarithms for a floating-point format, by their names in `math`."""
    return {function.__name__: function for function in logarithm_functions(form)[:-1]}


def logarithm_functions(form: Format) -> tuple[Callable[..., Any], ...]:
    """Return (log, log1p, log2, log10, log1p_of_sum) for a floating-point format."""
    real, integer = form.real, form.integer
    fraction_bits, bias = form.fraction_bits, form.bias
    shifter, shifter_bits = form.shifter, form.shifter_bits
    terms = form.constants(*(LOGARITHM_FLOAT32 if real is np.float32 else LOGARITHM_FLOAT64))
    zero, quarter, half, one, two = form.constants(0.0, 0.25, 0.5, 1.0, 2.0)
    infinity, nan = form.constants(math.inf, math.nan)
    smallest_normal = np.finfo(real).smallest_normal
    lift, lift_bits = form.constants(2.0**fraction_bits, fraction_bits)
    ln2, ln2_rest = form.split(LN2)
    log2_e, log2_e_rest = form.split(LOG2_E)
    log10_e, log10_e_rest = form.split(LOG10_E)
    log10_2, log10_2_rest = form.split(LOG10_2)
    sqrt_half_bits = integer(real(math.sqrt(0.5)).view(integer))

    @scalar
    def exponent_above_sqrt_half(x: Any) -> Any:
        """Return the n for which x / 2**n is in [sqrt(1/2), sqrt(2)), for a positive and normal x."""
        return integer(integer(bits(x) - sqrt_half_bits) >> fraction_bits)

    @scalar
    def converted(n: Any) -> Any:
        return real(n)

    @scalar
    def shifted(n: Any) -> Any:
        return from_bits(integer(n + shifter_bits)) - shifter

    # Convert a small integer to a float. Before AVX-512, x86 has no vector conversion of 64-bit integers.
    to_real = converted if real is np.float32 else shifted

    @scalar
    def decompose(x: Any) -> Any:
        """Return (f, n) such that x = 2**n · (1 + f), exactly, for any finite x > 0."""
        subnormal = x < smallest_normal
        x = x * lift if subnormal else x
        n = exponent_above_sqrt_half(x)
        f = from_bits(integer(bits(x) - integer(n << fraction_bits))) - one
        n = to_real(n)
        return f, n - lift_bits if subnormal else n

    # Both return (square, rest) such that log(1 + f) = f - (square - rest), where square is f**2 / 2 rounded. In single
    # precision a longer polynomial is cheaper than the division that shortens it in double precision (as in fdlibm).

    @scalar
    def polynomial_remainder(f: Any) -> Any:
        square = f * f
        return half * square, square * f * polynomial(f, terms)

    @scalar
    def quotient_remainder(f: Any) -> Any:
        s = f / (two + f)
        z = s * s
        square = half * f * f
        return square, s * fma(z, polynomial(z, terms), square)

    remainder = polynomial_remainder if real is np.float32 else quotient_remainder

    @scalar
    def with_limits(result: Any, x: Any) -> Any:
        """Return the result with the special cases log(±0) = -inf, log(inf) = inf, and NaN for negative x."""
        result = result if x < infinity else x
        result = nan if x < zero else result
        return -infinity if x == zero else result

    @scalar
    def log(x: Any) -> Any:
        f, n = decompose(x)
        square, rest = remainder(f)
        return with_limits(fma(n, ln2, f - (square - fma(n, ln2_rest, rest))), x)

    @scalar
    def log1p_of_sum(x: Any, x_rest: Any) -> Any:
        """Return log(1 + x + x_rest) for x >= 0 with rounding error x_rest."""
        n = exponent_above_sqrt_half(one + x)
        inverse_power = quarter * from_bits(integer((bias + 2 - n) << fraction_bits))
        f = fma(x, inverse_power, inverse_power - one)
        square, rest = remainder(f)
        # f_rest / (1 + f), approximated, because it is small
        rest = fma(x_rest * inverse_power, fma(f, f - one, one), rest)
        n = to_real(n)
        return with_limits(fma(n, ln2, f - (square - fma(n, ln2_rest, rest))), one + x)

    @scalar
    def log1p(x: Any) -> Any:
        # 1 + f = (1 + x) / 2**n. Only n depends on the rounded sum. f is rounded once, with a small relative error.
        n = exponent_above_sqrt_half(one + x)
        inverse_power = quarter * from_bits(integer((bias + 2 - n) << fraction_bits))
        f = fma(x, inverse_power, inverse_power - one)
        square, rest = remainder(f)
        n = to_real(n)
        result = fma(n, ln2, f - (square - fma(n, ln2_rest, rest)))
        return copysign(with_limits(result, one + x), x)

    @scalar
    def log_in_base(x: Any, log_e: Any, log_e_rest: Any, log_2: Any, log_2_rest: Any) -> Any:
        f, n = decompose(x)
        square, rest = remainder(f)
        # log(1 + f) is an unevaluated sum, so that its rounding error does not add to that of the product with log_e.
        head = f - square
        tail = (f - head - square) + (rest - fma(half * f, f, -square))
        small = fma(log_e, tail, fma(n, log_2_rest, log_e_rest * head))
        return with_limits(fma(n, log_2, fma(log_e, head, small)), x)

    @scalar
    def log2(x: Any) -> Any:
        return log_in_base(x, log2_e, log2_e_rest, one, zero)

    @scalar
    def log10(x: Any) -> Any:
        return log_in_base(x, log10_e, log10_e_rest, log10_2, log10_2_rest)

    return log, log1p, log2, log10, log1p_of_sum
