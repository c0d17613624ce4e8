"""Forward-mode differentiation of scalar functions: each variable gets a tangent, a variable with its derivative."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import numpy as np

from tensorlab.errors import ArgumentError, ArgumentTypeError, ScalarError, short_repr
from tensorlab.scalars import tree
from tensorlab.scalars.derivative_rules import FLAT, OPERATORS, RULES
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.lower import Lowering
from tensorlab.scalars.names import Names
from tensorlab.scalars.optimize import optimize

_ZERO = tree.number(0.0)


def derivative(function: ScalarFunction, index: int = 0) -> ScalarFunction:
    """Return ∂function/∂parameters[index], a scalar function of the same parameters.

    The source code is differentiated, in forward mode. If the function has several outputs, so has the result. At a
    kink the derivative is that of the branch that Python takes there. The derivative of ``abs`` at 0 is 0. ``max`` and
    ``min`` of equal numbers take half of the derivative of each, as in JAX and PyTorch, so that
    ``max(x, 0) + min(x, 0)`` has the derivative 1 at 0.

    Args:
        function: a scalar function.
        index: the position of the parameter.

    Raises:
        ArgumentError: if there is no such parameter.
        ScalarError: if the function calls something whose derivative is not known.

    Example:
        >>> import math
        >>> from tensorlab.scalars import derivative, scalar_function
        >>> print(derivative(scalar_function(lambda x: x * math.exp(x))).source)
        def lambda_d_x(x):
            t1 = math.exp(x)
            return t1 + x * t1
        <BLANKLINE>
    """
    check_index(function, index)
    if ("derivative", index) not in function.derived:
        function.derived["derivative", index] = _derivative(function, function.parameters[index])
    return function.derived["derivative", index]


def check_index(function: ScalarFunction, index: int) -> None:
    """Raise unless this is the index of a parameter.

    Raises:
        ArgumentTypeError: for anything that is not an integer.
        ArgumentError: if there is no such parameter.
    """
    if isinstance(index, bool) or not isinstance(index, int | np.integer):
        raise ArgumentTypeError(function.who, "the index of a parameter", short_repr(index), "")
    if not 0 <= index < function.arity:
        expected = f"the index of one of its {function.arity} parameters"
        known = f"they are {', '.join(function.parameters) or 'none'}"
        raise ArgumentError(function.who, expected, short_repr(index), known)


def _derivative(function: ScalarFunction, parameter: str) -> ScalarFunction:
    tangents = _Tangents(function, parameter)
    body = optimize(function.parameters, tangents.body, tangents.names.calls)
    return function.replace(name=f"{function.name}_d_{parameter}", body=body, calls=tangents.names.calls)


class _Tangents:
    """The statements of a function, extended by those that compute its derivative with respect to one parameter.

    Attributes:
        names: the names in these statements.
        active: the variables that may depend on the parameter; the derivative of all others is 0.
        tangents: for each active variable, the variable that holds its derivative.
        body: the statements, which return the derivative.
    """

    def __init__(self, function: ScalarFunction, parameter: str) -> None:
        self.function = function
        self.names = Names.of(function)
        self.lowering = Lowering(self.names)
        lowered = self.lowering.block(function.body)
        self.active = {parameter}
        self._find_active(lowered)
        self.tangents = {variable: self.names.fresh(f"d_{variable}") for variable in sorted(self.active)}
        seeds = [
            tree.assign(self.tangents[name], tree.number(float(name == parameter)))
            for name in function.parameters
            if name in self.active
        ]
        self.body = [*seeds, *tree.map_statements(lowered, self.statement)]

    def _find_active(self, body: tree.Body) -> None:
        assignments = [node for node in tree.statements(body) if isinstance(node, ast.Assign)]
        before: set[str] = set()
        while before != self.active:  # repeated, because a loop may assign a variable after its use
            before = set(self.active)
            for node in assignments:
                if self.active_operands(node.value):
                    self.active.update(tree.targets(node))

    def active_operands(self, value: ast.expr) -> list[tuple[int, str]]:
        """Return the index and the name of each operand that contributes to the derivative of an operation."""
        if self.operation(value) in FLAT:
            return []
        return [
            (index, operand.id)
            for index, operand in enumerate(_operands(value))
            if isinstance(operand, ast.Name) and operand.id in self.active and not self._is_flat(value, index)
        ]

    def operation(self, value: ast.expr) -> str:
        """Return the key of an operation in the table of derivative rules."""
        match value:
            case ast.BinOp(op=op) | ast.UnaryOp(op=op):
                return OPERATORS.get(type(op), "")
        return tree.called(value)

    def _is_flat(self, value: ast.expr, index: int) -> bool:
        """Return whether this is a call whose derivative with respect to an operand is 0."""
        called = self.names.calls.get(self.operation(value))
        return called is not None and derivative(called, index).constant == 0

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        """Return an assignment followed by that of the tangents, or a ``return`` of the derivatives."""
        match node:
            case ast.Assign():
                out: list[ast.stmt] = [node]
                self.assignment(node, out)
                return out
            case ast.Return():
                return [tree.returning([self.tangent(value) for value in tree.outputs(node)])]
        return [node]

    def tangent(self, atom: ast.expr) -> ast.expr:
        """Return the derivative of a name or a number."""
        if isinstance(atom, ast.Name) and atom.id in self.active:
            return tree.name(self.tangents[atom.id])
        return _ZERO

    def assignment(self, statement: ast.Assign, out: list[ast.stmt]) -> None:
        """Append the assignments of the targets' tangents."""
        targets = tree.targets(statement)
        if not self.active.intersection(targets):
            return
        value = statement.value
        if isinstance(value, ast.Name):
            derivatives: Sequence[ast.expr] = [self.tangent(value)]
        elif not self.active_operands(value):
            derivatives = [_ZERO] * len(targets)
        elif self.operation(value) in self.names.calls:
            derivatives = self.through_call(value, out)
        else:
            derivatives = [self.through_rule(value, targets[0], out)]
        for target, derivative_of_target in zip(targets, derivatives, strict=True):
            out.append(tree.assign(self.tangents[target], derivative_of_target))

    def through_rule(self, value: ast.expr, target: str, out: list[ast.stmt]) -> ast.expr:
        """Append what the derivative rule of an operation computes, and return the derivative."""
        operation = self.operation(value)
        if operation not in RULES:
            raise ScalarError(
                self.function.who,
                "functions whose derivative is known",
                short_repr(operation),
                "give the derivative as a separate scalar function",
            )
        # the names a, b, y and t of the rules
        known = {**dict(zip("ab", _operands(value), strict=False)), "y": tree.name(target)}
        terms = [
            self.lowering.expand(RULES[operation][index], {**known, "t": tree.name(self.tangents[operand])}, out)
            for index, operand in self.active_operands(value)
        ]
        return self.total(terms, out)

    def through_call(self, value: ast.expr, out: list[ast.stmt]) -> list[ast.expr]:
        """Append the chain rule for a call that is not inlined, and return the derivative of each of its outputs."""
        called = self.names.calls[self.operation(value)]
        terms: list[list[ast.expr]] = [[] for _ in range(called.n_outputs)]
        for index, operand in self.active_operands(value):
            called_derivative = self.names.call(derivative(called, index))
            partials = self.lowering.outputs_of(tree.call(called_derivative, *_operands(value)), out)
            for output, partial in enumerate(partials):
                product = ast.BinOp(partial, ast.Mult(), tree.name(self.tangents[operand]))
                terms[output].append(self.lowering.atom(product, out))
        return [self.total(of_output, out) for of_output in terms]

    def total(self, terms: Sequence[ast.expr], out: list[ast.stmt]) -> ast.expr:
        """Append the additions of one or more terms, and return the sum."""
        total, *rest = terms
        for term in rest:
            total = self.lowering.atom(ast.BinOp(total, ast.Add(), term), out)
        return total


def _operands(value: ast.expr) -> Sequence[ast.expr]:
    """Return the operands of an operation in three-address form that may have a derivative: names and numbers."""
    match value:
        case ast.BinOp():
            return [value.left, value.right]
        case ast.UnaryOp() if not isinstance(value.op, ast.Not):
            return [value.operand]
        case ast.Call():
            return value.args
        case ast.Name():
            return [value]
    return []
