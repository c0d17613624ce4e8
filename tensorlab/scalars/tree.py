"""Small tools on the syntax trees that scalar functions are made of.

A parsed scalar function is a list of plain :mod:`ast` statements in a small language: assignments to one name (or of
a call of several outputs to a tuple of names), ``if``, ``while``, ``for`` over ``range``, ``break``, ``continue``,
``return``; its functions of numbers are spelled ``math.exp``, its other scalar functions are called by name.
Trees are never changed in place: a pass builds new statements and shares what stays as it was.
"""

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

Number = bool | int | float
Body = Sequence[ast.stmt]
Node = TypeVar("Node", bound=ast.AST)


def name(identifier: str) -> ast.Name:
    """A use of a variable."""
    return ast.Name(identifier, ast.Load())


def math_name(attribute: str) -> ast.Attribute:
    """``math.attribute``."""
    return ast.Attribute(name("math"), attribute, ast.Load())


def number(value: Number) -> ast.expr:
    """A literal; the sign of a negative number stays outside of it, where ``ast.unparse`` needs it."""
    if isinstance(value, bool) or (value == 0 and math.copysign(1.0, value) > 0):
        return ast.Constant(value)
    if value != value:
        return math_name("nan")
    if value <= 0:
        return ast.UnaryOp(ast.USub(), number(-value))
    return math_name("inf") if value == math.inf else ast.Constant(value)


def as_number(node: ast.expr) -> Number | None:
    """The value of a literal, of ``math.pi`` and its kind, or of the negative of one; None for anything else."""
    match node:
        case ast.Constant(value=bool() | int() | float() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            positive = as_number(operand)
            return None if positive is None else -positive
        case ast.Attribute(value=ast.Name(id="math"), attr=attribute):
            named = getattr(math, attribute)
            return named if isinstance(named, float) else None
    return None


def assign(target: str, value: ast.expr) -> ast.Assign:
    """``target = value``."""
    return ast.Assign([ast.Name(target, ast.Store())], value, lineno=1)


def unpack(targets: Iterable[str], value: ast.expr) -> ast.Assign:
    """``first, second = value``."""
    names: list[ast.expr] = [ast.Name(target, ast.Store()) for target in targets]
    return ast.Assign([ast.Tuple(names, ast.Store())], value, lineno=1)


def call(function: str | ast.expr, *arguments: ast.expr) -> ast.Call:
    """``function(*arguments)``."""
    return ast.Call(name(function) if isinstance(function, str) else function, list(arguments), [])


def targets(statement: ast.Assign | ast.For) -> list[str]:
    """The names that an assignment, or a ``for``, binds."""
    target = statement.target if isinstance(statement, ast.For) else statement.targets[0]
    elements = target.elts if isinstance(target, ast.Tuple) else [target]
    return [element.id for element in elements if isinstance(element, ast.Name)]


def called(node: ast.expr) -> str:
    """What a call calls, ``"math.exp"`` or ``"helper"``; an empty text for what is not a call."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def outputs(statement: ast.Return) -> list[ast.expr]:
    """The values that a ``return`` returns."""
    if isinstance(statement.value, ast.Tuple):
        return statement.value.elts
    return [statement.value] if statement.value else []


def returning(values: Sequence[ast.expr]) -> ast.Return:
    """``return`` of one value, or of a tuple of several."""
    return ast.Return(values[0] if len(values) == 1 else ast.Tuple(list(values), ast.Load()))


def walk(body: Body) -> Iterator[ast.AST]:
    """Every node of every statement."""
    for statement in body:
        yield from ast.walk(statement)


def statements(body: Body) -> Iterator[ast.stmt]:
    """Every statement, and every one inside of it."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.While | ast.For):
            yield from statements(statement.body)
            yield from statements(statement.orelse)


def assigned(body: Body) -> set[str]:
    """The names that the statements, and those inside of them, bind."""
    return {target for node in statements(body) if isinstance(node, ast.Assign | ast.For) for target in targets(node)}


def used(node: ast.AST) -> set[str]:
    """The names that occur in a tree, those it binds as well."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def returns(body: Body) -> bool:
    """Whether there is a ``return`` anywhere in the statements."""
    return any(isinstance(node, ast.Return) for node in statements(body))


def breaks(body: Body) -> bool:
    """Whether a ``break`` leaves the loop that has these statements as its body."""
    return any(
        isinstance(statement, ast.Break)
        or (isinstance(statement, ast.If) and (breaks(statement.body) or breaks(statement.orelse)))
        for statement in body
    )


def leaves(body: Body) -> bool:
    """Whether no path gets past the last of the statements."""
    return any(
        isinstance(statement, ast.Return | ast.Break | ast.Continue)
        or (isinstance(statement, ast.If) and leaves(statement.body) and leaves(statement.orelse))
        or (isinstance(statement, ast.While) and as_number(statement.test) is True and not breaks(statement.body))
        for statement in body
    )


def text(body: Body) -> str:
    """The statements as Python."""
    return "\n".join(map(ast.unparse, body)) or "pass"


class _Replace(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.values.get(node.id, node)


def replace(node: Node, values: Mapping[str, ast.expr]) -> Node:
    """A copy of the tree with other expressions in place of names."""
    replaced: Node = _Replace(values).visit(copy.deepcopy(node))
    return replaced
