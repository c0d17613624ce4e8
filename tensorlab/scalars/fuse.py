"""Fuse three-address form back into expressions, as a person would write them."""

from __future__ import annotations

import ast
from collections import Counter

from tensorlab.scalars import tree
from tensorlab.scalars.propagate import Known, Propagator
from tensorlab.scalars.simplify import KindOf

_MAX_CHARACTERS = 88
"""How many characters of source an expression may have before it stays split."""


class Fusion:
    """Rewrites the statements of one function.

    Args:
        body: all of its statements.
        kind_of: gives the kind of an expression: bool, integer or real.
    """

    def __init__(self, body: tree.Body, kind_of: KindOf) -> None:
        nodes = list(tree.walk(body))
        stored = [target for node in nodes if isinstance(node, ast.Assign | ast.For) for target in tree.targets(node)]
        occurring = Counter(node.id for node in nodes if isinstance(node, ast.Name))
        self.used_once = {name for name, count in Counter(stored).items() if count == 1 and occurring[name] == 2}
        self.propagator = Propagator(kind_of)

    def block(self, body: tree.Body) -> list[ast.stmt]:
        """Return the statements, with each variable that is assigned once and used once replaced by its value."""
        fused: list[ast.stmt] = []
        for statement in reversed(body):
            node = tree.rebuild(statement, self.block)
            if isinstance(node, ast.If):
                node = _choice(node) or node
            if not self.moved(node, fused):
                fused.append(node)
        return fused[::-1]

    def moved(self, statement: ast.stmt, later: list[ast.stmt]) -> bool:
        """Move an assigned value to its use, unless something that it depends on is assigned in between.

        Args:
            statement: the assignment.
            later: the statements after it, in reverse. The one that uses the variable is replaced.

        Returns:
            Whether it was moved, so that the assignment is not needed.
        """
        if not isinstance(statement, ast.Assign) or len(names := tree.targets(statement)) > 1:
            return False
        if names[0] not in self.used_once:
            return False
        for index in reversed(range(len(later))):
            if names[0] in tree.used(later[index]):
                joined = self.joined(names[0], statement.value, later[index])
                later[index] = later[index] if joined is None else joined
                return joined is not None
            if tree.assigned([later[index]]) & tree.used(statement.value):
                return False
        return False

    def joined(self, name: str, value: ast.expr, second: ast.stmt) -> ast.stmt | None:
        """Return a statement with an expression in place of a name, or None if the name has to stay."""
        if not isinstance(second, ast.Assign | ast.Return | ast.If):
            return None
        if isinstance(second, ast.If) and name not in tree.used(second.test):
            return None
        known = Known()
        known.values[name] = value
        joined = tree.rebuild(second, list, lambda part: self.propagator.expression(part, known))
        head = joined.test if isinstance(joined, ast.If) else joined
        return joined if len(ast.unparse(head)) <= _MAX_CHARACTERS else None


def _choice(node: ast.If) -> ast.stmt | None:
    """Return ``x = a if test else b`` for an ``if`` that only assigns to one variable in both branches, or None."""
    match node.body, node.orelse:
        case [ast.Assign() as one], [ast.Assign() as other] if tree.targets(one) == tree.targets(other):
            target, *more = tree.targets(one)
            value = ast.IfExp(node.test, one.value, other.value)
            if not more and len(ast.unparse(value)) <= _MAX_CHARACTERS:
                return tree.assign(target, value)
    return None
