"""What the names in a scalar function stand for, and names that are still free."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import types
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorlab.scalars.tree import Number
from tensorlab.scalars.vocabulary import ARITY

if TYPE_CHECKING:
    from tensorlab.scalars.function import ScalarFunction

RESERVED = frozenset({"math", "range", "float", "int", "bool", *ARITY})
MISSING = object()


def article(noun: str) -> str:
    """``a float``, ``an int``."""
    return f"{'an' if noun[0] in 'aeiouAEIOU' else 'a'} {noun}"


def as_plain_number(value: object) -> Number | None:
    """A number of Python for one of Python or of NumPy; None for what is not a real number."""
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, bool | int | float) else None


def _same(value: object, other: object) -> bool:
    return value is other or (type(value) is type(other) and isinstance(value, Number) and repr(value) == repr(other))


class Surroundings:
    """The globals and the enclosing function's variables that a function sees."""

    def __init__(self, function: types.FunctionType) -> None:
        self.globals = function.__globals__
        self.closure = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        self.found: list[tuple[ast.expr, object]] = []

    def look_up(self, node: ast.expr) -> Any:
        """The object that a name or an attribute of a module stands for; ``MISSING`` where there is none."""
        value = self._value(node)
        self.found.append((node, value))
        return value

    def unchanged(self) -> bool:
        """Whether all that was looked up stands for the same objects, or equal numbers, as it did then."""
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
        """Words for a name or attribute that is neither a number nor a function of numbers."""
        text = ast.unparse(node)
        if value is MISSING:
            what = "an attribute" if isinstance(node, ast.Attribute) else "the unknown name"
            return f"{what} {text!r}"
        where = "closure variable" if text in self.closure else "global"
        return f"the {where} {text!r}, {article(type(value).__name__)},"


class Names:
    """The names of one function: those it has, fresh ones beside them, and the functions it calls by name."""

    def __init__(self, taken: Iterable[str], calls: dict[str, ScalarFunction] | None = None) -> None:
        self.variables = frozenset(taken)
        self.calls = dict(calls or {})
        self.temporaries = 1
        self.taken = {*self.variables, *self.calls, *RESERVED}

    def fresh(self, base: str) -> str:
        """``base`` itself where it is free, else ``base_1``, ``base_2``, ..."""
        candidate, count = base, 0
        while candidate in self.taken:
            count += 1
            candidate = f"{base}_{count}"
        self.taken.add(candidate)
        return candidate

    def temporary(self) -> str:
        """``t1``, ``t2``, ..."""
        while (name := f"t{self.temporaries}") in self.taken:
            self.temporaries += 1
        return self.fresh(name)

    def call(self, function: ScalarFunction) -> str:
        """The name by which to call a scalar function."""
        for known, other in self.calls.items():
            if other.key == function.key:
                return known
        base = re.sub(r"\W+", "", function.name) or "function"
        name = self.fresh(f"{base}_" if keyword.iskeyword(base) else base)  # "lambda" is none
        self.calls[name] = function
        return name
