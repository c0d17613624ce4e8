"""Submodules that are imported when they are first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from tensorlab.forks import guard

__all__ = ["submodules"]


def submodules(package: str, names: Sequence[str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package, which import some submodules when they are first used.

    ``dir`` and tab completion list the submodules too.

    Args:
        package: the name of the package.
        names: the names of the submodules.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807  (the names that Python looks up)
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package])
        with guard:
            return importlib.import_module(f"{package}.{name}")

    def __dir__() -> list[str]:  # noqa: N807
        return sorted({*vars(sys.modules[package]), *names})

    return __getattr__, __dir__
