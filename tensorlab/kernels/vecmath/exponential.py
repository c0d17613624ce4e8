"""exp and functions based on it: exp2, expm1, the hyperbolic functions and the logistic sigmoid."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .primitives import Format, bits, copysign, fma, from_bits, polynomial, polynomial_in_halves, scalar

LN2 = "0.693147180559945309417232121458176568075500134360255254120680"

# (exp(r) - 1 - r) / r**2 for |r| <= ln(2) / 2
EXPONENTIAL = {
    np.float32: (0.5, 0.16666664, 0.041666456, 0.008333889, 0.0013935763, 0.00019576249),
    np.float64: (
        0.5000000000000013, 0.1666666666666649, 0.04166666666651215, 0.008333333333445603, 0.0013888888947649982,
        0.00019841269610468499, 2.480148942451215e-05, 2.7557494816438805e-06, 2.763143310281207e-07,
        2.5028743300104997e-08,
    ),
}  # fmt: skip

# (2**r - 1) / r for |r| <= 1 / 2
BINARY_EXPONENTIAL = {
    np.float32: (0.6931472, 0.24022645, 0.055503592, 0.009618841, 0.0013391137, 0.00015238003),
    np.float64: (
        0.6931471805599453, 0.24022650695910133, 0.05550410866482226, 0.009618129107593498, 0.0013333558146380684,
        0.00015403530457765643, 1.5252733805465552e-05, 1.3215435000410267e-06, 1.017808679598926e-07,
        7.0738262339844386e-09, 4.449951771300947e-10,
    ),
}  # fmt: skip

# (sinh(x) / x - 1) / x**2 as a polynomial in x**2, for |x| <= 1
SINH = {
    np.float32: (0.16666667, 0.008333316, 0.0001984142, 2.7915382e-06),
    np.float64: (
        0.16666666666666669, 0.00833333333333297, 0.00019841269841531202, 2.755731913037927e-06,
        2.5052126856094766e-08, 1.605700052085293e-10, 7.765897596002476e-13,
    ),
}  # fmt: skip


def exponential_parts(form: Format) -> tuple[Callable[..., Any], ...]:
    """Return (decompose, power_of_two, scale, less_one), the parts of exp, which can be combined with less rounding.

    They represent a whole number n by an integer whose lowest bits are n + bias, as `form.exponent_shifter` produces
    it. Shifted left by the number of fraction bits, it is the bit pattern of 2**n.
    """
    real, integer = form.real, form.integer
    fraction_bits, bias = form.fraction_bits, form.bias
    shifter = form.exponent_shifter
    terms = form.constants(*EXPONENTIAL[real])
    ln2, ln2_rest = form.split(LN2)
    log2_e = real(1.0 / math.log(2.0))

    @scalar
    def power_of_two(n: Any) -> Any:
        return from_bits(integer(n << fraction_bits))

    @scalar
    def scale(value: Any, n: Any) -> Any:
        """Return value · 2**n with at most one rounding, also if the result is subnormal or infinite."""
        twice = integer(n + bias)
        half = integer(twice >> 1)
        return value * power_of_two(half) * power_of_two(integer(twice - half))

    @scalar
    def reduce(x: Any) -> Any:
        """Return (r, p, n) such that exp(x) = 2**n · (1 + r + r**2 p) and |r| <= ln(2) / 2."""
        shifted = fma(x, log2_e, shifter)
        n = shifted - shifter
        r = fma(-n, ln2_rest, fma(-n, ln2, x))
        return r, polynomial_in_halves(r, terms), bits(shifted)

    @scalar
    def decompose(x: Any) -> Any:
        """Return (q, n) such that exp(x) = 2**n · (1 + q) and |q| <= sqrt(2) - 1."""
        r, rest, n = reduce(x)
        return fma(r * r, rest, r), n

    @scalar
    def less_one(x: Any, shift: Any) -> Any:
        """Return (exp(x) - 1) · 2**shift, without rounding exp(x) before 1 is subtracted."""
        r, rest, n = reduce(x)
        power = power_of_two(integer(n + shift))
        return fma(r * r * rest, power, fma(r, power, power - power_of_two(integer(bias + shift))))

    return decompose, power_of_two, scale, less_one


def exponentials(form: Format) -> dict[str, Callable[..., Any]]:
    """Return the exponential functions for a floating-point format, by their names in `math`."""
    real, integer = form.real, form.integer
    fraction_bits, bias, shifter = form.fraction_bits, form.bias, form.exponent_shifter
    binary_terms = form.constants(*BINARY_EXPONENTIAL[real])
    sinh_terms = form.constants(*SINH[real])
    zero, one, two, four, eight = form.constants(0.0, 1.0, 2.0, 4.0, 8.0)
    eighth = real(0.125)

    # Beyond these bounds every result is 0 or inf. Within them, the exponents below are representable.
    lowest_binary, highest_binary = form.constants(-bias - fraction_bits - 2.0, bias + 3.0)
    lowest, highest = form.constants(float(lowest_binary) * math.log(2.0), float(highest_binary) * math.log(2.0))
    # Below it, exp(x) and 2 exp(x) are negligible compared to 1.
    negligible = real(-(fraction_bits + 5) * math.log(2.0))
    # Below it, x**2 / 2 is negligible compared to x.
    tiny = real(2.0 ** -(fraction_bits + 2))
    saturated = real((fraction_bits + 3) * math.log(2.0))
    decompose, power_of_two, scale, less_one = exponential_parts(form)

    # The bounds are applied so that NaN fails every comparison and is returned.

    @scalar
    def exp(x: Any) -> Any:
        x = highest if x > highest else x
        x = lowest if x < lowest else x
        q, n = decompose(x)
        return scale(one + q, n)

    @scalar
    def exp2(x: Any) -> Any:
        x = highest_binary if x > highest_binary else x
        x = lowest_binary if x < lowest_binary else x
        shifted = x + shifter
        r = x - (shifted - shifter)
        return scale(fma(r, polynomial(r, binary_terms), one), bits(shifted))

    @scalar
    def expm1(x: Any) -> Any:
        y = highest if x > highest else x
        y = negligible if y < negligible else y
        return x if abs(x) < tiny else eight * less_one(y, integer(-3))

    @scalar
    def eighth_exp(x: Any) -> Any:
        """Return exp(x) / 8 for x >= 0, which is finite wherever cosh(x) is."""
        x = highest if x > highest else x
        q, n = decompose(x)
        return (one + q) * power_of_two(integer(n - 3))

    @scalar
    def sinh(x: Any) -> Any:
        magnitude = abs(x)
        t = eighth_exp(magnitude)
        z = x * x
        small = fma(magnitude * z, polynomial(z, sinh_terms), magnitude)
        return copysign(small if magnitude < one else four * (t - eighth * eighth / t), x)

    @scalar
    def cosh(x: Any) -> Any:
        t = eighth_exp(abs(x))
        return four * (t + eighth * eighth / t)

    @scalar
    def tanh(x: Any) -> Any:
        # d / (2 + d) with d = expm1(2 |x|)
        y = two * abs(x)
        y = saturated if y > saturated else y
        d = less_one(y, integer(0))
        # Correct the rounding errors of the divisor and the quotient.
        divisor = two + d
        divisor_rest = d - (divisor - two)
        inverse = one / divisor
        t = d * inverse
        return copysign(fma(fma(-t, divisor, d) - t * divisor_rest, inverse, t), x)

    @scalar
    def sigmoid(x: Any) -> Any:
        # With z = exp(-|x|), which does not overflow, the value is 1 / (1 + z) for positive x and z / (1 + z) for
        # negative x. Both equal a - a z / (1 + z), with a = 1 and a = z, where the quotient's rounding matters less.
        y = -abs(x)
        y = lowest if y < lowest else y
        q, n = decompose(y)
        z = scale(one + q, n)
        a = z if x < zero else one
        return fma(-a, z / (one + z), a)

    functions = (exp, exp2, expm1, sinh, cosh, tanh, sigmoid)
    return {function.__name__: function for function in functions}
