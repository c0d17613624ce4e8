"""Elementary functions that LLVM inlines and vectorises: what `math` has, for the loops that Numba compiles.

`FLOAT32` and `FLOAT64` map a function's name in `math` (and "sigmoid") to a lazily compiled scalar function that takes
and returns that type. Each is straight-line code, polynomials and selects, so a loop that calls it becomes vector
code, where one call of libm would leave it scalar. What a table lacks is left to libm; `math.sqrt` is an instruction.

Every function is within 2 ulp of the exact value everywhere, subnormal numbers included, and has the values of C99's
Annex F at ±0, ±inf and NaN; floating-point exceptions are not reproduced. Each carries its own, strict flags into the
loop it is inlined in, so that a loop compiled with `fastmath` flags does not change it.

Both tables are made from the same source text closed over different constants: what identifies a function by its source
has to add the type.
"""

from collections.abc import Callable
from typing import Any

from . import primitives
from .error import complementary_error_functions, error_functions
from .exponential import exponentials
from .inverse import inverse_trigonometric_functions
from .inverse_hyperbolic import inverse_hyperbolic_functions
from .logarithm import logarithms
from .power import power_functions
from .roots import root_functions
from .trigonometric import trigonometric_functions
from .trigonometric_double import double_trigonometric_functions

__all__ = ["FLOAT32", "FLOAT64"]

erfc32, erfc64 = complementary_error_functions()

FLOAT32: dict[str, Callable[..., Any]] = {
    **exponentials(primitives.FLOAT32),
    **logarithms(primitives.FLOAT32)[0],
    **error_functions(primitives.FLOAT32),
    "erfc": erfc32,
    **trigonometric_functions(),
    **power_functions(primitives.FLOAT32),
    **inverse_trigonometric_functions(primitives.FLOAT32),
    **inverse_hyperbolic_functions(primitives.FLOAT32),
    **root_functions(primitives.FLOAT32),
}

FLOAT64: dict[str, Callable[..., Any]] = {
    **exponentials(primitives.FLOAT64),
    **logarithms(primitives.FLOAT64)[0],
    **error_functions(primitives.FLOAT64),
    "erfc": erfc64,
    **double_trigonometric_functions(),
    **power_functions(primitives.FLOAT64),
    **inverse_trigonometric_functions(primitives.FLOAT64),
    **inverse_hyperbolic_functions(primitives.FLOAT64),
    **root_functions(primitives.FLOAT64),
}
