"""Statements whose values nothing needs are dropped."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tensorlab.scalars import tree


@dataclass(frozen=True)
class _After:
    """The variables that are needed at the places where control may go next."""

    end: frozenset[str]
    broken: frozenset[str] = frozenset()
    continued: frozenset[str] = frozenset()


def without_dead_code(body: tree.Body) -> list[ast.stmt]:
    """The statements that the returned values depend on."""
    return _block(body, _After(frozenset()))[0]


def _block(body: tree.Body, after: _After) -> tuple[list[ast.stmt], frozenset[str]]:
    """The statements that are needed, and the variables that are needed before them."""
    kept: list[ast.stmt] = []
    needed = after.end
    for statement in reversed(body):
        written, needed = _statement(statement, _After(needed, after.broken, after.continued))
        if written is not None:
            kept.append(written)
    return kept[::-1], needed


def _statement(node: ast.stmt, after: _After) -> tuple[ast.stmt | None, frozenset[str]]:
    match node:
        case ast.Return():
            return node, frozenset(tree.used(node))
        case ast.Break():
            return node, after.broken
        case ast.Continue():
            return node, after.continued
        case ast.Assign():
            bound = after.end.intersection(tree.targets(node))
            return (node, (after.end - bound) | tree.used(node.value)) if bound else (None, after.end)
        case ast.If():
            first, before_first = _block(node.body, after)
            second, before_second = _block(node.orelse, after)
            if not first and not second:
                return None, after.end
            needed = before_first | before_second | tree.used(node.test)
            if not first:
                return ast.If(_opposite(node.test), second, []), needed
            return ast.If(node.test, first, second), needed
        case ast.While() | ast.For():
            return _loop(node, after)
    return None, after.end


def _loop(node: ast.While | ast.For, after: _After) -> tuple[ast.stmt | None, frozenset[str]]:
    """A loop is needed for what it assigns, or returns; what it needs itself is a fixed point."""
    if not tree.returns([node]) and not after.end & tree.assigned([node]):
        return None, after.end
    around = tree.used(node.test) if isinstance(node, ast.While) else set(tree.targets(node))
    head, known = after.end | around, None
    while head != known:
        known = head
        body, before = _block(node.body, _After(head, after.end, head))
        head |= before
    body = body or [ast.Pass()]
    if isinstance(node, ast.While):
        return ast.While(node.test, body, []), head
    needed = (head - set(tree.targets(node))) | (after.end & head) | tree.used(node.iter)
    return ast.For(node.target, node.iter, body, [], lineno=1), needed


def _opposite(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    return ast.UnaryOp(ast.Not(), test)
