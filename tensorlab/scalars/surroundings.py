"""Names from outside of a scalar function: its globals, builtins and closure variables."""

from __future__ import annotations

import ast
import builtins
import types
from typing import Any

import numpy as np

from tensorlab.scalars.tree import Number

MISSING = object()
"""What a look-up returns for a name without a value."""


def article(noun: str) -> str:
    """Put the indefinite article before a noun: ``a float``, ``an int``."""
    return f"{'an' if noun[0] in 'aeiouAEIOU' else 'a'} {noun}"


def as_plain_number(value: object) -> Number | None:
    """Convert a real number of Python or NumPy to one of Python. Return None for anything else."""
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, bool | int | float) else None


def _same(value: object, other: object) -> bool:
    return value is other or (type(value) is type(other) and isinstance(value, Number) and repr(value) == repr(other))


class Surroundings:
    """The globals and closure variables of a function, with a record of those that were looked up."""

    def __init__(self, function: types.FunctionType) -> None:
        self.globals = function.__globals__
        self.closure = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        self.found: list[tuple[ast.expr, object]] = []

    def look_up(self, node: ast.expr) -> Any:
        """Return the object that a name or a module's attribute refers to, or ``MISSING``."""
        value = self._value(node)
        self.found.append((node, value))
        return value

    def unchanged(self) -> bool:
        """Return whether every look-up would still give the same object or an equal number."""
        return all([_same(self._value(node), value) for node, value in self.found])

    def _value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Attribute):
            owner = self._value(node.value)
            return getattr(owner, node.attr, MISSING) if isinstance(owner, types.ModuleType) else MISSING
        if not isinstance(node, ast.Name):
            return MISSING
        if node.id in self.closure:
            try:
                return self.closure[node.id].cell_contents
            except ValueError:  # an empty cell: the enclosing function has not assigned it yet
                return MISSING
        return self.globals.get(node.id, getattr(builtins, node.id, MISSING))

    def describe(self, node: ast.expr, value: object) -> str:
        """Describe, for a message, a name or attribute that is neither a number nor a function of numbers."""
        text = ast.unparse(node)
        if value is MISSING:
            what = "an attribute" if isinstance(node, ast.Attribute) else "the unknown name"
            return f"{what} {text!r}"
        where = "closure variable" if text in self.closure else "global"
        return f"the {where} {text!r}, {article(type(value).__name__)},"
