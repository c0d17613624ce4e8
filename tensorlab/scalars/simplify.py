"""Constant folding and algebraic identities, such as ``1 * x``, ``x + 0``, ``x ** 1`` and ``-(-x)``."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

from tensorlab.scalars import tree
from tensorlab.scalars.kinds import Kind

KindOf = Callable[[ast.expr], Kind]

_MAX_EXPONENT = 64
"""The largest exponent of a folded power: integers to a larger one may have too many digits."""

_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def simplify(node: ast.expr, kind_of: KindOf) -> ast.expr:
    """Return the simplest expression with the value and the kind of an operation whose operands are simple.

    A real zero times anything is zero, even infinity: it comes from a variable that has no derivative.
    """
    number = _computed(node)
    if number is not None:
        return number
    match node:
        case ast.UnaryOp(op=ast.UAdd(), operand=operand) if kind_of(operand) == Kind.REAL:
            return operand
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _negative(operand) if kind_of(operand) == Kind.REAL else node
        case ast.BinOp() if kind_of(node) == Kind.REAL:
            return _arithmetic(node, kind_of)
        case ast.BoolOp(op=op, values=[first, *rest]) if (known := tree.as_number(first)) is not None:
            if bool(known) != isinstance(op, ast.And):
                return first
            return rest[0] if len(rest) == 1 else simplify(ast.BoolOp(op, rest), kind_of)
        case ast.IfExp(test=test):
            known = tree.as_number(test)
            return node if known is None else node.body if known else node.orelse
    return node


def _computed(node: ast.expr) -> ast.expr | None:
    """Return the value of an operation on literals as a literal, or None."""
    match node:
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            operands, function = [left, right], _OPERATORS.get(type(op))
        case ast.UnaryOp(op=op, operand=operand) if not isinstance(op, ast.USub):
            operands, function = [operand], _OPERATORS.get(type(op))
        case ast.Call(func=ast.Attribute(attr=attribute), args=operands):
            function = getattr(math, attribute)
        case _:
            return None
    values = [tree.as_number(operand) for operand in operands]
    if function is None or None in values or (function is operator.pow and abs(values[1] or 0) > _MAX_EXPONENT):
        return None
    try:
        value = function(*values)
        return tree.number(value) if isinstance(value, int | float) and math.isfinite(value) else None
    except (ArithmeticError, ValueError):
        return None  # it fails when it runs, as in the author's function


def _negative(operand: ast.expr) -> ast.expr:
    match operand:
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return inner
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return ast.BinOp(right, ast.Sub(), left)
    value = tree.as_number(operand)
    return ast.UnaryOp(ast.USub(), operand) if value is None else tree.number(-value)


def _arithmetic(node: ast.BinOp, kind_of: KindOf) -> ast.expr:
    """Simplify an operation with a real value, at most one of whose operands is a literal."""
    left, right = node.left, node.right
    a, b = tree.as_number(left), tree.as_number(right)
    real_left, real_right = kind_of(left) == Kind.REAL, kind_of(right) == Kind.REAL
    match node.op:
        case ast.Add() if _is(a, 0) and real_right:
            return right
        case ast.Add() | ast.Sub() if _is(b, 0) and real_left:
            return left
        case ast.Add() | ast.Sub() if _is_negative(right) and b is None:
            assert isinstance(right, ast.UnaryOp)
            opposite = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            return ast.BinOp(left, opposite, right.operand)
        case ast.Add() if _is_negative(left) and a is None:
            assert isinstance(left, ast.UnaryOp)
            return ast.BinOp(right, ast.Sub(), left.operand)
        case ast.Sub() if _is(a, 0) and real_right:
            return _negative(right)
        case ast.Mult() | ast.Div() if _is(a, 0) and isinstance(a, float):
            return tree.number(0.0)
        case ast.Mult() if _is(b, 0) and isinstance(b, float):
            return tree.number(0.0)
        case ast.Mult() if a in (1, -1) and real_right:
            return right if a == 1 else _negative(right)
        case ast.Mult() | ast.Div() if b in (1, -1) and real_left:
            return left if b == 1 else _negative(left)
        case ast.Mult() | ast.Div() if _is_negative(left) and a is None and real_left:
            assert isinstance(left, ast.UnaryOp)
            return _negative(ast.BinOp(left.operand, node.op, right))
        case ast.Mult() | ast.Div() if _is_negative(right) and b is None and real_right:
            assert isinstance(right, ast.UnaryOp)
            return _negative(ast.BinOp(left, node.op, right.operand))
        case ast.Mult() if (denominator := _inverted(right)) is not None and real_left:
            return ast.BinOp(left, ast.Div(), denominator)
        case ast.Mult() if b is not None and a is None:
            return ast.BinOp(right, ast.Mult(), left)
        case ast.Pow() if _is(b, 1) and real_left:
            return left
        case ast.Pow() if _is(b, 0):
            return tree.number(1.0)
    return node


def _inverted(node: ast.expr) -> ast.expr | None:
    """Return ``x`` for ``1 / x``, or None."""
    match node:
        case ast.BinOp(left=left, op=ast.Div(), right=right) if _is(tree.as_number(left), 1):
            return right
    return None


def _is(value: tree.Number | None, wanted: int) -> bool:
    return value is not None and not isinstance(value, bool) and value == wanted


def _is_negative(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
