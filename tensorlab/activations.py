"""Activation functions, made from scalar functions so that layers can fuse them into matrix products.

Any function from a tensor to a tensor can be an activation, but only an `Activation` is fused and needs no pass of its
own over the data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

from tensorlab import ops
from tensorlab.errors import ArgumentTypeError, short_repr
from tensorlab.ops.dispatch import as_tensor
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.probabilities import Probabilities
from tensorlab.registry import registries
from tensorlab.rules import Hyperparameters
from tensorlab.scalars import ScalarFunction, scalar_function
from tensorlab.scalars.check import check_derivative
from tensorlab.scalars.combine import with_constants
from tensorlab.scalars.vjp import vjp_of_derivative
from tensorlab.serialization import check_config, deserialize
from tensorlab.tensor import Tensor


class Activation(Elementwise):
    """An activation made from a plain Python function of one number.

    Args:
        forward: ``x -> y``; it may use arithmetic, comparisons, ``math``, branches, loops and other such functions.
            Parameters with a default value are hyperparameters. Or an existing activation, to create one with other
            hyperparameters.
        derivative: ``x -> dy/dx``; None to derive it from the source of ``forward``. It is checked against that at a
            few points. Only where ``forward`` is piecewise constant, such as a step function, it may be any surrogate.
            It may use the hyperparameters of ``forward``, by parameters of the same names.
        hyperparameters: those that differ from their defaults. They are constants in the kernel.

    Raises:
        ScalarError: if a function cannot be lifted; the message shows the unsupported code and its line.
        DerivativeError: (an ArgumentError) if ``derivative`` is not the derivative of ``forward``; the message shows a
            point and both values.
        ArgumentError: for an unknown hyperparameter, or one that is not a finite number.
        ArgumentTypeError: if a function does not take one number and return one.

    Example:
        >>> def leaky(x, slope=0.1):
        ...     return x if x > 0 else slope * x
        >>> layer = tl.layers.Dense(64, activation=tl.Activation(leaky, slope=0.2))
    """

    _maker: Activation  # the activation it was made from, or itself
    _made_of: ScalarFunction  # forward, with its hyperparameters as parameters
    _slope: ScalarFunction | None  # the given derivative, likewise

    def __init__(
        self,
        forward: Callable[..., float] | Activation,
        /,
        derivative: Callable[..., float] | None = None,
        **hyperparameters: float,
    ) -> None:
        self._maker = forward._maker if isinstance(forward, Activation) else self
        made_of = forward._made_of if isinstance(forward, Activation) else _scalar(forward, "forward")
        if derivative is not None and not callable(derivative) and "derivative" in made_of.parameters[1:]:
            hyperparameters["derivative"], derivative = derivative, None
        if derivative is None and isinstance(forward, Activation):
            derivative = forward._slope
        who = f"activation {made_of.name!r}"
        values = Hyperparameters(who, _hyperparameters(made_of), hyperparameters)
        super().__init__(with_constants(made_of, values), name=made_of.name)
        self.__doc__ = made_of.python.__doc__
        self._made_of, self._slope = made_of, None if derivative is None else _scalar(derivative, "derivative")
        self._values = values
        if self._slope is not None:
            names = _hyperparameters(self._slope)
            given = with_constants(self._slope, {name: values.get(name, default) for name, default in names.items()})
            check_derivative("Activation", self.scalar, given)
            self._given_vjps[0] = Elementwise(vjp_of_derivative(given))

    @property
    def hyperparameters(self) -> dict[str, float]:
        """The hyperparameters by name."""
        return dict(self._values)

    def get_config(self) -> dict[str, Any]:
        """Return the hyperparameters, for `from_config` of the activation that this one was made from."""
        return self.hyperparameters

    def from_config(self, config: Mapping[str, Any]) -> Activation:
        """Return an activation of the same function with other hyperparameters."""
        return Activation(self, **check_config(f"activation {self.__name__!r}", config))


def _hyperparameters(scalar: ScalarFunction) -> dict[str, float]:
    """Return the parameters after the first, with their default values."""
    return {name: value for name, value in scalar.defaults.items() if name != scalar.parameters[0]}


def _scalar(function: Any, role: str) -> ScalarFunction:
    if not callable(function):
        raise ArgumentTypeError("Activation", f"a {role} function of one number", short_repr(function))
    scalar = scalar_function(function)
    if not scalar.arity or scalar.arity - len(_hyperparameters(scalar)) != 1 or scalar.n_outputs != 1:
        raise ArgumentTypeError(
            f"Activation of {scalar.name!r}",
            f"a {role} function of one number, and of parameters with default values, that returns one number",
            f"({', '.join(scalar.parameters)}) with {scalar.n_outputs} result{'s' * (scalar.n_outputs != 1)}",
        )
    return scalar


def linear(x: Any) -> Tensor:
    """Return ``x`` itself."""
    return x if isinstance(x, Probabilities) else as_tensor(x, "linear")  # a Probabilities tensor must keep its logits


# Written so that no large input of either sign gives NaN or an early overflow. Those with a parameter are made with
# another value by e.g. ``Activation(elu, alpha=0.5)``.


@Activation
def elu(x: float, alpha: float = 1.0) -> float:
    """Compute ``x`` where it is above 0, else ``alpha · (exp(x) - 1)``.

    Source: Clevert et al., "Fast and Accurate Deep Network Learning by Exponential Linear Units", arXiv:1511.07289.
    """
    return x if x > 0.0 else alpha * math.expm1(x)


@Activation
def exponential(x: float) -> float:
    """Compute ``exp(x)``. Source: Keras, ``keras.activations.exponential``."""
    return math.exp(x)


@Activation
def gelu(x: float) -> float:
    """Compute ``x · Φ(x)``, where ``Φ(x) = (1 + erf(x / √2)) / 2`` is the normal distribution function.

    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", arXiv:1606.08415.
    """
    return 0.5 * x * (1.0 + math.erf(x / math.sqrt(2.0)))


@Activation
def hard_sigmoid(x: float) -> float:
    """Compute ``x / 6 + 1/2``, limited to ``[0, 1]``. Source: Keras, ``keras.activations.hard_sigmoid``."""
    return min(max(x / 6.0 + 0.5, 0.0), 1.0)


@Activation
def leaky_relu(x: float, negative_slope: float = 0.2) -> float:
    """Compute ``x`` where it is above 0, else ``negative_slope · x``.

    Source: Keras, ``keras.activations.leaky_relu``.
    """
    return x if x > 0.0 else negative_slope * x


@Activation
def relu6(x: float) -> float:
    """Compute ``x``, limited to ``[0, 6]``. Source: Keras, ``keras.activations.relu6``."""
    return min(max(x, 0.0), 6.0)


@Activation
def selu(x: float) -> float:
    """Compute 1.0507… times the `elu` of ``alpha = 1.6733…``, which keep mean 0 and variance 1 from layer to layer.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", arXiv:1706.02515.
    """
    return 1.0507009873554805 * (x if x > 0.0 else 1.6732632423543772 * math.expm1(x))


@Activation
def silu(x: float) -> float:
    """Compute ``x / (1 + exp(-x))``, which is also known as swish.

    Source: Ramachandran et al., "Searching for Activation Functions", arXiv:1710.05941.

    Example:
        >>> tl.activations.silu([0.0, 100.0]).tolist()
        [0.0, 100.0]
    """
    if x > 0.0:
        return x / (1.0 + math.exp(-x))
    power = math.exp(x)
    return x * power / (1.0 + power)


@Activation
def softplus(x: float) -> float:
    """Compute ``ln(1 + exp(x))``. Source: Keras, ``keras.activations.softplus``."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@Activation
def softsign(x: float) -> float:
    """Compute ``x / (1 + |x|)``. Source: Keras, ``keras.activations.softsign``."""
    return x / (1.0 + abs(x))


log_softmax = ops.log_softmax
relu = Activation(ops.relu.scalar)
sigmoid = ops.sigmoid
softmax = ops.softmax
tanh = Activation(ops.tanh.scalar)


def get(identifier: Any) -> Callable[[Any], Tensor]:
    """Return an activation from its name or config; None gives `linear`.

    A callable, such as an `Activation` or a function of tensors, is returned as it is.

    Raises:
        UnknownNameError: for an unknown name; the message suggests similar names.
        ArgumentTypeError: for anything else.
    """
    if isinstance(identifier, str):
        identifier = registries["activation"].get(identifier)
    elif isinstance(identifier, dict):
        identifier = deserialize(identifier)
    if identifier is None:
        return linear
    if callable(identifier):
        return cast("Callable[[Any], Tensor]", identifier)
    raise ArgumentTypeError("activation", "a name or a function", short_repr(identifier))
