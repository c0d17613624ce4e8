"""Inline calls of scalar functions, so that common subexpressions are shared."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from tensorlab.scalars import tree
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.names import RESERVED, Names

_MAX_NODES = 400
"""The maximum number of syntax nodes of an inlined function."""


class _NotInlined(Exception):  # noqa: N818 - not an error: the call is kept
    """Raised for a function that cannot be inlined."""


def inline(
    function: ScalarFunction, arguments: Sequence[ast.expr], names: Names
) -> tuple[list[ast.stmt], list[ast.expr]] | None:
    """Return statements that compute a call, and its outputs, or None if the call cannot be inlined.

    A function cannot be inlined if it is large, if it returns from inside a loop, or if an ``if`` returns on some paths
    only, so that the statements after it would have to be duplicated.

    Args:
        function: the called function.
        arguments: the arguments of the call, names or numbers.
        names: the names of the caller. The variables of the called function are added to them under new names.
    """
    mentioned = {node.id for node in tree.walk(function.body) if isinstance(node, ast.Name)}
    shadowed = names.variables & mentioned & RESERVED  # such as the builtin min, if the caller has a variable min
    if shadowed or sum(1 for _ in tree.walk(function.body)) > _MAX_NODES:
        return None
    outputs = [names.temporary() for _ in range(function.n_outputs)]
    locals_ = {local: names.fresh(local) for local in sorted(tree.assigned(function.body))}
    replacements: dict[str, ast.expr] = {local: tree.name(new) for local, new in locals_.items()}
    replacements |= {called: tree.name(names.call(callee)) for called, callee in function.calls.items()}
    copies: list[ast.stmt] = []
    for parameter, argument in zip(function.parameters, arguments, strict=True):
        if parameter in locals_:  # the function assigns to this parameter, so it gets a copy of the argument
            copies.append(tree.assign(locals_[parameter], argument))
        else:
            replacements[parameter] = argument
    try:
        body = _without_returns([tree.replace(statement, replacements) for statement in function.body], outputs)
    except _NotInlined:
        return None
    return [*copies, *body], [tree.name(output) for output in outputs]


def _without_returns(body: tree.Body, outputs: Sequence[str]) -> list[ast.stmt]:
    """Return the statements with each ``return`` replaced by assignments to the outputs.

    The statements after an ``if`` that returns are moved into its branch that does not.
    """
    written: list[ast.stmt] = []
    for index, statement in enumerate(body):
        if isinstance(statement, ast.Return):
            return written + [tree.assign(*pair) for pair in zip(outputs, tree.outputs(statement), strict=True)]
        if tree.returns([statement]):
            if not isinstance(statement, ast.If):
                raise _NotInlined
            rest = body[index + 1 :]
            branches = (statement.body, statement.orelse)
            leaves = [tree.leaves(branch) for branch in branches]
            if rest and not any(leaves):  # both branches would need a copy of the rest
                raise _NotInlined
            first, second = (
                _without_returns(branch if ends else [*branch, *rest], outputs)
                for branch, ends in zip(branches, leaves, strict=True)
            )
            return [*written, ast.If(statement.test, first, second)]
        written.append(statement)
    return written
