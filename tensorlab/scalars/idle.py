"""The step of an optimizer for a gradient of 0: what changes, and when the weight does not.

A pixel that no sample of a batch has lit, or a word that no sentence contains, has a gradient of 0. RMSprop then only
scales its slot, and SGD does nothing. The root and the division of most optimizers, and the weight itself, are not
needed: ``w - η · 0 / √(s + ε)`` is w, if η is finite and above 0, and s + ε above 0.
"""

from __future__ import annotations

import ast

from tensorlab.scalars import tree
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.names import Names


class _Moves(Exception):  # noqa: N818 - not an error: the step has no short form
    """Raised for a step that may change the weight even if the gradient is 0, or for which that is not known."""


def idle(function: ScalarFunction) -> ScalarFunction | None:
    """Return ``(*slots, *hyperparameters) -> (*slots, stays)``: the step of an optimizer for a gradient of +0.

    If ``stays`` is true, the step leaves the weight as it is, and the slots have the bits of the step. Otherwise they
    mean nothing.

    Args:
        function: ``(weight, gradient, *slots, *hyperparameters) -> (weight, *slots)``.

    Returns:
        the function; None if the weight may change although the gradient is 0, as with momentum, or if the body
        consists of more than assignments.

    Example:
        >>> from tensorlab.scalars import idle, scalar_function
        >>> def adagrad(w, g, s, rate=0.1):
        ...     s = s + g * g
        ...     return w - rate * g / math.sqrt(s), s
        >>> idle(scalar_function(adagrad))(4.0, 0.1)
        (4.0, True)
    """
    try:
        return _Idle(function).made()
    except _Moves:
        return None


class _Idle:
    """Rewrites the body of one function. An expression is replaced by 0.0 if it is +0 under the conditions."""

    def __init__(self, function: ScalarFunction) -> None:
        self.function = function
        self.weight, self.gradient, *self.others = function.parameters
        self.names = Names.of(function)
        self.zeros = {self.gradient}  # variables that are +0 now
        self.statements: list[ast.stmt] = []
        self.conditions: list[ast.expr] = []  # names of variables
        self.checked: dict[str, ast.expr] = {}  # by the text of the condition

    def made(self) -> ScalarFunction:
        function = self.function
        if function.calls or not isinstance(function.body[-1], ast.Return):
            raise _Moves
        for statement in function.body[:-1]:
            self.assignment(statement)
        weight, *slots = tree.outputs(function.body[-1])
        self.check_weight(weight)
        values = [self.expression(slot) for slot in slots]
        stays: ast.expr = ast.Compare(tree.number(0.0), [ast.Eq()], [tree.number(0.0)])
        if self.conditions:
            stays = ast.BoolOp(ast.And(), self.conditions) if len(self.conditions) > 1 else self.conditions[0]
        body = [*self.statements, tree.returning([*values, stays])]
        if any(self.weight in tree.used(node) or self.gradient in tree.used(node) for node in body):
            raise _Moves
        parameters = tuple(self.others)
        return function.replace(name=f"{function.name}_idle", parameters=parameters, body=body, calls={})

    def assignment(self, statement: ast.stmt) -> None:
        if not isinstance(statement, ast.Assign) or len(tree.targets(statement)) != 1:
            raise _Moves
        (target,) = tree.targets(statement)
        value = self.expression(statement.value)
        self.checked.clear()  # a condition may read the variable
        self.zeros.discard(target)
        if _is_zero(value):
            self.zeros.add(target)
        if target != self.gradient:
            self.statements.append(tree.assign(target, value))
        elif target not in self.zeros:
            raise _Moves

    def check_weight(self, value: ast.expr) -> None:
        """Raise unless the new weight is the old one, ``weight`` or ``weight - zero``; ``-0 + 0`` is another number."""
        match value:
            case ast.BinOp(left=ast.Name() as weight, op=ast.Sub(), right=change):
                if not _is_zero(self.expression(change)):
                    raise _Moves
            case ast.Name() as weight:
                pass
            case _:
                raise _Moves
        if weight.id != self.weight or self.weight in tree.assigned(self.function.body):
            raise _Moves

    def expression(self, node: ast.expr) -> ast.expr:
        """Return an expression with the same bits, 0.0 if it is +0 under the conditions collected so far."""
        match node:
            case ast.Name(id=name):
                return tree.number(0.0) if name in self.zeros else node
            case ast.Constant() | ast.Attribute():
                return node
            case ast.BinOp(left=left, op=ast.Mult() | ast.Div() | ast.Add() | ast.Sub(), right=right):
                return self.operation(node, self.expression(left), self.expression(right))
            case ast.Call() if tree.called(node) == "math.sqrt":
                return tree.map_operands(node, self.expression)
        raise _Moves

    def operation(self, node: ast.BinOp, left: ast.expr, right: ast.expr) -> ast.expr:
        zero = _is_zero(left), _is_zero(right)
        if zero[0] and zero[1] and not isinstance(node.op, ast.Div):
            return tree.number(0.0)
        if isinstance(node.op, ast.Mult) and any(zero):
            self.require(right if zero[0] else left, finite=True)
            return tree.number(0.0)
        if isinstance(node.op, ast.Div) and zero[0]:
            self.require(right)
            return tree.number(0.0)
        if any(zero) and _is_product(node.left) and _is_product(node.right):
            # The sum of two products has two roundings, but that of a product and a number is a fused multiply-add.
            left, right = (each if _is_zero(each) else self.rounded(each) for each in (left, right))
        return ast.BinOp(left, node.op, right)

    def rounded(self, value: ast.expr) -> ast.expr:
        name = self.names.temporary()
        self.statements.append(tree.assign(name, value))
        return tree.name(name)

    def require(self, value: ast.expr, finite: bool = False) -> None:
        """Add the condition that a value is above 0, and finite if that is asked for."""
        if isinstance(value, ast.Call):  # a root is above 0 if its argument is
            (value,) = value.args
        if any(isinstance(each, (ast.Call, ast.Div)) for each in ast.walk(value)):
            raise _Moves  # the condition would cost what it saves
        limits: list[ast.expr] = [ast.Compare(value, [ast.Gt()], [tree.number(0.0)])]
        if finite:
            limits.append(ast.Compare(value, [ast.Lt()], [tree.math_name("inf")]))
        for limit in limits:
            text = ast.unparse(limit)
            if text not in self.checked:
                self.checked[text] = self.rounded(limit)
                self.conditions.append(self.checked[text])


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not isinstance(node.value, bool) and node.value == 0


def _is_product(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
