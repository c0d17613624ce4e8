"""Three-address form: every operation gets a temporary of its own, so that a rule can name operands and value.

What Python evaluates lazily (conditional expressions, ``and``, ``or``) becomes ``if`` statements, so that nothing is
computed in a branch that is not taken. Conditions carry no derivative and stay as they are.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from tensorlab.scalars import tree
from tensorlab.scalars.inline import inline
from tensorlab.scalars.names import Names


class Lowering:
    """Writes statements in three-address form; ``names`` gains the temporaries and the functions that they call."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def block(self, body: tree.Body) -> list[ast.stmt]:
        """The statements in three-address form."""
        lowered: list[ast.stmt] = []
        for statement in body:
            self.statement(statement, lowered)
        return lowered

    def statement(self, node: ast.stmt, out: list[ast.stmt]) -> None:
        """Append one statement in three-address form."""
        match node:
            case ast.Assign(value=ast.Call() as call) if len(tree.targets(node)) > 1:
                values = self.outputs_of(call, out)
                out.extend(map(tree.assign, tree.targets(node), values))
            case ast.Assign():
                out.append(tree.assign(tree.targets(node)[0], self.atom(node.value, out)))
            case ast.If():
                out.append(ast.If(node.test, self.block(node.body), self.block(node.orelse)))
            case ast.While():
                out.append(ast.While(node.test, self.block(node.body), []))
            case ast.For():
                out.append(ast.For(node.target, node.iter, self.block(node.body), [], lineno=1))
            case ast.Return():
                out.append(tree.returning([self.atom(value, out) for value in tree.outputs(node)]))
            case ast.Break() | ast.Continue():
                out.append(node)

    def atom(self, node: ast.expr, out: list[ast.stmt]) -> ast.expr:
        """A name or a number with the value of an expression, after the statements that compute it."""
        if isinstance(node, ast.Name) or tree.as_number(node) is not None:
            return node
        match node:
            case ast.IfExp():
                return self.choice(node, out)
            case ast.BoolOp() if not is_condition(node):
                return self.lazy(node, out)
            case ast.Call() if tree.called(node) in self.names.calls:
                return self.outputs_of(node, out)[0]
            case ast.Call():
                value: ast.expr = tree.call(node.func, *(self.atom(argument, out) for argument in node.args))
            case ast.UnaryOp() if not isinstance(node.op, ast.Not):
                value = ast.UnaryOp(node.op, self.atom(node.operand, out))
            case ast.BinOp():
                value = ast.BinOp(self.atom(node.left, out), node.op, self.atom(node.right, out))
            case _:
                value = node
        return self.hold(value, out)

    def hold(self, value: ast.expr, out: list[ast.stmt]) -> ast.Name:
        """Assign a value to a temporary of its own."""
        temporary = self.names.temporary()
        out.append(tree.assign(temporary, value))
        return tree.name(temporary)

    def choice(self, node: ast.IfExp, out: list[ast.stmt]) -> ast.expr:
        """``a if test else b`` as a statement."""
        chosen = self.names.temporary()
        branches: list[list[ast.stmt]] = []
        for value in (node.body, node.orelse):
            branch: list[ast.stmt] = []
            branch.append(tree.assign(chosen, self.atom(value, branch)))
            branches.append(branch)
        out.append(ast.If(node.test, *branches))
        return tree.name(chosen)

    def lazy(self, node: ast.BoolOp, out: list[ast.stmt]) -> ast.expr:
        """``a and b`` or ``a or b`` of numbers as statements."""
        first, *rest = node.values
        chosen = self.hold(self.atom(first, out), out)
        for value in rest:
            branch: list[ast.stmt] = []
            branch.append(tree.assign(chosen.id, self.atom(value, branch)))
            test = chosen if isinstance(node.op, ast.And) else ast.UnaryOp(ast.Not(), chosen)
            out.append(ast.If(test, branch, []))
            out = branch
        return chosen

    def outputs_of(self, node: ast.Call, out: list[ast.stmt]) -> Sequence[ast.expr]:
        """The outputs of a call of a scalar function, whose body takes the place of the call where that is possible."""
        function = self.names.calls[tree.called(node)]
        arguments = [self.atom(argument, out) for argument in node.args]
        inlined = inline(function, arguments, self.names)
        if inlined is not None:
            body, outputs = inlined
            out.extend(self.block(body))
            return outputs
        call = tree.call(node.func, *arguments)
        if function.n_outputs == 1:
            return [self.hold(call, out)]
        held = [self.names.temporary() for _ in range(function.n_outputs)]
        out.append(tree.unpack(held, call))
        return [tree.name(temporary) for temporary in held]

    def expand(self, template: ast.expr, values: Mapping[str, ast.expr], out: list[ast.stmt]) -> ast.expr:
        """The value of an expression in which other expressions stand for names."""
        return self.atom(tree.replace(template, values), out)


def is_condition(node: ast.expr) -> bool:
    """Whether an expression can only be True or False."""
    match node:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()) | ast.Constant(value=bool()):
            return True
        case ast.BoolOp():
            return all(map(is_condition, node.values))
    return False
