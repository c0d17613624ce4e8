"""Scalar functions made of others: an outer function of an inner one, and a derivative times what flows into it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tensorlab.errors import ScalarError
from tensorlab.scalars import tree
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.lower import names_of
from tensorlab.scalars.names import Names
from tensorlab.scalars.optimize import optimize

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def compose(outer: ScalarFunction | Callable[..., Any], inner: ScalarFunction | Callable[..., Any]) -> ScalarFunction:
    """``outer(inner(...), ...)``: the inner function's value is the outer one's first argument.

    Its parameters are those of ``inner``, then the others of ``outer``, renamed where a name is taken:
    ``compose(relu, add)(x, y) = relu(x + y)``.

    Raises:
        ScalarError: ``inner`` has several outputs, or ``outer`` takes no argument.
    """
    outer, inner = ScalarFunction.of(outer), ScalarFunction.of(inner)
    if inner.n_outputs != 1:
        received = f"{inner.n_outputs} outputs"
        raise ScalarError(inner.who, "one output, to be passed on", received, "compose functions of one output")
    if not outer.parameters:
        raise ScalarError(outer.who, "a first parameter, for the inner function's value", "none", "add one")
    names = Names(inner.parameters)
    others = [names.fresh(parameter) for parameter in outer.parameters[1:]]
    value = tree.call(names.call(inner), *map(tree.name, inner.parameters))
    renamed = dict(zip(outer.parameters[1:], others, strict=True))
    defaults = {renamed[name]: default for name, default in outer.defaults.items() if name in renamed}
    if len(defaults) == len(others):  # else a parameter without a default comes after the inner function's
        defaults = {**inner.defaults, **defaults}
    return ScalarFunction(
        f"{outer.name}_of_{inner.name}",
        (*inner.parameters, *others),
        [ast.Return(tree.call(names.call(outer), value, *map(tree.name, others)))],
        names.calls,
        defaults=defaults,
        file=outer.file,
        line=outer.line,
    )


def pull_back(function: ScalarFunction, index: int) -> ScalarFunction:
    """``(g, *parameters) -> g * ∂function/∂parameters[index]``."""
    if function.n_outputs != 1:
        received = f"{function.n_outputs} outputs"
        raise ScalarError(function.who, "one output to differentiate", received, "use derivative")
    derivative = function.derivative(index)
    names = names_of(derivative)
    g = names.fresh("g")
    parameters = (g, *derivative.parameters)
    body = optimize(parameters, [_scaled(g, statement) for statement in derivative.body], derivative.calls)
    return ScalarFunction(
        f"{function.name}_vjp_{function.parameters[index]}",
        parameters,
        body,
        derivative.calls,
        defaults=function.defaults,
        file=function.file,
        line=function.line,
    )


def scaled(derivative: ScalarFunction) -> ScalarFunction:
    """``(g, *parameters) -> derivative(*parameters) * g``, for a derivative that is given."""
    names = Names(derivative.parameters)
    g = names.fresh("g")
    slope = tree.call(names.call(derivative), *map(tree.name, derivative.parameters))
    return ScalarFunction(
        f"{derivative.name}_scaled",
        (g, *derivative.parameters),
        [ast.Return(ast.BinOp(slope, ast.Mult(), tree.name(g)))],
        names.calls,
        file=derivative.file,
        line=derivative.line,
    )


def without_unused(function: ScalarFunction) -> tuple[ScalarFunction, tuple[int, ...]]:
    """The function of those of its parameters that it depends on, and their positions."""
    used = {name for statement in function.body for name in tree.used(statement)}
    kept = tuple([k for k, parameter in enumerate(function.parameters) if parameter in used])
    if len(kept) == function.arity:
        return function, kept
    parameters = tuple([function.parameters[k] for k in kept])
    defaults = {name: default for name, default in function.defaults.items() if name in parameters}
    name, file, line = function.name, function.file, function.line
    return ScalarFunction(
        name, parameters, function.body, function.calls, defaults=defaults, file=file, line=line
    ), kept


def _scaled(factor: str, node: ast.stmt) -> ast.stmt:
    """The statement with every value that it returns multiplied."""

    def inside(body: tree.Body) -> list[ast.stmt]:
        return [_scaled(factor, statement) for statement in body]

    match node:
        case ast.Return(value=ast.expr() as value):
            return ast.Return(_product(factor, value))
        case ast.If():
            return ast.If(node.test, inside(node.body), inside(node.orelse))
        case ast.While():
            return ast.While(node.test, inside(node.body), [])
        case ast.For():
            return ast.For(node.target, node.iter, inside(node.body), [], lineno=1)
    return node


def _product(factor: str, value: ast.expr) -> ast.expr:
    """``factor * value``, in each branch of a conditional expression, where one of them may be a plain 1 or 0."""
    if isinstance(value, ast.IfExp):
        return ast.IfExp(value.test, _product(factor, value.body), _product(factor, value.orelse))
    return ast.BinOp(tree.name(factor), ast.Mult(), value)
