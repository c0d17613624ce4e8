"""Three-address form: every operation is assigned to a temporary, so that derivative rules can name its operands.

What Python evaluates lazily (conditional expressions, ``and``, ``or``) becomes ``if`` statements, so that only the
branch that is taken is computed. Conditions have no derivative, and stay as they are.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from tensorlab.scalars import tree
from tensorlab.scalars.inline import inline
from tensorlab.scalars.names import Names


class Lowering:
    """Rewrites statements in three-address form.

    Args:
        names: the names in the function, to which the temporaries and called functions are added.
    """

    def __init__(self, names: Names) -> None:
        self.names = names

    def block(self, body: tree.Body) -> list[ast.stmt]:
        """Return the statements in three-address form."""
        return tree.map_statements(body, self.statement)

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        """Return one statement, whose blocks are lowered already, in three-address form."""
        out: list[ast.stmt] = []
        match node:
            case ast.Assign(value=ast.Call() as call) if len(tree.targets(node)) > 1:
                out.extend(map(tree.assign, tree.targets(node), self.outputs_of(call, out)))
            case ast.Assign():
                out.append(tree.assign(tree.targets(node)[0], self.atom(node.value, out)))
            case ast.Return():
                out.append(tree.returning([self.atom(value, out) for value in tree.outputs(node)]))
            case ast.Pass():
                pass
            case _:
                out.append(node)
        return out

    def atom(self, node: ast.expr, out: list[ast.stmt]) -> ast.expr:
        """Append the statements that compute an expression, and return a name or a number with its value."""
        if isinstance(node, ast.Name) or tree.as_number(node) is not None:
            return node
        match node:
            case ast.IfExp():
                return self.choice(node, out)
            case ast.BoolOp() if not is_condition(node):
                return self.lazy(node, out)
            case ast.Call() if tree.called(node) in self.names.calls:
                return self.outputs_of(node, out)[0]
            case ast.Call() | ast.UnaryOp() | ast.BinOp() if not is_condition(node):
                node = tree.map_operands(node, lambda operand: self.atom(operand, out))
        return self.assigned(node, out)

    def assigned(self, value: ast.expr, out: list[ast.stmt]) -> ast.Name:
        """Append an assignment of a value to a new temporary, and return that."""
        temporary = self.names.temporary()
        out.append(tree.assign(temporary, value))
        return tree.name(temporary)

    def choice(self, node: ast.IfExp, out: list[ast.stmt]) -> ast.expr:
        """Append an ``if`` for ``a if test else b``, and return its value."""
        chosen = self.names.temporary()
        branches: list[list[ast.stmt]] = []
        for value in (node.body, node.orelse):
            branch: list[ast.stmt] = []
            branch.append(tree.assign(chosen, self.atom(value, branch)))
            branches.append(branch)
        out.append(ast.If(node.test, *branches))
        return tree.name(chosen)

    def lazy(self, node: ast.BoolOp, out: list[ast.stmt]) -> ast.expr:
        """Append nested ``if`` statements for ``a and b`` or ``a or b`` of numbers, and return their value."""
        first, *rest = node.values
        chosen = self.assigned(self.atom(first, out), out)
        for value in rest:
            branch: list[ast.stmt] = []
            branch.append(tree.assign(chosen.id, self.atom(value, branch)))
            test = chosen if isinstance(node.op, ast.And) else ast.UnaryOp(ast.Not(), chosen)
            out.append(ast.If(test, branch, []))
            out = branch
        return chosen

    def outputs_of(self, node: ast.Call, out: list[ast.stmt]) -> Sequence[ast.expr]:
        """Append a call of a scalar function, inlined if possible, and return its outputs."""
        function = self.names.calls[tree.called(node)]
        arguments = [self.atom(argument, out) for argument in node.args]
        inlined = inline(function, arguments, self.names)
        if inlined is not None:
            body, outputs = inlined
            out.extend(self.block(body))
            return outputs
        call = tree.call(node.func, *arguments)
        if function.n_outputs == 1:
            return [self.assigned(call, out)]
        temporaries = [self.names.temporary() for _ in range(function.n_outputs)]
        out.append(tree.unpack(temporaries, call))
        return [tree.name(temporary) for temporary in temporaries]

    def expand(self, template: ast.expr, values: Mapping[str, ast.expr], out: list[ast.stmt]) -> ast.expr:
        """Append the statements that compute a template, with expressions in place of its names; return its value."""
        return self.atom(tree.replace(template, values), out)


def is_condition(node: ast.expr) -> bool:
    """Return whether an expression can only be True or False."""
    match node:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()) | ast.Constant(value=bool()):
            return True
        case ast.BoolOp():
            return all(map(is_condition, node.values))
    return False
