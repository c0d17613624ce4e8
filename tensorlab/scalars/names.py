"""The names in one scalar function, and fresh ones for what a pass adds."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping

from tensorlab.scalars import tree
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.vocabulary import ARITY

RESERVED = frozenset({"math", "range", "float", "int", "bool", *ARITY})
"""Names that the language itself uses, so no variable or called function may have them."""


class Names:
    """The names that one function uses, to which a pass adds fresh ones.

    Attributes:
        variables: the variables that the function had at first.
        calls: the scalar functions that it calls, by the names it calls them by.
    """

    def __init__(self, variables: Iterable[str], calls: Mapping[str, ScalarFunction] | None = None) -> None:
        self.variables = frozenset(variables)
        self.calls = dict(calls or {})
        self._temporaries = 1
        self._taken = {*self.variables, *self.calls, *RESERVED}

    @classmethod
    def of(cls, function: ScalarFunction) -> Names:
        """Return the names in a function."""
        return cls({*function.parameters, *tree.assigned(function.body)}, function.calls)

    def fresh(self, base: str) -> str:
        """Return, and take, ``base`` or the first free of ``base_1``, ``base_2``, ..."""
        candidate, count = base, 0
        while candidate in self._taken:
            count += 1
            candidate = f"{base}_{count}"
        self._taken.add(candidate)
        return candidate

    def temporary(self) -> str:
        """Return, and take, the first free of ``t1``, ``t2``, ..."""
        while (name := f"t{self._temporaries}") in self._taken:
            self._temporaries += 1
        return self.fresh(name)

    def call(self, function: ScalarFunction) -> str:
        """Return the name to call a scalar function by. Functions that compute the same share a name."""
        for known, other in self.calls.items():
            if other.key == function.key:
                return known
        base = re.sub(r"\W+", "", function.name) or "function"
        name = self.fresh(f"{base}_" if keyword.iskeyword(base) else base)  # "lambda" is not an identifier
        self.calls[name] = function
        return name
