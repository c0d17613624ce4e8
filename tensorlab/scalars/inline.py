"""Inline calls of scalar functions, so that common subexpressions are shared."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from tensorlab.scalars import tree
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.names import RESERVED, Names

_LARGEST = 400
"""How many syntax nodes an inlined function may have. A larger one stays a call."""


class _NotInlined(Exception):  # noqa: N818 - not an error: the call stays a call
    """A function cannot be inlined."""


def inline(
    function: ScalarFunction, arguments: Sequence[ast.expr], names: Names
) -> tuple[list[ast.stmt], list[ast.expr]] | None:
    """Return statements that compute a call, and its outputs, or None if the call cannot be inlined.

    A function cannot be inlined if it is large, if a ``return`` leaves a loop, or if statements would have to be
    repeated.

    Args:
        function: the called function.
        arguments: the arguments of the call, names or numbers.
        names: the names of the caller, to which those of the called function are added, renamed.
    """
    mentioned = {node.id for node in tree.walk(function.body) if isinstance(node, ast.Name)}
    hidden = names.variables & mentioned & RESERVED  # such as the builtin min, if the caller has a parameter min
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
    except _NotInlined:
        return None
    return [*start, *body], [tree.name(output) for output in outputs]


def _without_returns(body: tree.Body, outputs: Sequence[str]) -> list[ast.stmt]:
    """Return the statements with each ``return`` replaced by assignments to the outputs."""
    written: list[ast.stmt] = []
    for index, statement in enumerate(body):
        if isinstance(statement, ast.Return):
            return written + [tree.assign(*pair) for pair in zip(outputs, tree.outputs(statement), strict=True)]
        if tree.returns([statement]):
            rest = list(body[index + 1 :])
            if not isinstance(statement, ast.If):
                raise _NotInlined
            branches = [
                list(branch) if tree.leaves(branch) else [*branch, *rest]
                for branch in (statement.body, statement.orelse)
            ]
            if rest and not any(tree.leaves(branch) for branch in (statement.body, statement.orelse)):
                raise _NotInlined
            first, second = (_without_returns(branch, outputs) for branch in branches)
            return [*written, ast.If(statement.test, first, second)]
        written.append(statement)
    return written
