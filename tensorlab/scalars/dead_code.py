"""Dead code elimination: drop statements whose values nothing needs."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tensorlab.scalars import tree


@dataclass(frozen=True)
class _Live:
    """The variables that are live (needed later) where control may go next.

    Attributes:
        end: after the last statement of the block.
        broken: after a ``break``.
        continued: after a ``continue``.
    """

    end: frozenset[str]
    broken: frozenset[str] = frozenset()
    continued: frozenset[str] = frozenset()


def without_dead_code(body: tree.Body) -> list[ast.stmt]:
    """Return the statements that the returned values depend on."""
    return _block(body, _Live(frozenset()))[0]


def _block(body: tree.Body, after: _Live) -> tuple[list[ast.stmt], frozenset[str]]:
    """Return the statements that are needed, and the variables that are live before them."""
    kept: list[ast.stmt] = []
    live = after.end
    for statement in reversed(body):
        written, live = _statement(statement, _Live(live, after.broken, after.continued))
        if written is not None:
            kept.append(written)
    return kept[::-1], live


def _statement(node: ast.stmt, after: _Live) -> tuple[ast.stmt | None, frozenset[str]]:
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
            return _if(node, after)
        case ast.While() | ast.For():
            return _loop(node, after)
    return None, after.end


def _if(node: ast.If, after: _Live) -> tuple[ast.stmt | None, frozenset[str]]:
    first, before_first = _block(node.body, after)
    second, before_second = _block(node.orelse, after)
    if not first and not second:
        return None, after.end
    live = before_first | before_second | tree.used(node.test)
    return (ast.If(node.test, first, second) if first else ast.If(_opposite(node.test), second, [])), live


def _loop(node: ast.While | ast.For, after: _Live) -> tuple[ast.stmt | None, frozenset[str]]:
    """Keep a loop if it returns, or assigns a live variable; what is live inside of it is a fixed point."""
    if not tree.returns([node]) and not after.end & tree.assigned([node]):
        return None, after.end
    around = tree.used(node.test) if isinstance(node, ast.While) else set(tree.targets(node))
    head, known = after.end | around, None
    while head != known:
        known = head
        body, before = _block(node.body, _Live(head, after.end, head))
        head |= before
    live = head
    if isinstance(node, ast.For):
        live = (head - set(tree.targets(node))) | (after.end & head) | tree.used(node.iter)
    return tree.rebuild(node, lambda _: body or [ast.Pass()]), live


def _opposite(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    return ast.UnaryOp(ast.Not(), test)
