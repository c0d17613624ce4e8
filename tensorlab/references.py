"""Copies and pickles of objects that have a function.

A copy shares the function. Scalar functions are plain data, so objects made from them can always be pickled. Other
functions are pickled by name, as Python does; one that cannot be imported raises an error.
"""

from __future__ import annotations

import copy
import importlib
import pickle
import sys
from types import FunctionType
from typing import Any, Self


class OfScalar:
    """The base of immutable objects made from a scalar function only; a copy is the object itself.

    A pickle contains the object's name if the function's module has one for it, otherwise the scalar function.
    """

    scalar: Any

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> Any:
        module = self.scalar.module
        if module in sys.modules and module not in ("__main__", "__mp_main__"):
            for name, thing in vars(sys.modules[module]).items():
                if thing is self:
                    return imported, (module, name)
        return type(self), (self.scalar,)


def imported(module: str, name: str) -> Any:
    """Return the global of a module with a name."""
    return getattr(importlib.import_module(module), name)


class WithFunction:
    """The base of objects with a function in an attribute; a copy shares it, a pickle contains its name."""

    function: Any

    def __copy__(self) -> Self:
        made = type(self).__new__(type(self))
        made.__dict__.update(self.__dict__)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = memo[id(self)] = type(self).__new__(type(self))
        made.__dict__.update(copy.deepcopy(self.__dict__, memo))  # functions are not copied
        return made

    def __reduce__(self) -> Any:
        _check_importable(repr(self), self.function)
        return _empty_instance, (type(self),), self.__dict__


def _empty_instance(kind: Any) -> Any:
    return kind.__new__(kind)


def _check_importable(who: str, function: Any) -> None:
    if not isinstance(function, FunctionType):
        return
    found: Any = sys.modules.get(function.__module__)
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is not function:
        path = f"{function.__module__}.{function.__qualname__}"
        raise pickle.PicklingError(
            f"{who}: expected a function that can be imported by name, received {path}; "
            "define it with 'def' at the top of a module"
        )
