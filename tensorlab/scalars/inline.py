"""The body of a called scalar function in the place of its call, so that what both compute is computed once."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from tensorlab.scalars import tree
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.names import RESERVED, Names

_LARGEST = 400
"""In nodes; beyond it a call is smaller than what it would be replaced by."""


class _StaysCall(Exception):  # noqa: N818 - no error: the call just stays
    pass


def inline(
    function: ScalarFunction, arguments: Sequence[ast.expr], names: Names
) -> tuple[list[ast.stmt], list[ast.expr]] | None:
    """Statements that compute a call, and its outputs; None where the call has to stay.

    It has to where a ``return`` leaves a loop, or where statements would have to be written twice.

    Args:
        function: what is called.
        arguments: names or numbers.
        names: those of the caller; it gains the called function's, renamed.
    """
    mentioned = {node.id for node in tree.walk(function.body) if isinstance(node, ast.Name)}
    hidden = names.variables & mentioned & RESERVED  # such as a builtin min, for a caller with a parameter min
    if hidden or sum(1 for _ in tree.walk(function.body)) > _LARGEST:
        return None
    outputs = [names.temporary() for _ in range(function.n_outputs)]
    changed = tree.assigned(function.body)
    renamed: dict[str, ast.expr] = {local: tree.name(names.fresh(local)) for local in sorted(changed)}
    renamed |= {called: tree.name(names.call(callee)) for called, callee in function.calls.items()}
    start: list[ast.stmt] = []
    for parameter, argument in zip(function.parameters, arguments, strict=True):
        if parameter in changed:
            local = renamed[parameter]
            assert isinstance(local, ast.Name)
            start.append(tree.assign(local.id, argument))
        else:
            renamed[parameter] = argument
    try:
        body = _without_returns([tree.replace(statement, renamed) for statement in function.body], outputs)
    except _StaysCall:
        return None
    return [*start, *body], [tree.name(output) for output in outputs]


def _without_returns(body: tree.Body, outputs: Sequence[str]) -> list[ast.stmt]:
    """The statements with assignments to the outputs in place of every return."""
    written: list[ast.stmt] = []
    for index, statement in enumerate(body):
        if isinstance(statement, ast.Return):
            return written + [tree.assign(*pair) for pair in zip(outputs, tree.outputs(statement), strict=True)]
        if tree.returns([statement]):
            rest = list(body[index + 1 :])
            if not isinstance(statement, ast.If):
                raise _StaysCall
            branches = [
                list(branch) if tree.leaves(branch) else [*branch, *rest]
                for branch in (statement.body, statement.orelse)
            ]
            if rest and not any(tree.leaves(branch) for branch in (statement.body, statement.orelse)):
                raise _StaysCall
            first, second = (_without_returns(branch, outputs) for branch in branches)
            return [*written, ast.If(statement.test, first, second)]
        written.append(statement)
    return written
