"""Functions in copies and pickles: copies share them, pickles hold the name that they are imported by.

What is made of a function, such as a loss rule, is known by the function in it. A name, and not the code, goes into a
pickle: whoever loads it runs the function of the installed module.
"""

from __future__ import annotations

import copy
import importlib
import pickle
import sys
from types import FunctionType
from typing import Any, Self


def importable(who: str, function: Any) -> Any:
    """Return the function, if another process can import it.

    Raises:
        pickle.PicklingError: for a lambda, and for a function that was defined inside of another one.
    """
    if isinstance(function, FunctionType) and _found(function.__module__, function.__qualname__) is not function:
        place = f"{function.__module__}.{function.__qualname__}"
        raise pickle.PicklingError(
            f"{who}: expected a function that can be imported by name, received {place}; "
            "define it with 'def' at the top of a module"
        )
    return function


def _found(module: str, name: str) -> Any:
    """What a module holds under a dotted name, or None."""
    thing: Any = sys.modules.get(module)
    for part in name.split("."):
        thing = getattr(thing, part, None)
    return thing


class MadeOfFunction:
    """What never changes, and is made of a function alone: copies are the thing itself.

    A pickle holds the name of the thing, if its module has one (it is then a decorator's result, say), and otherwise
    the name of the function, of which it is made anew.
    """

    function: Any

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> Any:
        module = getattr(self.function, "__module__", None) or ""
        names = vars(sys.modules.get(module, sys)).items()
        name = next((name for name, thing in names if thing is self), None)
        if name is not None:
            return _import, (module, name)
        name = getattr(self.function, "__qualname__", "")
        if getattr(_found(module, name), "function", None) is self.function:  # a decorator took the function's name
            return _of_decorated, (type(self), module, name)
        return type(self), (importable(repr(self), self.function),)


def _import(module: str, name: str) -> Any:
    importlib.import_module(module)
    return _found(module, name)


def _of_decorated(kind: type, module: str, name: str) -> Any:
    return kind(_import(module, name).function)


class WithFunction:
    """What has a function beside its other attributes: a copy shares it, a pickle holds its name."""

    function: Any

    def __copy__(self) -> Self:
        made = type(self).__new__(type(self))
        made.__dict__.update(self.__dict__)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = memo[id(self)] = type(self).__new__(type(self))
        made.__dict__.update(copy.deepcopy(self.__dict__, memo))  # in which a function stands for itself
        return made

    def __reduce__(self) -> Any:
        importable(repr(self), self.function)
        return _remade, (type(self),), self.__dict__


def _remade(kind: Any) -> Any:
    return kind.__new__(kind)
