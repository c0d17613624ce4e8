"""Values that are known already: copies and numbers go where they are used, and nothing is computed twice."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from tensorlab.scalars import tree
from tensorlab.scalars.simplify import KindOf, simplify


class Known:
    """What is known at one point of a function.

    Attributes:
        values: the name or the number that a variable is equal to.
        holders: the variable that holds the value of an expression already, with the names in the expression.
    """

    def __init__(self) -> None:
        self.values: dict[str, ast.expr] = {}
        self.holders: dict[str, tuple[str, set[str]]] = {}

    def copy(self) -> Known:
        other = Known()
        other.values, other.holders = dict(self.values), dict(self.holders)
        return other

    def forget(self, names: Iterable[str]) -> None:
        """The names get new values."""
        gone = set(names)
        self.values = {
            name: value
            for name, value in self.values.items()
            if name not in gone and not (isinstance(value, ast.Name) and value.id in gone)
        }
        self.holders = {
            text: (holder, used)
            for text, (holder, used) in self.holders.items()
            if holder not in gone and not gone & used
        }

    def meet(self, other: Known) -> None:
        """Keep what is known on both of two paths."""
        self.values = {
            name: value
            for name, value in self.values.items()
            if name in other.values and ast.dump(value) == ast.dump(other.values[name])
        }
        self.holders = {text: held for text, held in self.holders.items() if other.holders.get(text) == held}


class Propagator:
    """Rewrites the statements of one function."""

    def __init__(self, kind_of: KindOf) -> None:
        self.kind_of = kind_of

    def block(self, body: tree.Body, known: Known | None = None) -> list[ast.stmt]:
        """The statements with what is known put in; ``known`` is what holds before, and then after them."""
        known = Known() if known is None else known
        written: list[ast.stmt] = []
        for statement in body:
            written.extend(self.statement(statement, known))
            if tree.leaves(written[-1:]):
                break
        return written

    def statement(self, node: ast.stmt, known: Known) -> list[ast.stmt]:
        """One statement, or those of the branch that it always takes."""
        match node:
            case ast.Assign():
                return [self.assignment(node, known)]
            case ast.Return():
                return [tree.returning([self.expression(value, known) for value in tree.outputs(node)])]
            case ast.If():
                return self.branches(node, known)
            case ast.While():
                known.forget(tree.assigned(node.body))
                body = self.block(node.body, known.copy())
                return [ast.While(self.expression(node.test, known), body, [])]
            case ast.For():
                counted = self.expression(node.iter, known)  # before the loop, and only once
                known.forget(tree.assigned([node]))
                return [ast.For(node.target, counted, self.block(node.body, known.copy()), [], lineno=1)]
        return [node]

    def assignment(self, node: ast.Assign, known: Known) -> ast.stmt:
        """An assignment, of a variable that holds the value already where there is one."""
        value = self.expression(node.value, known)
        names = tree.targets(node)
        known.forget(names)
        if len(names) > 1:
            return tree.unpack(names, value)
        target, used = names[0], tree.used(value)
        if isinstance(value, ast.Name) or tree.as_number(value) is not None:
            if target not in used:
                known.values[target] = value
        elif (text := _canonical(value)) in known.holders:
            value = tree.name(known.holders[text][0])
            known.values[target] = value
        elif target not in used:
            known.holders[text] = (target, used)
        return tree.assign(target, value)

    def branches(self, node: ast.If, known: Known) -> list[ast.stmt]:
        """An ``if``; after it holds what holds at the ends of both branches."""
        test = self.expression(node.test, known)
        taken = tree.as_number(test)
        if taken is not None:
            return self.block(node.body if taken else node.orelse, known)
        before = known.copy()
        first = self.block(node.body, known)
        second = self.block(node.orelse, before)
        if tree.leaves(first):
            known.values, known.holders = before.values, before.holders
        elif not tree.leaves(second):
            known.meet(before)
        return [ast.If(test, first, second)]

    def expression(self, node: ast.expr, known: Known) -> ast.expr:
        """An expression with what is known put in, folded from the inside out."""
        match node:
            case ast.Name():
                return known.values.get(node.id, node)
            case ast.UnaryOp():
                node = ast.UnaryOp(node.op, self.expression(node.operand, known))
            case ast.BinOp():
                node = ast.BinOp(self.expression(node.left, known), node.op, self.expression(node.right, known))
            case ast.Call():
                node = tree.call(node.func, *(self.expression(argument, known) for argument in node.args))
            case ast.Compare():
                operands = [self.expression(operand, known) for operand in node.comparators]
                node = ast.Compare(self.expression(node.left, known), node.ops, operands)
            case ast.BoolOp():
                node = ast.BoolOp(node.op, [self.expression(value, known) for value in node.values])
            case ast.IfExp():
                node = ast.IfExp(*(self.expression(part, known) for part in (node.test, node.body, node.orelse)))
        return simplify(node, self.kind_of)


def _canonical(node: ast.expr) -> str:
    """A text that is equal for ``a * b`` and ``b * a``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult):
        return f"{type(node.op).__name__}{sorted((ast.unparse(node.left), ast.unparse(node.right)))}"
    return ast.unparse(node)
