"""Back from three-address form to expressions that a person would write."""

from __future__ import annotations

import ast
from collections import Counter

from tensorlab.scalars import tree
from tensorlab.scalars.propagate import Known, Propagator
from tensorlab.scalars.simplify import KindOf

_WIDEST = 88
"""In characters; a wider expression stays in parts."""


class Fusion:
    """Rewrites the statements of one function."""

    def __init__(self, body: tree.Body, kind_of: KindOf) -> None:
        nodes = list(tree.walk(body))
        stored = [target for node in nodes if isinstance(node, ast.Assign | ast.For) for target in tree.targets(node)]
        occurring = Counter(node.id for node in nodes if isinstance(node, ast.Name))
        self.once = {name for name, count in Counter(stored).items() if count == 1 and occurring[name] == 2}
        self.propagator = Propagator(kind_of)

    def block(self, body: tree.Body) -> list[ast.stmt]:
        """The statements, with what is assigned once and used once put where it is used."""
        fused: list[ast.stmt] = []
        for statement in reversed(body):
            statement = self.inside(statement)
            if not self.moved(statement, fused):
                fused.append(statement)
        return fused[::-1]

    def moved(self, statement: ast.stmt, later: list[ast.stmt]) -> bool:
        """Put what a statement assigns where it is used, if nothing changes in between; ``later`` is in reverse."""
        if not isinstance(statement, ast.Assign) or len(names := tree.targets(statement)) > 1:
            return False
        if names[0] not in self.once:
            return False
        for index in reversed(range(len(later))):
            if names[0] in tree.used(later[index]):
                joined = self.joined(names[0], statement.value, later[index])
                later[index] = later[index] if joined is None else joined
                return joined is not None
            if tree.assigned([later[index]]) & tree.used(statement.value):
                return False
        return False

    def inside(self, node: ast.stmt) -> ast.stmt:
        """A statement with its own statements fused; an ``if`` that only chooses a value as an expression."""
        match node:
            case ast.While():
                return ast.While(node.test, self.block(node.body), [])
            case ast.For():
                return ast.For(node.target, node.iter, self.block(node.body), [], lineno=1)
            case ast.If():
                first, second = self.block(node.body), self.block(node.orelse)
                return _choice(node.test, first, second) or ast.If(node.test, first, second)
        return node

    def joined(self, name: str, value: ast.expr, second: ast.stmt) -> ast.stmt | None:
        """A statement with an expression in place of a name; None where the name has to stay."""
        known = Known()
        known.values[name] = value
        match second:
            case ast.Assign():
                whole, targets = self.propagator.expression(second.value, known), tree.targets(second)
                joined: ast.stmt = tree.assign(targets[0], whole) if len(targets) == 1 else tree.unpack(targets, whole)
            case ast.Return():
                joined = tree.returning([self.propagator.expression(part, known) for part in tree.outputs(second)])
            case ast.If() if name in tree.used(second.test):
                joined = ast.If(self.propagator.expression(second.test, known), second.body, second.orelse)
            case _:
                return None
        head = joined.test if isinstance(joined, ast.If) else joined
        return joined if len(ast.unparse(head)) <= _WIDEST else None


def _choice(test: ast.expr, first: tree.Body, second: tree.Body) -> ast.stmt | None:
    """``x = a if test else b`` for two branches that assign to one and the same variable."""
    match first, second:
        case [ast.Assign() as one], [ast.Assign() as other] if tree.targets(one) == tree.targets(other):
            target, *more = tree.targets(one)
            value = ast.IfExp(test, one.value, other.value)
            if not more and len(ast.unparse(value)) <= _WIDEST:
                return tree.assign(target, value)
    return None
