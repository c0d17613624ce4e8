"""Vector-Jacobian products of scalar functions: a derivative times the gradient of the value."""

from __future__ import annotations

import ast

from tensorlab.errors import ScalarError
from tensorlab.scalars import tree
from tensorlab.scalars.differentiate import check_index, derivative
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.names import Names
from tensorlab.scalars.optimize import optimize


def vjp(function: ScalarFunction, index: int = 0) -> ScalarFunction:
    """Return ``(g, *parameters) -> g * ∂function/∂parameters[index]``.

    Args:
        function: a scalar function of one output.
        index: the position of the parameter.

    Raises:
        ArgumentError: if there is no such parameter.
        ScalarError: if the function has several outputs, or calls something whose derivative is not known.

    Example:
        >>> from tensorlab.scalars import scalar_function, vjp
        >>> print(vjp(scalar_function(lambda x: x * x)).source)
        def lambda_vjp_x(g, x):
            return g * (x + x)
        <BLANKLINE>
    """
    check_index(function, index)
    if ("vjp", index) not in function.derived:
        function.derived["vjp", index] = _vjp(function, index)
    return function.derived["vjp", index]


def _vjp(function: ScalarFunction, index: int) -> ScalarFunction:
    if function.n_outputs != 1:
        received = f"{function.n_outputs} outputs"
        raise ScalarError(function.who, "one output to differentiate", received, "use derivative")
    slope = derivative(function, index)
    g = Names.of(slope).fresh("g")

    def scaled(statement: ast.stmt) -> list[ast.stmt]:
        if isinstance(statement, ast.Return):
            return [tree.returning([_product(g, value) for value in tree.outputs(statement)])]
        return [statement]

    parameters = (g, *slope.parameters)
    body = optimize(parameters, tree.map_statements(slope.body, scaled), slope.calls)
    name = f"{function.name}_vjp_{function.parameters[index]}"
    return slope.replace(name=name, parameters=parameters, body=body)


def vjp_of_derivative(derivative: ScalarFunction) -> ScalarFunction:
    """Return ``(g, *parameters) -> derivative(*parameters) * g``, for a derivative that its author gave."""
    names = Names(derivative.parameters)
    g = names.fresh("g")
    slope = tree.call(names.call(derivative), *map(tree.name, derivative.parameters))
    return derivative.replace(
        name=f"{derivative.name}_scaled",
        parameters=(g, *derivative.parameters),
        body=[ast.Return(ast.BinOp(slope, ast.Mult(), tree.name(g)))],
        calls=names.calls,
        defaults={},
    )


def _product(factor: str, value: ast.expr) -> ast.expr:
    """Return ``factor * value``, inside each branch of a conditional expression, as one of them may be just 1 or 0."""
    if isinstance(value, ast.IfExp):
        return ast.IfExp(value.test, _product(factor, value.body), _product(factor, value.orelse))
    return ast.BinOp(tree.name(factor), ast.Mult(), value)
