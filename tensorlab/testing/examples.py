"""Construct an object of a class to check, without knowing its arguments."""

from __future__ import annotations

import inspect
from typing import Any

from tensorlab.serialization import Configured
from tensorlab.testing.report import NotApplicableError

_LENGTH = 3
"""The value for each required argument, most of which are a number of units."""


def example(cls: type, changed: bool = False) -> Any:
    """Construct an object of a class, with 3 for each required argument.

    Args:
        cls: the class.
        changed: whether to replace numeric default values by nearby ones that the class accepts, so that checks notice
            an argument that the config lacks.

    Raises:
        NotApplicableError: if the class does not accept 3 for each required argument.
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
            f"{type(error).__name__}: {error}); pass an object instead of the class, or pass examples to plugin_test"
        ) from None
    if not changed:
        return made
    for parameter in parameters:
        for value in _near(parameter.default):
            try:
                made = cls(**needed, **{parameter.name: value})
            except Exception:  # try the next value
                continue
            needed[parameter.name] = value
            break
    return made


def as_inputs(inputs: Any, count: int | None) -> Any:
    """Return a tensor as it is, or a list of different tensors made of it, for a layer of several inputs."""
    return inputs if count is None else [inputs + 0.25 * number for number in range(count)]


def reconstruct(made: Configured, **others: Any) -> Any:
    """Construct an object from the constructor arguments of another one; ``others`` override some of them.

    The arguments are those recorded at construction, not the config. Objects among them, such as layers, are
    reconstructed too, so that the two objects share nothing.
    """
    given = {**vars(made).get("_constructed_with", {}), **others}
    fresh = {name: _reconstruct(value) for name, value in given.items()}
    return vars(Configured)["from_config"].__func__(type(made), fresh)


def _reconstruct(value: Any) -> Any:
    if isinstance(value, Configured):
        return reconstruct(value)
    if type(value) in (list, tuple):
        return type(value)([_reconstruct(item) for item in value])
    return value


def arguments(cls: Any) -> list[inspect.Parameter]:
    """Return the parameters of the constructor of a class."""
    every = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return [p for p in every if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def _near(default: Any) -> tuple[Any, ...]:
    """Return values near a default value."""
    if isinstance(default, float):
        return (default * 0.75 if default else 0.25, default + 0.25)
    if isinstance(default, int) and default > 1:  # 0, 1 and -1 are often not amounts, but choices such as an axis
        return (default + 1, default - 1)
    return ()
