"""The names that one scalar function uses, and unused names for the variables and calls that a pass adds."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping

from tensorlab.scalars import tree
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.vocabulary import ARITY

RESERVED = frozenset({"math", "range", "float", "int", "bool", *ARITY})
"""Names with a meaning in the scalar language. No variable and no called function may have one of them."""


class Names:
    """The names that one function uses, including those that passes have added.

    Attributes:
        variables: the original variables of the function.
        calls: the scalar functions that it calls, keyed by the names that it uses for them.
    """

    def __init__(self, variables: Iterable[str], calls: Mapping[str, ScalarFunction] | None = None) -> None:
        self.variables = frozenset(variables)
        self.calls = dict(calls or {})
        self._temporaries = 1
        self._taken = {*self.variables, *self.calls, *RESERVED}

    @classmethod
    def of(cls, function: ScalarFunction) -> Names:
        """Return the names that a function uses."""
        return cls({*function.parameters, *tree.assigned(function.body)}, function.calls)

    def fresh(self, base: str) -> str:
        """Reserve and return the first unused name of ``base``, ``base_1``, ``base_2``, ..."""
        candidate, count = base, 0
        while candidate in self._taken:
            count += 1
            candidate = f"{base}_{count}"
        self._taken.add(candidate)
        return candidate

    def temporary(self) -> str:
        """Reserve and return the first unused name of ``t1``, ``t2``, ..."""
        while (name := f"t{self._temporaries}") in self._taken:
            self._temporaries += 1
        return self.fresh(name)

    def call(self, function: ScalarFunction) -> str:
        """Return the name by which to call a scalar function, and add it to `calls`.

        Functions with equal keys share a name.
        """
        for known, other in self.calls.items():
            if other.key == function.key:
                return known
        base = re.sub(r"\W+", "", function.name) or "function"
        name = self.fresh(f"{base}_" if keyword.iskeyword(base) else base)  # "lambda" is not an identifier
        self.calls[name] = function
        return name
