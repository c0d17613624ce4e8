"""The syntax trees of scalar functions, and tools to read and rewrite them.

A scalar function is a list of plain :mod:`ast` statements in a small language: assignments to a name (or to a tuple of
names, from a call of several outputs), ``if``, ``while``, ``for`` over ``range``, ``break``, ``continue``, ``return``.
Functions of ``math`` are spelled ``math.exp``; other scalar functions are called by name. Trees are never changed in
place: a pass builds new statements, and shares what it does not change.
"""

from __future__ import annotations

import ast
import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

Number = bool | int | float
Body = Sequence[ast.stmt]
Node = TypeVar("Node", bound=ast.AST)


def name(identifier: str) -> ast.Name:
    """Return a use of a variable."""
    return ast.Name(identifier, ast.Load())


def math_name(attribute: str) -> ast.Attribute:
    """Return ``math.attribute``."""
    return ast.Attribute(name("math"), attribute, ast.Load())


def number(value: Number) -> ast.expr:
    """Return a literal. The sign of a negative number is an operator around it, as ``ast.unparse`` expects."""
    if isinstance(value, bool) or (value == 0 and math.copysign(1.0, value) > 0):
        return ast.Constant(value)
    if value != value:
        return math_name("nan")
    if value <= 0:
        return ast.UnaryOp(ast.USub(), number(-value))
    return math_name("inf") if value == math.inf else ast.Constant(value)


def as_number(node: ast.expr) -> Number | None:
    """Return the value of a literal, a constant such as ``math.pi``, or the negative of one; else None."""
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
    """Return ``target = value``."""
    return ast.Assign([ast.Name(target, ast.Store())], value, lineno=1)


def unpack(targets: Iterable[str], value: ast.expr) -> ast.Assign:
    """Return ``first, second = value``."""
    names: list[ast.expr] = [ast.Name(target, ast.Store()) for target in targets]
    return ast.Assign([ast.Tuple(names, ast.Store())], value, lineno=1)


def call(function: str | ast.expr, *arguments: ast.expr) -> ast.Call:
    """Return ``function(*arguments)``."""
    return ast.Call(name(function) if isinstance(function, str) else function, list(arguments), [])


def targets(statement: ast.Assign | ast.For) -> list[str]:
    """Return the names that an assignment or a ``for`` binds."""
    target = statement.target if isinstance(statement, ast.For) else statement.targets[0]
    elements = target.elts if isinstance(target, ast.Tuple) else [target]
    return [element.id for element in elements if isinstance(element, ast.Name)]


def called(node: ast.expr) -> str:
    """Return what a call calls, such as ``"math.exp"`` or ``"helper"``; an empty text for any other expression."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def outputs(statement: ast.Return) -> list[ast.expr]:
    """Return the values that a ``return`` returns."""
    if isinstance(statement.value, ast.Tuple):
        return statement.value.elts
    return [statement.value] if statement.value else []


def returning(values: Sequence[ast.expr]) -> ast.Return:
    """Return a ``return`` of one value, or of a tuple of several."""
    return ast.Return(values[0] if len(values) == 1 else ast.Tuple(list(values), ast.Load()))


def walk(body: Body) -> Iterator[ast.AST]:
    """Yield every node of every statement."""
    for statement in body:
        yield from ast.walk(statement)


def statements(body: Body) -> Iterator[ast.stmt]:
    """Yield every statement, each before those in its blocks."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.While | ast.For):
            yield from statements(statement.body)
            yield from statements(statement.orelse)


def rebuild(
    node: ast.stmt, block: Callable[[Body], list[ast.stmt]], expression: Callable[[ast.expr], ast.expr] = lambda e: e
) -> ast.stmt:
    """Return a statement with its expressions, and then its blocks, rewritten.

    Args:
        node: the statement.
        block: rewrites the body of a loop, or of a branch.
        expression: rewrites an assigned or returned value, a condition, or the ``range`` of a ``for``.
    """
    match node:
        case ast.Assign(value=value):
            return ast.Assign(node.targets, expression(value), lineno=1)
        case ast.Return():
            return returning(list(map(expression, outputs(node))))
        case ast.If(test=test, body=body, orelse=orelse):
            return ast.If(expression(test), block(body), block(orelse))
        case ast.While(test=test, body=body):
            return ast.While(expression(test), block(body), [])
        case ast.For(target=target, iter=counts, body=body):
            return ast.For(target, expression(counts), block(body), [], lineno=1)
    return node


def map_statements(body: Body, rewrite: Callable[[ast.stmt], Iterable[ast.stmt]]) -> list[ast.stmt]:
    """Return the statements with each one replaced by those that ``rewrite`` returns, innermost first."""

    def block(inner: Body) -> list[ast.stmt]:
        return [new for statement in inner for new in rewrite(rebuild(statement, block))]

    return block(body)


def map_operands(node: ast.expr, rewrite: Callable[[ast.expr], ast.expr]) -> ast.expr:
    """Return an operation or a call with its operands rewritten, from left to right; any other node as it is."""
    match node:
        case ast.UnaryOp():
            return ast.UnaryOp(node.op, rewrite(node.operand))
        case ast.BinOp():
            return ast.BinOp(rewrite(node.left), node.op, rewrite(node.right))
        case ast.BoolOp():
            return ast.BoolOp(node.op, list(map(rewrite, node.values)))
        case ast.Compare():
            return ast.Compare(rewrite(node.left), node.ops, list(map(rewrite, node.comparators)))
        case ast.IfExp():
            return ast.IfExp(rewrite(node.test), rewrite(node.body), rewrite(node.orelse))
        case ast.Call():
            return call(node.func, *map(rewrite, node.args))
    return node


def assigned(body: Body) -> set[str]:
    """Return the names that the statements, and those in their blocks, bind."""
    return {target for node in statements(body) if isinstance(node, ast.Assign | ast.For) for target in targets(node)}


def used(node: ast.AST) -> set[str]:
    """Return the names in a tree, including those that it binds."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def returns(body: Body) -> bool:
    """Return whether there is a ``return`` anywhere in the statements."""
    return any(isinstance(node, ast.Return) for node in statements(body))


def breaks(body: Body) -> bool:
    """Return whether a ``break`` leaves the loop whose body these statements are."""
    return any(
        isinstance(statement, ast.Break)
        or (isinstance(statement, ast.If) and (breaks(statement.body) or breaks(statement.orelse)))
        for statement in body
    )


def leaves(body: Body) -> bool:
    """Return whether no path reaches the end of the statements."""
    return any(
        isinstance(statement, ast.Return | ast.Break | ast.Continue)
        or (isinstance(statement, ast.If) and leaves(statement.body) and leaves(statement.orelse))
        or (isinstance(statement, ast.While) and as_number(statement.test) is True and not breaks(statement.body))
        for statement in body
    )


def text(body: Body) -> str:
    """Return the statements as Python source."""
    return "\n".join(map(ast.unparse, body)) or "pass"


class _Replace(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.values.get(node.id, node)


def replace(node: Node, values: Mapping[str, ast.expr]) -> Node:
    """Return a copy of a tree with expressions in place of names."""
    replaced: Node = _Replace(values).visit(copy.deepcopy(node))
    return replaced
