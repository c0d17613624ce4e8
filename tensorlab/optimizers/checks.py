"""Checks of what optimizers are given: gradients, weights, pairs of these, and names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tensorlab import autodiff
from tensorlab.backends import Buffer
from tensorlab.errors import ArgumentError, ArgumentTypeError, DeviceError, ShapeError, short_repr
from tensorlab.ops.dispatch import as_tensor
from tensorlab.tensor import Tensor
from tensorlab.variable import Variable


def checked(who: str, gradient: Any, variable: Variable) -> Buffer:
    """Return the buffer of a gradient after checking its shape and device.

    The reference to the buffer keeps other code from writing into it.
    """
    tensor = (
        gradient
        if type(gradient) is Tensor or isinstance(gradient, Tensor)
        else as_tensor(gradient, who, variable.device)
    )
    own, wanted = tensor._buffer, variable._buffer
    if own.shape == wanted.shape and own.dtype is wanted.dtype and tensor._backend is variable._backend:
        return own
    who = f"{who}: the gradient of {variable.name!r}"
    if tensor.shape != variable.shape:
        raise ShapeError(who, f"shape {variable.shape}", str(tensor.shape))
    if tensor.device != variable.device:
        hint = f"move it with .to_device({variable.device!r})"
        raise DeviceError(who, f"a tensor on {variable.device!r}", short_repr(tensor.device), hint)
    with autodiff.no_grad():
        return tensor.astype(variable.dtype)._buffer


def variables_of(who: str, variables: Any) -> list[Variable]:
    """Return a list of Variables.

    Raises:
        ArgumentTypeError: if the argument is not an iterable of them.
    """
    given: list[Any] = list(variables) if isinstance(variables, Iterable) else [None]
    if not all(isinstance(each, Variable) for each in given):
        raise ArgumentTypeError(who, "a list of Variables", short_repr(variables), "give model.trainable_weights")
    return given


def patterns_of(who: str, patterns: Any) -> tuple[str, ...]:
    """Return a tuple of regular expressions.

    Raises:
        ArgumentTypeError: if the argument is not an iterable of texts.
        ArgumentError: for an invalid regular expression.
    """
    given: list[Any] = (
        [None] if isinstance(patterns, (str, bytes)) or not isinstance(patterns, Iterable) else list(patterns)
    )
    if not all(isinstance(each, str) for each in given):
        raise ArgumentTypeError(who, "a list of regular expressions", short_repr(patterns), 'write ["bias"]')
    for each in given:
        try:
            re.compile(each)
        except re.error as error:
            raise ArgumentError(who, "regular expressions", f"{short_repr(each)} ({error})") from None
    return tuple(given)


def pairs_of(who: str, grads_and_vars: Any) -> list[tuple[Any, Any]]:
    """Return a list of pairs of a gradient and a variable.

    Raises:
        ArgumentTypeError: if the argument is not an iterable of pairs.
    """
    try:
        return [(gradient, variable) for gradient, variable in grads_and_vars]
    except (TypeError, ValueError):
        expected = "pairs of a gradient and a Variable"
        raise ArgumentTypeError(who, expected, type(grads_and_vars).__name__, "zip(gradients, variables)") from None
