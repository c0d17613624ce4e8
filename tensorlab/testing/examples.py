"""Objects of a class to check, made with arguments that nobody gave."""

from __future__ import annotations

import inspect
from typing import Any

from tensorlab.serialization import Configured
from tensorlab.testing.report import NotApplicableError

_LENGTH = 3
"""For an argument without a default: mostly a number of units."""


def example(cls: type, moved: bool = False) -> Any:
    """An object of a class, made with 3 for each argument that has no default.

    Args:
        cls: the class.
        moved: whether numbers that have a default are moved a little from it, where the class accepts that; so
            an argument that gets lost is missed.

    Raises:
        NotApplicableError: if the class does not take 3 for what it must be given.
    """
    parameters = arguments(cls)
    needed = {parameter.name: _LENGTH for parameter in parameters if parameter.default is parameter.empty}
    try:
        made = cls(**needed)
    except Exception as error:
        if not needed:
            raise
        given = ", ".join(f"{name}={value}" for name, value in needed.items())
        raise NotApplicableError(
            f"nobody said how to make one, and {cls.__name__}({given}) is not how ({type(error).__name__}: {error}); "
            "give check_layer an object, or plugin_test examples"
        ) from None
    if not moved:
        return made
    for parameter in parameters:
        for value in _moved(parameter.default):
            try:
                made = cls(**needed, **{parameter.name: value})
            except Exception:  # one value that it does not take says nothing about the others
                continue
            needed[parameter.name] = value
            break
    return made


def again(made: Configured, **others: Any) -> Any:
    """Make another object of the same class with the same arguments, but for some; its own config has no part in it.

    Objects among the arguments, such as layers, are made again too, so that nothing is shared.
    """
    given = {**vars(made).get("_constructed_with", {}), **others}
    fresh = {name: _again(value) for name, value in given.items()}
    return vars(Configured)["from_config"].__func__(type(made), fresh)


def _again(value: Any) -> Any:
    if isinstance(value, Configured):
        return again(value)
    if type(value) in (list, tuple):
        return type(value)([_again(item) for item in value])
    return value


def arguments(cls: Any) -> list[inspect.Parameter]:
    """What the constructor of a class takes by name."""
    every = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return [p for p in every if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def _moved(default: Any) -> tuple[Any, ...]:
    """Other values for an argument of this default, near it."""
    if isinstance(default, float):
        return (default * 0.75 if default else 0.25, default + 0.25)
    if isinstance(default, int) and default > 1:  # 0, 1 and -1 are choices, such as of an axis, and no amounts
        return (default + 1, default - 1)
    return ()
