"""Submodules that are imported when they are first used.

A module-level ``__getattr__`` would do, but Python cannot specialize attribute accesses of a module that has one: each
``tl.add`` of a program would take 0.04 µs longer.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from tensorlab.forks import guard

__all__ = ["function", "submodules"]


class _Submodule(ModuleType):
    """Stands for a submodule in its package. The import puts the module itself in its place."""

    def __getattribute__(self, name: str) -> Any:
        return getattr(_imported(self), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_imported(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_imported(self), name)

    def __dir__(self) -> list[str]:
        return dir(_imported(self))


def _imported(submodule: _Submodule) -> ModuleType:
    with guard:
        return importlib.import_module(object.__getattribute__(submodule, "__name__"))


def submodules(package: str, names: Iterable[str]) -> list[ModuleType]:
    """Return modules that are imported when one of their attributes is first used.

    Args:
        package: the name of the package, which assigns the result to ``names``.
        names: the names of the submodules.
    """
    return [_Submodule(f"{package}.{name}") for name in names]


def function(module: str, name: str) -> Callable[..., Any]:
    """Return a function that imports a module when it is called, and calls the module's function of this name.

    Args:
        module: the full name of the module.
        name: the name of its function.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        with guard:
            found = importlib.import_module(module)
        return getattr(found, name)(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Call `{module}.{name}`."
    return call
