"""Optimize derived functions, so that they compute no more than functions written by hand."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from tensorlab.scalars import tree
from tensorlab.scalars.dead_code import without_dead_code
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.fuse import Fusion
from tensorlab.scalars.kinds import Kinds
from tensorlab.scalars.propagate import Propagator

_MAX_ROUNDS = 8


def optimize(parameters: tuple[str, ...], body: tree.Body, calls: Mapping[str, ScalarFunction]) -> list[ast.stmt]:
    """Return statements that compute the same values in fewer operations.

    Constants are propagated and folded, common subexpressions shared, dead code dropped, and the result is fused to
    expressions.

    Args:
        parameters: the parameters of the function.
        body: its statements.
        calls: the scalar functions that it calls, by name.
    """
    called = {name: function.kinds for name, function in calls.items()}

    def simplified(body: tree.Body) -> list[ast.stmt]:
        return without_dead_code(Propagator(Kinds(parameters, body, called).of).block(body))

    def fused(body: tree.Body) -> list[ast.stmt]:
        return Fusion(body, Kinds(parameters, body, called).of).block(body)

    return _until_stable(fused, _until_stable(simplified, body))


def _until_stable(rewrite: Callable[[tree.Body], list[ast.stmt]], body: tree.Body) -> list[ast.stmt]:
    """Return the statements, rewritten until nothing changes."""
    for _ in range(_MAX_ROUNDS):
        before, body = tree.text(body), rewrite(body)
        if tree.text(body) == before:
            break
    return list(body)
