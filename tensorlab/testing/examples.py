"""Construct an object of a class to check, without knowing its arguments."""

from __future__ import annotations

import inspect
from typing import Any

from tensorlab.serialization import Configured
from tensorlab.testing.report import NotApplicableError

_LENGTH = 3
"""The value of arguments without a default value; most of them are a number of units."""


def example(cls: type, moved: bool = False) -> Any:
    """Construct an object of a class, with 3 for each argument without a default value.

    Args:
        cls: the class.
        moved: whether to change numbers slightly from their default values, where the class accepts that, so that a
            lost argument is noticed.

    Raises:
        NotApplicableError: if the class does not accept 3 for these arguments.
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
            f"cannot construct {cls.__name__} automatically (tried {cls.__name__}({given}): "
            f"{type(error).__name__}: {error}); pass an object to check_layer, or examples to plugin_test"
        ) from None
    if not moved:
        return made
    for parameter in parameters:
        for value in _moved(parameter.default):
            try:
                made = cls(**needed, **{parameter.name: value})
            except Exception:  # try the next value
                continue
            needed[parameter.name] = value
            break
    return made


def again(made: Configured, **others: Any) -> Any:
    """Construct another object with the same arguments, except for some. Its own config is not used.

    Objects among the arguments, such as layers, are constructed again too, so that nothing is shared.
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
    """Return the parameters of the constructor of a class."""
    every = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return [p for p in every if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def _moved(default: Any) -> tuple[Any, ...]:
    """Return values near a default value."""
    if isinstance(default, float):
        return (default * 0.75 if default else 0.25, default + 0.25)
    if isinstance(default, int) and default > 1:  # 0, 1 and -1 are often choices, such as an axis, and not amounts
        return (default + 1, default - 1)
    return ()
