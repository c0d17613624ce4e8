"""Submodules that are imported when they are first used.

A module-level ``__getattr__`` would do, but Python cannot specialize attribute accesses of a module that has one: each
``tl.add`` of a program would take 0.04 µs longer.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from tensorlab.forks import guard

__all__ = ["submodules"]


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
