"""What is done to the body of a derived function, so that it computes no more than one written by hand."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from tensorlab.scalars import tree
from tensorlab.scalars.dead_code import without_dead_code
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.fuse import Fusion
from tensorlab.scalars.kinds import Kinds
from tensorlab.scalars.propagate import Propagator

_MOST_ROUNDS = 8


def optimize(parameters: tuple[str, ...], body: tree.Body, calls: Mapping[str, ScalarFunction]) -> list[ast.stmt]:
    """Statements that return the same values: folded, without repeated or dead code, as expressions again."""
    called = {name: function.kinds for name, function in calls.items()}

    def simplified(body: tree.Body) -> list[ast.stmt]:
        return without_dead_code(Propagator(Kinds(parameters, body, called).of).block(body))

    def fused(body: tree.Body) -> list[ast.stmt]:
        return Fusion(body, Kinds(parameters, body, called).of).block(body)

    return _settled(fused, _settled(simplified, body))


def _settled(rewrite: Callable[[tree.Body], list[ast.stmt]], body: tree.Body) -> list[ast.stmt]:
    """The statements, rewritten until there is nothing left to rewrite."""
    for _ in range(_MOST_ROUNDS):
        before, body = tree.text(body), rewrite(body)
        if tree.text(body) == before:
            break
    return list(body)
