"""What the `call` of a layer takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def arguments_needed(call: Callable[..., Any]) -> int:
    """Return the number of positional arguments without a default."""
    parameters = inspect.signature(call).parameters.values()
    return sum(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "training" for p in parameters)


def training_argument(call: Callable[..., Any]) -> tuple[int, Any]:
    """Return the position of ``training`` among the arguments of a method (0 if it has none), and its default.

    The position of an argument that only its name selects is larger than those of all others.
    """
    parameters = list(inspect.signature(call).parameters.values())[1:]
    names = [parameter.name for parameter in parameters]
    if "training" not in names:
        return 0, None
    position = names.index("training")
    parameter = parameters[position]
    default = None if parameter.default is parameter.empty else parameter.default
    return len(names) + 1 if parameter.kind is parameter.KEYWORD_ONLY else max(position, 1), default
