"""The derivative rules of arithmetic and ``math``: a line for each operation, with a term for each operand.

In a term, ``a`` and ``b`` are the operands, ``y`` is the value of the operation, and ``t`` is the derivative of the
term's operand. The derivative of the operation is the sum of its terms. A term uses ``y`` if that loses no accuracy.
"""

from __future__ import annotations

import ast

from tensorlab.scalars.vocabulary import PREDICATES, ROUNDINGS

_POWER = (
    "t * (b * a ** (b - 1)) if b != 0 else 0.0",
    "t * (y * math.log(a)) if a > 0 else (0.0 if a == 0 else math.nan)",
)
_ABS = ("t if a > 0 else (-t if a < 0 else 0.0)",)

_TERMS: dict[str, tuple[str, ...]] = {
    "+": ("t", "t"),
    "-": ("t", "-t"),
    "*": ("t * b", "a * t"),
    # If b and its derivative are infinite, as in 1 / (1 + exp(x)) at x = 1000, the derivative of the quotient is 0.
    "/": ("t / b", "0.0 if math.isinf(t) and math.isinf(b) else -(t * y / b)"),
    "%": ("t", "-(t * (a // b))"),
    "**": _POWER,
    "negative": ("-t",),
    "positive": ("t",),
    "float": ("t",),
    "abs": _ABS,
    # Equal operands count half each: max(x, 0) then has the derivative of (x + abs(x)) / 2, and softplus is smooth.
    "max": ("0.5 * t if a == b else (0.0 if b > a else t)", "0.5 * t if a == b else (t if b > a else 0.0)"),
    "min": ("0.5 * t if a == b else (0.0 if b < a else t)", "0.5 * t if a == b else (t if b < a else 0.0)"),
    "math.fabs": _ABS,
    "math.exp": ("t * y",),
    "math.exp2": ("t * (y * math.log(2.0))",),
    "math.expm1": ("t * math.exp(a)",),  # y + 1 would lose all digits at large negative a
    "math.log": ("t / a",),
    "math.log2": ("t / (a * math.log(2.0))",),
    "math.log10": ("t / (a * math.log(10.0))",),
    "math.log1p": ("t / (1.0 + a)",),
    "math.sqrt": ("0.5 * t / y",),
    "math.cbrt": ("t / (3.0 * (y * y))",),
    "math.pow": _POWER,
    "math.sin": ("t * math.cos(a)",),
    "math.cos": ("-(t * math.sin(a))",),
    "math.tan": ("t * (1.0 + y * y)",),
    "math.asin": ("t / math.sqrt((1.0 - a) * (1.0 + a))",),
    "math.acos": ("-(t / math.sqrt((1.0 - a) * (1.0 + a)))",),
    "math.atan": ("t / (1.0 + a * a)",),
    # Divide twice by the hypotenuse, because its square could overflow.
    "math.atan2": ("t * (b / math.hypot(a, b) / math.hypot(a, b))", "-(t * (a / math.hypot(a, b) / math.hypot(a, b)))"),
    "math.sinh": ("t * math.cosh(a)",),
    "math.cosh": ("t * math.sinh(a)",),
    "math.tanh": ("t * (1.0 - y * y)",),
    "math.asinh": ("t / math.hypot(1.0, a)",),
    "math.acosh": ("t / math.sqrt((a - 1.0) * (a + 1.0))",),
    "math.atanh": ("t / ((1.0 - a) * (1.0 + a))",),
    "math.erf": ("t * (2.0 / math.sqrt(math.pi) * math.exp(-(a * a)))",),
    "math.erfc": ("-(t * (2.0 / math.sqrt(math.pi) * math.exp(-(a * a))))",),
    "math.hypot": ("0.0 if y == 0 else t * (a / y)", "0.0 if y == 0 else t * (b / y)"),
    "math.copysign": ("t * (math.copysign(1.0, a) * math.copysign(1.0, b))", "0.0"),
    "math.nextafter": ("t", "0.0"),
    "math.fmod": ("t", "-(t * math.trunc(a / b))"),
    "math.degrees": ("t * (180.0 / math.pi)",),
    "math.radians": ("t * (math.pi / 180.0)",),
}

RULES: dict[str, tuple[ast.expr, ...]] = {
    operation: tuple(ast.parse(term, mode="eval").body for term in terms) for operation, terms in _TERMS.items()
}
"""The parsed terms of each operation."""

FLAT = frozenset({"//", "&", "|", "^", "<<", ">>", "~", "int", *ROUNDINGS, *PREDICATES})
"""Operations that are piecewise constant: their derivative is 0."""

OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.FloorDiv: "//",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.Invert: "~",
    ast.USub: "negative",
    ast.UAdd: "positive",
}
"""The name of each operator in `RULES` or `FLAT`."""
