"""Which variables surely have a value, at the place that a parser has come to.

Python finds out that a variable has no value on the path that goes wrong, and raises; a kernel could not, and would
compute with whatever is there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tensorlab.scalars import tree


class Flow:
    """The variables with a value on every path to here; on no path at all, every one.

    Args:
        parameters: have a value from the start.
        variables: all that there are.
    """

    def __init__(self, parameters: Iterable[str], variables: Iterable[str]) -> None:
        self.known, self._every = frozenset(parameters), frozenset(variables)
        self._broken = self._continued = self._every

    def bind(self, names: Iterable[str]) -> None:
        """After an assignment."""
        self.known |= {*names}

    def leave(self, statement: ast.stmt) -> None:
        """After a ``return``, ``break`` or ``continue``, which nothing follows."""
        if isinstance(statement, ast.Break):
            self._broken &= self.known
        elif isinstance(statement, ast.Continue):
            self._continued &= self.known
        self.known = self._every

    @contextmanager
    def other(self, before: frozenset[str]) -> Iterator[None]:
        """Around the ``else`` of an ``if``, from what was known before that: afterwards what is known on both ways."""
        after, self.known = self.known, before
        yield
        self.known &= after

    @contextmanager
    def loop(self, loop: ast.While | ast.For) -> Iterator[None]:
        """Around the body of a loop."""
        before, outer = self.known, (self._broken, self._continued)
        self.known |= {*(tree.targets(loop) if isinstance(loop, ast.For) else ())}
        self._broken = self._continued = self._every
        yield
        if isinstance(loop, ast.While):
            self.known = self._broken if tree.as_number(loop.test) is True else before
        else:
            self.known = self.known & self._broken & self._continued if _runs(loop.iter) else before
        self._broken, self._continued = outer


def _runs(counts: ast.expr) -> bool:
    """Whether a ``range`` is of numbers that are known, and has any."""
    numbers = [tree.as_number(number) for number in counts.args] if isinstance(counts, ast.Call) else []
    whole = [number for number in numbers if isinstance(number, int)]
    return len(whole) == len(numbers) and whole[2:] != [0] and len(range(*whole)) > 0
