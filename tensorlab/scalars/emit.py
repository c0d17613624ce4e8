"""Emit a scalar function, and all that it calls, as typed source for Numba."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tensorlab.errors import ArgumentError, ScalarError, short_repr
from tensorlab.scalars import tree
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.kinds import Kind, Kinds
from tensorlab.scalars.names import Names
from tensorlab.scalars.vocabulary import ROUNDINGS

_REALS: dict[str, type[np.floating[Any]]] = {"float32": np.float32, "float64": np.float64}
_NARROW = ("bool", "uint8", "uint16", "uint32")
_DTYPES = (*_NARROW, "uint64", "int8", "int16", "int32", "int64", *_REALS)
_ROUNDED = {"floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "round": np.rint}
_NUMPY_FUNCTIONS = {"cbrt": np.cbrt, "fmod": np.fmod, "nextafter": np.nextafter}  # Numba does not compile those of math
_INTEGER_OPERATORS = (ast.LShift, ast.RShift, ast.BitAnd, ast.BitOr, ast.BitXor)
_MAX_STATIC_POWER = 64


def emit(
    function: ScalarFunction, dtype: str | None, functions: Mapping[str, object] | None = None
) -> tuple[str, dict[str, object]]:
    """Return source that defines a scalar function as ``scalar``, with all that it calls, and its namespace.

    Every definition is decorated with ``@jit``, which the caller adds to the namespace before ``exec``. The text does
    not depend on where the function was written.

    Args:
        function: the function.
        dtype: the dtype of the arguments, which gives constants their type:

            - "float32", "float64": every constant and every output that is not a bool has this type. An integer is
              converted to it before it meets a real number.
            - "uint64": integer constants have this type, since Numba promotes uint64 with int64 to float64.
            - "bool" and narrower unsigned integers: the arguments are converted to int64, in which they compute as
              Python's integers.
            - signed integers, and None: constants stay as they were written.
        functions: what to call in place of functions of ``math``, by their names, such as ``"exp"``. For a real dtype
            its ``"floor"``, ``"ceil"``, ``"trunc"`` and ``"round"`` return real numbers. Its ``"pow"`` also computes
            ``**``, except with integer exponents. Its ``"fma"`` computes the sum or difference of a product and
            something else, such as ``a * b + c``, where it is written as one expression.

    Raises:
        ArgumentError: for an unknown dtype.
        ScalarError: if the function needs integers, such as operands of ``&``, and the dtype is real.
    """
    if dtype is not None and dtype not in _DTYPES:
        raise ArgumentError("emit", f"one of {', '.join(_DTYPES)} or None", short_repr(dtype))
    emission = _Emission(function, dtype, functions or {})
    emission.add(function, "scalar")
    return "\n\n".join(emission.definitions), emission.namespace


class _Emission:
    """The definitions and the namespace of functions that are emitted together."""

    def __init__(self, function: ScalarFunction, dtype: str | None, functions: Mapping[str, object]) -> None:
        self.real = None if dtype is None else _REALS.get(dtype)
        self.unsigned, self.widened = dtype == "uint64", dtype in _NARROW
        self.functions = functions
        self.names = Names({"scalar", "jit", *_locals(function)})
        self.definitions: list[str] = []
        self.namespace: dict[str, object] = {}
        self.emitted: dict[str, str] = {}
        self._bound: dict[object, str] = {}

    def add(self, function: ScalarFunction, name: str = "") -> str:
        """Define a function, once, after those that it calls, and return its name."""
        if function.key not in self.emitted:
            callees = {called: self.add(callee) for called, callee in function.calls.items()}
            self.emitted[function.key] = name = name or self.names.fresh(f"scalar_{function.key[:8]}")
            statements = _Writer(self, function, callees).block(function.body)
            if self.widened:
                statements = [*map(self.widen, function.parameters), *statements]
            body = "\n".join(f"    {line}" for line in tree.text(statements).splitlines())
            self.definitions.append(f"@jit\ndef {name}({', '.join(function.parameters)}):\n{body}\n")
        return self.emitted[function.key]

    def bind(self, base: str, value: object, identity: object = None) -> ast.Name:
        """Return a name for a value in the namespace. Values with the same base and identity share a name."""
        key = (base, identity)
        if key not in self._bound:
            self._bound[key] = name = self.names.fresh(base)
            self.namespace[name] = value
        return tree.name(self._bound[key])

    def function(self, name: str, rounded: bool) -> ast.Name:
        """Return the name of what computes a function of ``math``."""
        default = _ROUNDED[name] if rounded else _NUMPY_FUNCTIONS.get(name) or getattr(math, name)
        return self.bind(f"math_{name}", self.functions.get(name, default))

    def widen(self, parameter: str) -> ast.stmt:
        """Return a statement that converts an argument to int64."""
        return tree.assign(parameter, tree.call(self.bind("widest", np.int64), tree.name(parameter)))

    def whole(self, value: int) -> ast.expr:
        """Return a uint64 constant."""
        return self.bind("constant", np.uint64(value % (1 << 64)), value)

    def constant(self, value: tree.Number) -> ast.expr:
        """Return a constant of the real type."""
        assert self.real is not None
        with np.errstate(over="ignore"):  # numbers too large for float32 become infinite
            return self.bind("constant", self.real(value), f"{float(value)!r}")


class _Writer:
    """Writes one function. For a real dtype it converts every expression to the kind that it has in the kernel."""

    def __init__(self, emission: _Emission, function: ScalarFunction, callees: Mapping[str, str]) -> None:
        self.emission, self.callees, self.calls = emission, callees, function.calls
        self.kinds: Kinds = function.kinds
        self.function = function
        self.typed = emission.real is not None

    def block(self, body: tree.Body) -> list[ast.stmt]:
        """Return the statements with every expression typed."""
        return [self.statement(statement) for statement in body]

    def statement(self, node: ast.stmt) -> ast.stmt:
        """Return one statement with its expressions typed. A variable gets values of its own kind only."""
        match node:
            case ast.Assign(value=ast.Call() as call) if len(names := tree.targets(node)) > 1:
                return tree.unpack(names, self.call(call))
            case ast.Assign():
                (name,) = tree.targets(node)
                return tree.assign(name, self.as_kind(node.value, self.kinds.variables[name]))
            case ast.Return():
                return tree.returning([*map(self.as_kind, tree.outputs(node), self.kinds.outputs)])
            case ast.For():
                return tree.rebuild(node, self.block, self.range)
        return tree.rebuild(node, self.block, self.test)

    def range(self, node: ast.expr) -> ast.expr:
        """Return a ``range`` of integers."""
        assert isinstance(node, ast.Call)
        self.check_integers(node, *node.args)
        return tree.map_operands(node, self.count)

    def count(self, node: ast.expr) -> ast.expr:
        """Return an argument of ``range``. A literal stays as it was written, so that a negative step works."""
        return self.as_kind(node, Kind.INT) if tree.as_number(node) is None else node

    def as_kind(self, node: ast.expr, kind: Kind) -> ast.expr:
        """Return an expression converted to a kind."""
        have, literal = self.kinds.of(node), tree.as_number(node)
        if not self.typed or have == kind:
            return self.expression(node)
        if kind == Kind.INT:
            return tree.call(self.emission.bind("integer", int), self.expression(node))
        return self.real(self.expression(node)) if literal is None else self.emission.constant(literal)

    def real(self, value: ast.expr) -> ast.expr:
        """Return a conversion to the real type."""
        return tree.call(self.emission.bind("real", self.emission.real), value)

    def test(self, node: ast.expr) -> ast.expr:
        """Return a condition. Its operands need no common kind."""
        if isinstance(node, ast.BoolOp) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
            return tree.map_operands(node, self.test)
        return self.expression(node)

    def expression(self, node: ast.expr) -> ast.expr:
        """Return an expression of the kind that ``kinds.of`` gives it."""
        literal = tree.as_number(node)
        if literal is not None:
            if self.emission.unsigned and self.kinds.of(node) == Kind.INT:
                return self.emission.whole(int(literal))
            real = self.typed and self.kinds.of(node) == Kind.REAL
            return self.emission.constant(literal) if real else self.untyped(node)
        kind = self.kinds.of(node)
        match node:
            case ast.UnaryOp(op=ast.Not()):
                return self.test(node)
            case ast.UnaryOp():
                if isinstance(node.op, ast.Invert):
                    self.check_integers(node, node.operand)
                return tree.map_operands(node, lambda operand: self.as_kind(operand, kind))
            case ast.BinOp():
                return self.arithmetic(node, kind)
            case ast.BoolOp():
                return tree.map_operands(node, lambda value: self.as_kind(value, kind))
            case ast.Compare():
                widest = max(map(self.kinds.of, (node.left, *node.comparators)))
                return tree.map_operands(node, lambda operand: self.as_kind(operand, widest))
            case ast.IfExp():
                return ast.IfExp(self.test(node.test), self.as_kind(node.body, kind), self.as_kind(node.orelse, kind))
            case ast.Call():
                return self.call(node)
        return node

    def untyped(self, node: ast.expr) -> ast.expr:
        """Return a number as it was written; a constant such as ``math.pi`` as a name in the namespace."""
        match node:
            case ast.UnaryOp():
                return ast.UnaryOp(node.op, self.untyped(node.operand))
            case ast.Attribute():
                return self.emission.bind(f"math_{node.attr}", getattr(math, node.attr))
        return node

    def arithmetic(self, node: ast.BinOp, kind: Kind) -> ast.expr:
        """Return an operation with both operands of the kind of its value, except integer exponents."""
        if isinstance(node.op, ast.Pow):
            return self.power(node, kind)
        if isinstance(node.op, _INTEGER_OPERATORS):
            self.check_integers(node, node.left, node.right)
            kind = Kind.INT
        left, right = self.as_kind(node.left, kind), self.as_kind(node.right, kind)
        return self.fused(left, node.op, right) if kind == Kind.REAL else ast.BinOp(left, node.op, right)

    def fused(self, left: ast.expr, op: ast.operator, right: ast.expr) -> ast.expr:
        """Return an operation on real numbers, as a fused multiply-add if it adds something to one product.

        Of two products none is fused, so that ``a * b - b * a`` is 0 and the order of the terms does not matter.
        """
        fma, products = self.emission.functions.get("fma"), (_is_product(left), _is_product(right))
        if fma is None or not isinstance(op, ast.Add | ast.Sub) or products.count(True) != 1:
            return ast.BinOp(left, op, right)
        product, term = (left, right) if products[0] else (right, left)
        assert isinstance(product, ast.BinOp)
        factor = product.left
        if isinstance(op, ast.Sub) and products[0]:
            term = ast.UnaryOp(ast.USub(), term)
        elif isinstance(op, ast.Sub):
            factor = ast.UnaryOp(ast.USub(), factor)
        return tree.call(self.emission.bind("fma", fma), factor, product.right, term)

    def check_integers(self, node: ast.expr, *operands: ast.expr) -> None:
        """Raise ScalarError for bitwise operations on, and a ``range`` of, real numbers, as Python raises."""
        if self.typed and any([self.function.python_kinds.of(operand) == Kind.REAL for operand in operands]):
            hint = 'convert with int(), or compute on integers: tl.elementwise(domain="integer")'
            raise ScalarError(self.function.who, "integers", f"real numbers in {ast.unparse(node)!r}", hint)

    def power(self, node: ast.BinOp, kind: Kind) -> ast.expr:
        """Return ``**``. A literal exponent such as 2.0 becomes an integer, for which Numba multiplies."""
        base, exponent = self.as_kind(node.left, kind), tree.as_number(node.right)
        if not self.typed:
            return ast.BinOp(base, node.op, self.expression(node.right) if exponent is None else node.right)
        if isinstance(exponent, float) and exponent.is_integer() and abs(exponent) <= _MAX_STATIC_POWER:
            return ast.BinOp(base, node.op, tree.number(int(exponent)))
        written = self.expression(node.right)
        if self.kinds.of(node.right) == Kind.REAL and "pow" in self.emission.functions:
            return tree.call(self.emission.function("pow", False), base, written)
        return ast.BinOp(base, node.op, written)

    def call(self, node: ast.Call) -> ast.expr:
        """Return a call of a scalar function, a function of ``math`` or a builtin."""
        function, kind = tree.called(node), self.kinds.of(node)
        if function in self.callees:
            return tree.call(self.callees[function], *(self.as_kind(argument, Kind.REAL) for argument in node.args))
        if function in ("min", "max"):
            return self.extremum(function, *(self.as_kind(argument, kind) for argument in node.args))
        name = function.removeprefix("math.")
        if function == "float" and self.typed:
            return self.real(self.expression(node.args[0]))
        if function in ("float", "int", "bool", "abs") or (function == "round" and not self.typed):
            return tree.call(function, *map(self.expression, node.args))
        arguments = [self.as_kind(argument, Kind.REAL) for argument in node.args]
        return tree.call(self.emission.function(name, self.typed and function in ROUNDINGS), *arguments)

    def extremum(self, function: str, first: ast.expr, second: ast.expr) -> ast.expr:
        """Return ``min`` or ``max`` of two. As in Python, the first is the result if one of them is NaN."""
        compare: ast.cmpop = ast.Lt() if function == "min" else ast.Gt()
        if all(isinstance(operand, ast.Name | ast.Constant) for operand in (first, second)):
            return ast.IfExp(ast.Compare(second, [compare], [first]), second, first)
        helper = self.emission.add(_EXTREMA[function])
        return tree.call(helper, first, second)


def _is_product(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)


def _locals(function: ScalarFunction) -> set[str]:
    """Return the variables of a function and of all that it calls."""
    own = {*function.parameters, *tree.assigned(function.body)}
    return own.union(*map(_locals, function.calls.values()))


def _extremum(name: str, compare: ast.cmpop) -> ScalarFunction:
    x, y = tree.name("x"), tree.name("y")
    choice = ast.IfExp(ast.Compare(y, [compare], [x]), y, x)
    return ScalarFunction(name, ("x", "y"), [ast.Return(choice)], {}, file="builtin", line=1)


_EXTREMA = {"min": _extremum("min", ast.Lt()), "max": _extremum("max", ast.Gt())}
