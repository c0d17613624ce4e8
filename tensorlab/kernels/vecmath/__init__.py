"""Elementary functions that LLVM inlines and vectorises: what `math` has, for the loops that Numba compiles.

`FLOAT32` and `FLOAT64` map a function's name in `math` (and "sigmoid") to a lazily compiled scalar function that takes
and returns that type. Each is straight-line code, polynomials and selects, so a loop that calls it becomes vector
code, where one call of libm would leave it scalar. What a table lacks is left to libm; `math.sqrt` is an instruction.

Every function is within 2 ulp of the exact value everywhere, subnormal numbers included, and has the values of C99's
Annex F at ±0, ±inf and NaN; floating-point exceptions are not reproduced. Each carries its own, strict flags into the
loop it is inlined in, so that a loop compiled with `fastmath` flags does not change it.

But for sin, cos and tan both tables are made from the same source text closed over different constants: what identifies
a function by its source has to add the type.
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
    """The families that one text serves in every format."""
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
