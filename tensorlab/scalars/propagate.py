"""Constant and copy propagation, and common subexpressions: nothing is computed twice."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tensorlab.scalars import tree
from tensorlab.scalars.simplify import KindOf, simplify


class Known:
    """What is known at one point of a function.

    Attributes:
        values: the expression that a variable is equal to: a name or a number.
        computed: the variable that has the value of an expression, by its text, with the names in the expression.
    """

    def __init__(self) -> None:
        self.values: dict[str, ast.expr] = {}
        self.computed: dict[str, tuple[str, set[str]]] = {}

    def copy(self) -> Known:
        """Return a copy, for another path."""
        other = Known()
        other.values, other.computed = dict(self.values), dict(self.computed)
        return other

    def forget(self, names: Iterable[str]) -> None:
        """Remove what is known of variables that are assigned again."""
        gone = set(names)
        self.values = {
            name: value
            for name, value in self.values.items()
            if name not in gone and not (isinstance(value, ast.Name) and value.id in gone)
        }
        self.computed = {
            text: (variable, used)
            for text, (variable, used) in self.computed.items()
            if variable not in gone and not gone & used
        }

    def meet(self, other: Known) -> None:
        """Keep what is known on this path and on another."""
        self.values = {
            name: value
            for name, value in self.values.items()
            if name in other.values and ast.dump(value) == ast.dump(other.values[name])
        }
        self.computed = {text: entry for text, entry in self.computed.items() if other.computed.get(text) == entry}


class Propagator:
    """Rewrites the statements of one function with what is known at each of them.

    Args:
        kind_of: gives the kind of an expression: bool, integer or real.
    """

    def __init__(self, kind_of: KindOf) -> None:
        self.kind_of = kind_of

    def block(self, body: tree.Body, known: Known | None = None) -> list[ast.stmt]:
        """Return the statements rewritten, up to the last one that can be reached.

        Args:
            body: the statements.
            known: what is known before them. It is updated to what is known after them.
        """
        known = Known() if known is None else known
        written: list[ast.stmt] = []
        for statement in body:
            written.extend(self.statement(statement, known))
            if tree.leaves(written[-1:]):
                break
        return written

    def statement(self, node: ast.stmt, known: Known) -> list[ast.stmt]:
        """Return one statement rewritten, or the statements of the branch that it always takes."""
        match node:
            case ast.Assign():
                return [self.assignment(node, known)]
            case ast.If():
                return self.branches(node, known)
            case ast.While():
                known.forget(tree.assigned([node]))  # the condition is computed in every round

        def block(body: tree.Body) -> list[ast.stmt]:
            known.forget(tree.assigned([node]))
            return self.block(body, known.copy())

        return [tree.rebuild(node, block, lambda value: self.expression(value, known))]

    def assignment(self, node: ast.Assign, known: Known) -> ast.stmt:
        """Return an assignment, from the variable that has the value already if there is one."""
        value = self.expression(node.value, known)
        names = tree.targets(node)
        known.forget(names)
        if len(names) > 1:
            return tree.unpack(names, value)
        target, used = names[0], tree.used(value)
        if isinstance(value, ast.Name) or tree.as_number(value) is not None:
            if target not in used:
                known.values[target] = value
        elif (text := _canonical(value)) in known.computed:
            value = tree.name(known.computed[text][0])
            known.values[target] = value
        elif target not in used:
            known.computed[text] = (target, used)
        return tree.assign(target, value)

    def branches(self, node: ast.If, known: Known) -> list[ast.stmt]:
        """Return an ``if`` rewritten; afterwards what both branches know at their ends is known."""
        test = self.expression(node.test, known)
        taken = tree.as_number(test)
        if taken is not None:
            return self.block(node.body if taken else node.orelse, known)
        before = known.copy()
        first = self.block(node.body, known)
        second = self.block(node.orelse, before)
        if tree.leaves(first):
            known.values, known.computed = before.values, before.computed
        elif not tree.leaves(second):
            known.meet(before)
        return [ast.If(test, first, second)]

    def expression(self, node: ast.expr, known: Known) -> ast.expr:
        """Return an expression with what is known put in, simplified from the inside out."""
        if isinstance(node, ast.Name):
            return known.values.get(node.id, node)
        rewritten = tree.map_operands(node, lambda operand: self.expression(operand, known))
        return simplify(rewritten, self.kind_of)


def _canonical(node: ast.expr) -> str:
    """Return a text that is the same for ``a * b`` and ``b * a``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult):
        return f"{type(node.op).__name__}{sorted((ast.unparse(node.left), ast.unparse(node.right)))}"
    return ast.unparse(node)
