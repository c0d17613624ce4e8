"""Forward-mode differentiation of scalar functions: each variable gets a second one, its derivative, or tangent."""

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

    It is taken from the source, by forward-mode differentiation. A function of several outputs gives the derivative of
    each. At a kink the derivative is that of the branch that Python takes there. The derivative of ``abs`` at 0 is 0.
    ``max`` and ``min`` of equal numbers take half of the derivative of each, as in JAX and PyTorch, so that smooth
    sums of them have the right derivative.

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
    """Raise ArgumentError unless this is the index of a parameter."""
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
    """One function and its derivative in one body.

    Attributes:
        names: the names in that body.
        active: the variables that may have a derivative; that of all others is 0.
        tangents: the variable with the derivative of each active one.
        body: the statements.
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
        known: set[str] = set()
        while known != self.active:
            known = set(self.active)
            for node in assignments:
                if self.terms(node.value):
                    self.active.update(tree.targets(node))

    def terms(self, value: ast.expr) -> list[tuple[int, str]]:
        """Return the position and the name of each operand through which an operation has a derivative."""
        if self.operation(value) in FLAT:
            return []
        return [
            (index, operand.id)
            for index, operand in enumerate(_operands(value))
            if isinstance(operand, ast.Name) and operand.id in self.active and not self._is_flat(value, index)
        ]

    def operation(self, value: ast.expr) -> str:
        """Return the name of an operation in the table of derivative rules."""
        match value:
            case ast.BinOp(op=op) | ast.UnaryOp(op=op):
                return OPERATORS.get(type(op), "")
        return tree.called(value)

    def _is_flat(self, value: ast.expr, index: int) -> bool:
        called = self.names.calls.get(self.operation(value))
        return called is not None and derivative(called, index).constant == 0

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        """Return a statement with those that compute the derivative of what it assigns, or returns."""
        match node:
            case ast.Assign():
                out: list[ast.stmt] = [node]
                self.assignment(node, out)
                return out
            case ast.Return():
                return [tree.returning([self.of(value) for value in tree.outputs(node)])]
        return [node]

    def of(self, atom: ast.expr) -> ast.expr:
        """Return the derivative of a name or a number."""
        if isinstance(atom, ast.Name) and atom.id in self.active:
            return tree.name(self.tangents[atom.id])
        return _ZERO

    def assignment(self, statement: ast.Assign, out: list[ast.stmt]) -> None:
        """Append the derivative of an assigned value."""
        targets = tree.targets(statement)
        if not self.active.intersection(targets):
            return
        value = statement.value
        if isinstance(value, ast.Name) or not self.terms(value):
            derivatives: Sequence[ast.expr] = [self.of(value)] * len(targets)
        elif self.operation(value) in self.names.calls:
            derivatives = self.through_call(value, out)
        else:
            derivatives = [self.through_rule(value, targets[0], out)]
        for target, slope in zip(targets, derivatives, strict=True):
            out.append(tree.assign(self.tangents[target], slope))

    def through_rule(self, value: ast.expr, target: str, out: list[ast.stmt]) -> ast.expr:
        """Append, and return, the sum of the terms that the derivative rule of an operation gives."""
        operation = self.operation(value)
        if operation not in RULES:
            raise ScalarError(
                self.function.who,
                "functions whose derivative is known",
                short_repr(operation),
                "give the derivative as a scalar function of its own",
            )
        operands = dict(zip("ab", _operands(value), strict=False))
        terms = [
            self.lowering.expand(
                RULES[operation][index],
                {**operands, "y": tree.name(target), "t": tree.name(self.tangents[operand])},
                out,
            )
            for index, operand in self.terms(value)
        ]
        return self.total(terms, out)

    def through_call(self, value: ast.expr, out: list[ast.stmt]) -> list[ast.expr]:
        """Append, and return, the derivatives of the outputs of a call that is not inlined, by the chain rule."""
        called = self.names.calls[self.operation(value)]
        terms: list[list[ast.expr]] = [[] for _ in range(called.n_outputs)]
        for index, operand in self.terms(value):
            slope = self.names.call(derivative(called, index))
            partials = self.lowering.outputs_of(tree.call(slope, *_operands(value)), out)
            for output, partial in enumerate(partials):
                product = ast.BinOp(partial, ast.Mult(), tree.name(self.tangents[operand]))
                terms[output].append(self.lowering.atom(product, out))
        return [self.total(of_output, out) for of_output in terms]

    def total(self, terms: Sequence[ast.expr], out: list[ast.stmt]) -> ast.expr:
        """Append, and return, the sum of one or more terms."""
        first, *rest = terms
        for term in rest:
            first = self.lowering.atom(ast.BinOp(first, ast.Add(), term), out)
        return first


def _operands(value: ast.expr) -> Sequence[ast.expr]:
    """Return the names and numbers that an operation in three-address form takes."""
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
