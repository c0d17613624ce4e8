"""Definite assignment: which variables have a value on every path to a point of a function.

Python raises when a variable without a value is read. A kernel would compute with whatever is in memory, so the parser
refuses such a variable.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tensorlab.scalars import tree


class Flow:
    """The variables that have a value on every path to the point that the parser has reached.

    Where no path leads, after a ``return`` for example, that is all of them.

    Args:
        parameters: the variables that have a value from the start.
        variables: all variables of the function.

    Attributes:
        known: the variables that have a value here.
    """

    def __init__(self, parameters: Iterable[str], variables: Iterable[str]) -> None:
        self.known, self._every = frozenset(parameters), frozenset(variables)
        self._broken = self._continued = self._every

    def bind(self, names: Iterable[str]) -> None:
        """Continue after an assignment to these names."""
        self.known |= {*names}

    def leave(self, statement: ast.stmt) -> None:
        """Continue after a ``return``, ``break`` or ``continue``, where no path leads."""
        if isinstance(statement, ast.Break):
            self._broken &= self.known
        elif isinstance(statement, ast.Continue):
            self._continued &= self.known
        self.known = self._every

    @contextmanager
    def other(self, before: frozenset[str]) -> Iterator[None]:
        """Surround the ``else`` of an ``if``.

        Args:
            before: what was known before the ``if``. Afterwards what both branches know is known.
        """
        after, self.known = self.known, before
        yield
        self.known &= after

    @contextmanager
    def loop(self, loop: ast.While | ast.For) -> Iterator[None]:
        """Surround the body of a loop."""
        before, outer = self.known, (self._broken, self._continued)
        self.known |= {*(tree.targets(loop) if isinstance(loop, ast.For) else ())}
        self._broken = self._continued = self._every
        yield
        if isinstance(loop, ast.While):
            self.known = self._broken if tree.as_number(loop.test) is True else before
        else:
            self.known = self.known & self._broken & self._continued if _is_entered(loop.iter) else before
        self._broken, self._continued = outer


def _is_entered(counts: ast.expr) -> bool:
    """Return whether a ``range`` has literal bounds, and is not empty."""
    numbers = [tree.as_number(number) for number in counts.args] if isinstance(counts, ast.Call) else []
    whole = [number for number in numbers if isinstance(number, int)]
    return len(whole) == len(numbers) and whole[2:] != [0] and bool(range(*whole))
