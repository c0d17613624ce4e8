"""Activations: scalar functions that layers apply, fused into their products.

Any function from a tensor to a tensor can be an activation. One that is an `Activation` costs a layer no pass of its
own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from tensorlab import ops
from tensorlab.errors import ArgumentTypeError
from tensorlab.ops.dispatch import as_tensor
from tensorlab.ops.lift import Elementwise
from tensorlab.registry import registries
from tensorlab.scalars import ScalarFunction
from tensorlab.scalars.check import check_derivative
from tensorlab.scalars.combine import scaled
from tensorlab.tensor import Tensor


class Activation(Elementwise):
    """An activation made of a plain Python function of one number.

    Args:
        forward: ``x -> y``; arithmetic, comparisons, ``math``, branches, loops, and other such functions.
        derivative: ``x -> dy/dx``; None to derive it from the source of ``forward``. It is compared with that at a few
            points. Only where ``forward`` is constant between its jumps, such as a step, it may be any surrogate.

    Raises:
        ScalarError: if a function cannot be lifted, naming the construct and its line.
        DerivativeError: (an ArgumentError) if ``derivative`` is not the derivative of ``forward``, naming a point and
            both values.
        ArgumentTypeError: if a function is none of one number with one value.

    Example:
        >>> def swish(x):
        ...     return x / (1.0 + math.exp(-x))
        >>> layer = tl.layers.Dense(64, activation=tl.Activation(swish))
    """

    def __init__(self, forward: Callable[[float], float], derivative: Callable[[float], float] | None = None) -> None:
        super().__init__(_scalar(forward, "forward"))
        if derivative is not None:
            given = _scalar(derivative, "derivative")
            check_derivative("Activation", self.scalar, given)
            self._given[0] = Elementwise(scaled(given))


def _scalar(function: Any, role: str) -> ScalarFunction:
    if not callable(function):
        raise ArgumentTypeError("Activation", f"a {role} function of one number", repr(function))
    scalar = ScalarFunction.of(function)
    if scalar.arity != 1 or scalar.n_outputs != 1:
        raise ArgumentTypeError(
            f"Activation of {scalar.name!r}",
            f"a {role} function of one number with one value",
            f"one of {scalar.arity} with {scalar.n_outputs}",
        )
    return scalar


def linear(x: Any) -> Tensor:
    """``x`` itself."""
    tensor = as_tensor(x, "linear")
    return ops.astype(tensor, tensor.dtype)


relu = Activation(ops.relu.scalar)
sigmoid = ops.sigmoid
tanh = Activation(ops.tanh.scalar)
softmax = ops.softmax


def get(identifier: Any) -> Callable[[Any], Tensor] | None:
    """An activation from its name, itself, or None for none; a plain function of tensors is one too.

    Raises:
        UnknownNameError: for an unknown name, with the nearest known ones.
        ArgumentTypeError: for something that is neither.
    """
    if isinstance(identifier, str):
        identifier = registries["activation"].get(identifier)
    if identifier is None or identifier is linear:
        return None
    if callable(identifier):
        return cast("Callable[[Any], Tensor]", identifier)
    raise ArgumentTypeError("activation", "a name or a function", repr(identifier))
