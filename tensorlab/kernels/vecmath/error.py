"""The error function and its complement."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .exponential import exponential_parts
from .primitives import FLOAT64, Format, copysign, fma, polynomial, scalar

# erf(x) / x - 1 as a polynomial in x**2, for |x| <= the split
ERF_NEAR = {
    np.float32: (0.12837915, -0.37612504, 0.11281909, -0.02676962, 0.004997158, -0.0006009344),
    np.float64: (
        0.12837916709551256, -0.3761263890318347, 0.11283791670943219, -0.026866170643026575, 0.005223977605729029,
        -0.000854832591965114, 0.0001205529346521502, -1.4924712509522804e-05, 1.6447154868122808e-06,
        -1.6206608356867929e-07, 1.3712628814674872e-08, -7.783072047256754e-10,
    ),
}  # fmt: skip

# -log(1 - erf(x)) / x, for x from the split to where erf rounds to 1
ERF_FAR = {
    np.float32: (1.128644, 0.635168, 0.10621205, -0.023743216, 0.0036348, -0.00032123728, 1.1107006e-05),
    np.float64: (
        1.1283792032760884, 0.6366193432443027, 0.10277499737221583, -0.019136802705924657, -0.0001887300486258232,
        0.0016588195485600112, -0.0005372826430911206, -3.322626727685045e-05, 0.00011749093547560205,
        -6.799673303799668e-05, 2.55395440590375e-05, -7.177915971538662e-06, 1.5677634371552017e-06,
        -2.6730248516012695e-07, 3.5066865005665524e-08, -3.426529604686614e-09, 2.350879830107254e-10,
        -1.0105472011273079e-11, 2.0472155660488727e-13,
    ),
}  # fmt: skip

ERF_SPLIT = {np.float32: 0.92, np.float64: 1.0}
ERF_ONE = {np.float32: 4.0, np.float64: 5.95}

# (1 + 2 x) · exp(x**2) · erfc(x) as a polynomial in t = (x - 3) / (x + 3), for 0 <= x <= 28
ERFC = (
    1.2530080582697296, -0.1356211061245806, -0.047562294353444126, 0.12964515870269616, -0.11927366341557406,
    0.06830802734607755, -0.023770514913874427, 0.0025293917845310905, 0.001888690310946286, -0.0007798320092144188,
    -0.00010515949064827452, 0.00012509801640561114, 4.948152260541961e-06, -2.009622489337923e-05,
    -7.275661363458072e-07, 3.4632178617313257e-06, 3.4885499726416514e-07, -6.040764398266583e-07,
    -1.308334676564401e-07, 9.123816062236137e-08, 3.2650038277962296e-08, -8.318995078602216e-09,
    -4.113217632091514e-09,
)  # fmt: skip


def error_functions(form: Format) -> dict[str, Callable[..., Any]]:
    """Return erf and erfc for a floating-point format."""
    real = form.real
    near_terms = form.constants(*ERF_NEAR[real])
    far_terms = form.constants(*ERF_FAR[real])
    split, erf_one, one = form.constants(ERF_SPLIT[real], ERF_ONE[real], 1.0)
    decompose, power_of_two, *_ = exponential_parts(form)

    @scalar
    def erf(x: Any) -> Any:
        magnitude = abs(x)
        near = fma(x, polynomial(x * x, near_terms), x)
        magnitude = erf_one if magnitude > erf_one else magnitude
        q, n = decompose(-magnitude * polynomial(magnitude, far_terms))
        power = power_of_two(n)
        far = (one - power) - q * power
        return near if magnitude < split else copysign(far, x)

    return {"erf": erf, "erfc": complementary_error_function(form)}


def complementary_error_function(form: Format) -> Callable[..., Any]:
    """Return erfc; the float32 version rounds the float64 version, since no use has needed a faster one."""
    near_terms = FLOAT64.constants(*ERF_NEAR[np.float64])
    first, *rest = FLOAT64.constants(*ERFC)
    terms = tuple(rest)
    zero, half, one, two, three, highest = FLOAT64.constants(0.0, 0.5, 1.0, 2.0, 3.0, 28.0)
    # An approximation of 1 / p, which is between 0.79 and 1 for the p below. It only scales a correction.
    inverse_p = FLOAT64.real(0.88)
    decompose, _, scale, _ = exponential_parts(FLOAT64)

    @scalar
    def erfc(x: Any) -> Any:
        near = one - fma(x, polynomial(x * x, near_terms), x)
        a = abs(x)
        a = highest if a > highest else a
        square = a * a
        q, n = decompose(-square)
        t = (a - three) / (a + three)
        others = polynomial(t, terms)
        p = fma(t, others, first)
        width = fma(two, a, one)
        y = p / width
        # Correct the rounding errors of p, the quotient, its divisor and the square at once.
        lost = fma(-y, width, p) + fma(t, others, first - p) - y * (one - (width - two * a))
        lost = lost * y * inverse_p - y * fma(a, a, -square)
        tail = scale(y + fma(q, y, fma(q, lost, lost)), n)
        far = two - tail if x < zero else tail
        return near if a < half else far

    float32, float64 = np.float32, np.float64

    @scalar
    def rounded_erfc(x: Any) -> Any:
        return float32(erfc(float64(x)))

    return rounded_erfc if form.real is float32 else erfc
