"""The functions of ``math``, NumPy and Python that a scalar function may call, and how many arguments each takes.

They are found by the function object, so ``math.exp``, ``np.exp`` and any alias of either get one spelling.
"""

from __future__ import annotations

import builtins
import math

import numpy as np

UNARY = (
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "erf", "erfc", "gamma", "lgamma"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
    *("fabs", "floor", "ceil", "trunc", "degrees", "radians", "isnan", "isinf", "isfinite"),
)
BINARY = ("atan2", "hypot", "copysign", "fmod", "nextafter", "pow")

ROUNDINGS = frozenset({"math.floor", "math.ceil", "math.trunc", "round"})
"""Functions that round. In a kernel their value is real, so that 1e30 and infinity can be rounded."""

QUICK = frozenset(
    {"math.fabs", "math.sqrt", "math.floor", "math.ceil", "math.trunc", "math.copysign", "abs", "float", "int", "bool"}
    | {"math.isnan", "math.isinf", "math.isfinite", "round", "min", "max"}
)
"""Functions that take a few machine instructions."""

FORMAT_DEPENDENT = frozenset({"math.nextafter"})
"""Functions whose value depends on the real dtype beyond rounding. In plain Python it is that of float64."""

PREDICATES = frozenset({"math.isnan", "math.isinf", "math.isfinite", "bool"})

ARITY: dict[str, tuple[int, int | None]] = {
    **{f"math.{name}": (1, 1) for name in UNARY},
    **{f"math.{name}": (2, 2) for name in BINARY},
    **dict.fromkeys(("abs", "float", "int", "bool", "round"), (1, 1)),
    **dict.fromkeys(("min", "max"), (2, None)),
    "math.log": (1, 2),
    "pow": (2, 2),
    "%": (2, 2),
}
"""The fewest and the most arguments of each function, by its spelling; None for no limit."""

NUMPY = {
    **{name: f"math.{name}" for name in UNARY + BINARY if hasattr(np, name)},
    **{f"arc{name[1:]}": f"math.{name}" for name in UNARY + BINARY if hasattr(np, f"arc{name[1:]}")},
    **dict.fromkeys(("abs", "absolute"), "abs"),
    **dict.fromkeys(("remainder", "mod"), "%"),
    "power": "pow",
    "maximum": "max",
    "minimum": "min",
    "rint": "round",
}

SPELLING: dict[object, str] = {
    **{getattr(np, name): spelling for name, spelling in NUMPY.items()},
    **{getattr(math, name.removeprefix("math.")): name for name in ARITY if name.startswith("math.")},
    **{getattr(builtins, name): name for name in ARITY if hasattr(builtins, name)},
}
"""The spelling of each function object."""


def spelling(value: object) -> str | None:
    """Return the spelling of a function of ``math`` or NumPy, or a builtin; None for anything else."""
    try:
        return SPELLING.get(value)
    except TypeError:  # not hashable, so not a function
        return None


HINTS: dict[object, str] = {
    **dict.fromkeys((enumerate, reversed), "count with 'for i in range(n)', and compute from i"),
    **dict.fromkeys((zip, map, filter), "count with 'for i in range(n)', and make each element an argument"),
    **dict.fromkeys((sum, math.fsum), "write 'a + b', or start from a number and add in a for loop over range"),
    math.prod: "write 'a * b', or start from a number and multiply in a for loop over range",
    len: "write the number, or take it from a global",
    any: "write the tests with 'or'",
    all: "write the tests with 'and'",
    divmod: "write 'x // y' and 'x % y'",
    sorted: "use min and max",
    print: "leave it out; the function itself prints when it is called in plain Python",
    isinstance: "leave it out: every argument is a number",
    **dict.fromkeys((list, tuple, set, dict), "use a variable for each number"),
}
"""What to write instead of Python functions that are not functions of numbers."""


def hint_for(value: object) -> str:
    """Return what to write instead of a call, or an empty text."""
    try:
        return HINTS.get(value, "")
    except TypeError:  # not hashable, so not a function
        return ""


NOT_OF_NUMBERS = "it takes other things than a few numbers, or gives integers of any length"
"""Why a few functions of ``math`` are not in the language."""


def is_of_math(value: object) -> bool:
    """Return whether this is a function of ``math``."""
    return getattr(value, "__module__", None) == "math"
