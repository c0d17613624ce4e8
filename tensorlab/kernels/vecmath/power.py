"""pow in single precision; in double precision it takes a logarithm in extended precision and is left to libm."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .primitives import FLOAT64, bits, fma, from_bits, polynomial, scalar

# With s = f / (2 + f): log2(1 + f) / s as a polynomial in s**2, for |f| <= sqrt(2) - 1
LOG2 = (
    2.8853900817778495, 0.9617966941141693, 0.5770779421080127, 0.4122092803528878, 0.31990446671936923,
    0.2828188741926499,
)  # fmt: skip

# 2**r for |r| <= 1 / 2
EXP2 = (
    0.9999999999618836, 0.6931471807391174, 0.24022651196846967, 0.05550410318832624, 0.009618027377280894,
    0.0013333950396820242, 0.00015469262613534345, 1.519555461070131e-05,
)  # fmt: skip


def power_functions() -> dict[str, Callable[..., Any]]:
    """pow of float32: 2 ** (y · log2(x)) in float64, whose 53 bits cover what the product with y magnifies."""
    log2_terms, exp2_terms = FLOAT64.constants(*LOG2), FLOAT64.constants(*EXP2)
    shifter, shifter_bits = FLOAT64.shifter, FLOAT64.shifter_bits
    fraction_bits, bias = FLOAT64.fraction_bits, FLOAT64.bias
    sqrt_half_bits = np.float64(math.sqrt(0.5)).view(np.int64)
    zero, one, two, bound = FLOAT64.constants(0.0, 1.0, 2.0, 256.0)
    infinity, nan = FLOAT64.constants(math.inf, math.nan)
    # From here on every float32 is an even integer.
    all_even = FLOAT64.real(2.0**25)
    float32, float64 = np.float32, np.float64

    @scalar
    def log2(a: Any) -> Any:
        """log2(a) for a >= 0; a subnormal number of float32 is a normal one here."""
        n = (bits(a) - sqrt_half_bits) >> fraction_bits
        f = from_bits(bits(a) - (n << fraction_bits)) - one
        s = f / (two + f)
        result = fma(s, polynomial(s * s, log2_terms), from_bits(n + shifter_bits) - shifter)
        result = result if a < infinity else a
        return -infinity if a == zero else result

    @scalar
    def exp2(x: Any) -> Any:
        """2**x; beyond the bound it is 0 or inf once it is rounded to float32."""
        x = bound if x > bound else x
        x = -bound if x < -bound else x
        shifted = x + shifter
        n = bits(shifted) - shifter_bits
        return polynomial(x - (shifted - shifter), exp2_terms) * from_bits((n + bias) << fraction_bits)

    @scalar
    def pow(x: Any, y: Any) -> Any:
        x, y = float64(x), float64(y)
        a = abs(x)
        # Adding the shifter leaves y's parity in the last place, for |y| up to all_even and well beyond.
        clipped = y if abs(y) < all_even else all_even
        shifted = clipped + shifter
        integral = shifted - shifter == clipped
        sign = bits(x) & (bits(shifted) << 63)
        result = exp2(y * log2(a))
        result = from_bits(bits(result) | sign) if integral else result
        result = nan if x < zero and a < infinity and not integral else result
        # y · log2(a) is 0 · inf, hence NaN, in these two cases
        result = one if a == one and abs(y) == infinity else result
        return float32(one if x == one or y == zero else result)

    return {"pow": pow}
