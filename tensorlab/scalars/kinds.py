"""Infer which variables of a scalar function are bools, integers or real numbers.

The parameters are real. What is computed only from integer literals, ``int(...)`` and ``range`` is integer. The kind of
a variable is the widest of all that is assigned to it.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Mapping

from tensorlab.scalars import tree
from tensorlab.scalars.vocabulary import PREDICATES, ROUNDINGS


class Kind(enum.IntEnum):
    """The kind of a number, from narrow to wide."""

    BOOL = 0
    INT = 1
    REAL = 2


_BITWISE = (ast.BitAnd, ast.BitOr, ast.BitXor)
_SHIFTS = (ast.LShift, ast.RShift)


class Kinds:
    """The kinds in one function.

    Args:
        parameters: the parameters of the function.
        body: its statements.
        calls: the kinds of the scalar functions that it calls.
        in_python: whether to infer the kinds in plain Python, where roundings, and functions that return integers, give
            integers. In a kernel they stay real.

    Attributes:
        variables: the kind of every parameter and variable.
        outputs: the kind of each number that the function returns. In a kernel integers become real.
    """

    def __init__(
        self, parameters: tuple[str, ...], body: tree.Body, calls: Mapping[str, Kinds], in_python: bool = False
    ) -> None:
        self.calls, self.in_python = calls, in_python
        self.variables = dict.fromkeys(parameters, Kind.REAL)
        binding = [node for node in tree.statements(body) if isinstance(node, ast.Assign | ast.For)]
        before: dict[str, Kind] = {}
        while before != self.variables:  # kinds only widen, so this ends
            before = dict(self.variables)
            for node in binding:
                self._bind(node)
        returned = [tree.outputs(node) for node in tree.statements(body) if isinstance(node, ast.Return)]
        widest = [max(map(self.of, values)) for values in zip(*returned, strict=True)]
        self.outputs = widest if in_python else [Kind.REAL if kind > Kind.BOOL else Kind.BOOL for kind in widest]

    def _bind(self, node: ast.Assign | ast.For) -> None:
        names = tree.targets(node)
        if isinstance(node, ast.For):
            kinds = [Kind.INT]
        elif len(names) > 1:
            kinds = self.calls[tree.called(node.value)].outputs
        else:
            kinds = [self.of(node.value)]
        for name, kind in zip(names, kinds, strict=True):
            self.variables[name] = max(kind, self.variables.get(name, Kind.BOOL))

    def of(self, node: ast.expr) -> Kind:
        """Return the kind of an expression."""
        match node:
            case ast.Constant(value=bool()) | ast.Compare() | ast.UnaryOp(op=ast.Not()):
                return Kind.BOOL
            case ast.Constant(value=int()):
                return Kind.INT
            case ast.Name(id=name):
                return self.variables.get(name, Kind.BOOL)
            case ast.UnaryOp(op=ast.Invert()):
                return Kind.INT
            case ast.UnaryOp():
                return max(Kind.INT, self.of(node.operand))
            case ast.BoolOp():
                return max(map(self.of, node.values))
            case ast.IfExp():
                return max(self.of(node.body), self.of(node.orelse))
            case ast.BinOp():
                return self._of_arithmetic(node)
            case ast.Call():
                return self._of_call(node)
        return Kind.REAL

    def _of_arithmetic(self, node: ast.BinOp) -> Kind:
        kind = max(self.of(node.left), self.of(node.right))
        match node.op:
            case ast.Div():
                return Kind.REAL
            case ast.Pow() if kind < Kind.REAL:
                exponent = tree.as_number(node.right)
                return Kind.REAL if exponent is None or exponent < 0 else Kind.INT
        if isinstance(node.op, _SHIFTS):
            return Kind.INT
        if isinstance(node.op, _BITWISE):
            return min(kind, Kind.INT)
        return max(kind, Kind.INT)

    def _of_call(self, node: ast.Call) -> Kind:
        function = tree.called(node)
        if function in self.calls:
            return self.calls[function].outputs[0]
        if function in PREDICATES:
            return Kind.BOOL
        if function == "int" or (self.in_python and function in ROUNDINGS):
            return Kind.INT
        if function in ("abs", "min", "max"):
            widest = max(map(self.of, node.args))
            return max(Kind.INT, widest) if function == "abs" else widest
        return Kind.REAL
