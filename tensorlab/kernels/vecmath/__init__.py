"""Elementary functions, as in `math`, that LLVM can inline and vectorize in loops compiled by Numba.

`FLOAT32` and `FLOAT64` map the name of a function in `math` (and "sigmoid") to a lazily compiled scalar function of
that type. Each consists of straight-line code, polynomials and selects, so a loop that calls it is vectorized; a single
call to libm would prevent that. Functions that a table lacks use libm; `math.sqrt` is a machine instruction.

The error of every function is at most 2 ulp, also for subnormal numbers. Values at ±0, ±inf and NaN are those of Annex
F of C99; floating-point exceptions are not reproduced. Each function has its own strict floating-point flags, which
inlining preserves, so the `fastmath` flags of a calling loop do not affect it.

Except for sin, cos and tan, both tables are made from the same source with different constants in the closures. Code
that identifies a function by its source must therefore add the type.
"""

from collections.abc import Callable
from typing import Any

from . import primitives
from .error import error_functions
from .exponential import exponentials
from .inverse_hyperbolic import inverse_hyperbolic_functions
from .inverse_trigonometric import inverse_trigonometric_functions
from .logarithm import logarithms
from .power import power_functions
from .roots import root_functions
from .trigonometric_double import double_trigonometric_functions
from .trigonometric_single import single_trigonometric_functions

__all__ = ["FLOAT32", "FLOAT64"]


def functions(form: primitives.Format) -> dict[str, Callable[..., Any]]:
    """Return the functions whose source is the same for every format."""
    return {
        **exponentials(form),
        **logarithms(form),
        **error_functions(form),
        **power_functions(form),
        **root_functions(form),
        **inverse_trigonometric_functions(form),
        **inverse_hyperbolic_functions(form),
    }


FLOAT32: dict[str, Callable[..., Any]] = functions(primitives.FLOAT32) | single_trigonometric_functions()
FLOAT64: dict[str, Callable[..., Any]] = functions(primitives.FLOAT64) | double_trigonometric_functions()
