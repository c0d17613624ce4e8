"""Activation functions, made from scalar functions so that layers can fuse them into matrix products.

Any function from a tensor to a tensor can be an activation, but only an `Activation` is fused and needs no pass of its
own over the data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from tensorlab import autodiff, ops
from tensorlab.errors import ArgumentTypeError, ShapeError, short_repr
from tensorlab.loading import loading
from tensorlab.ops import activations as functions
from tensorlab.ops import further_activations as further
from tensorlab.ops.dispatch import as_tensor
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.probabilities import Probabilities
from tensorlab.registry import registries
from tensorlab.rules import Hyperparameters
from tensorlab.scalars import ScalarFunction, scalar_function
from tensorlab.scalars.check import check_derivative
from tensorlab.scalars.combine import with_constants
from tensorlab.scalars.vjp import vjp_of_derivative
from tensorlab.serialization import Value, add_value, check_config, of_kind, scalar_from_data, scalar_to_data
from tensorlab.serialization import deserializer as _deserializer
from tensorlab.serialization import serialize as serialize
from tensorlab.shapes import normalize_axis
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
        self.__doc__ = made_of.doc
        self._made_of, self._slope = made_of, None if derivative is None else _scalar(derivative, "derivative")
        self._values = values
        if self._slope is not None:
            names = _hyperparameters(self._slope)
            given = with_constants(self._slope, {name: values.get(name, default) for name, default in names.items()})
            if (
                loading.get() is None
            ):  # the check runs the function in Python, which may take as long as its author likes
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


def _to_config(activation: Activation) -> dict[str, Any]:
    return {
        "function": scalar_to_data(activation._made_of),
        "derivative": scalar_to_data(activation._slope),
        "hyperparameters": activation.hyperparameters,
    }


def _from_config(config: Mapping[str, Any]) -> Activation:
    check_config("Activation", config, "function", "derivative", "hyperparameters")
    slope, values = config["derivative"], check_config("Activation hyperparameters", config["hyperparameters"])
    made = Activation(scalar_from_data(config["function"]), None if slope is None else scalar_from_data(slope))
    return made.from_config(values) if values else made


add_value(Activation, Value("Activation", _to_config, _from_config))


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


# Another value of a parameter makes another activation, such as ``Activation(elu, alpha=0.5)``.

celu = Activation(further.celu)
elu = Activation(functions.elu)
exponential = Activation(functions.exponential)
gelu = Activation(functions.gelu)
hard_sigmoid = Activation(functions.hard_sigmoid)
hard_shrink = Activation(further.hard_shrink)
hard_silu = hard_swish = Activation(further.hard_silu)
hard_tanh = Activation(further.hard_tanh)
leaky_relu = Activation(functions.leaky_relu)
log_sigmoid = Activation(further.log_sigmoid)
log_softmax = ops.log_softmax
mish = Activation(further.mish)
relu = Activation(ops.relu.scalar)
relu6 = Activation(functions.relu6)
selu = Activation(functions.selu)
sigmoid = ops.sigmoid
silu = swish = Activation(functions.silu)
soft_shrink = Activation(further.soft_shrink)
softmax = ops.softmax
softplus = Activation(functions.softplus)
softsign = Activation(functions.softsign)
sparse_plus = Activation(further.sparse_plus)
sparse_sigmoid = Activation(further.sparse_sigmoid)
squareplus = Activation(further.squareplus)
tanh = Activation(ops.tanh.scalar)
tanh_shrink = Activation(further.tanh_shrink)
threshold = Activation(further.threshold)


def glu(x: Any, axis: int = -1) -> Tensor:
    """Return ``a / (1 + exp(-b))``, where ``a`` and ``b`` are the halves of ``x`` along an axis.

    Raises:
        ShapeError: for an axis of odd length.

    Source: Dauphin et al., "Language Modeling with Gated Convolutional Networks", arXiv:1612.08083.
    """
    whole = as_tensor(x, "glu")
    at = normalize_axis("glu", axis, whole.ndim)
    if whole.shape[at] % 2:
        raise ShapeError("glu", "an axis of even length", str(whole.shape))
    half = whole.shape[at] // 2
    before = (slice(None),) * at
    return whole[*before, slice(half)] * sigmoid(whole[*before, slice(half, None)])


def sparsemax(x: Any, axis: int = -1) -> Tensor:
    """Return the point nearest to ``x`` among the probabilities, ``max(x - t, 0)``, which are 0 for small ``x``.

    The number ``t`` is such that their sum along the axis is 1.

    Source: Martins and Astudillo, "From Softmax to Sparsemax", arXiv:1602.02068.
    """
    z = as_tensor(x, "sparsemax")
    at = normalize_axis("sparsemax", axis, z.ndim)
    with autodiff.no_grad():  # which elements stay above 0 does not change in a small step
        largest_first = ops.flip(ops.sort(z, axis=at), axis=at)
        shape = tuple([-1 if k == at else 1 for k in range(z.ndim)])
        ranks = ops.reshape(ops.arange(1, z.shape[at] + 1, dtype=z.dtype, device=z.device), shape)
        staying = ops.greater(1.0 + ranks * largest_first, ops.cumulative_sum(largest_first, axis=at))
        count = ops.sum(staying.astype(z.dtype), axis=at, keepdims=True)
        limit = ops.sum(ops.where(ops.equal(ranks, count), largest_first, ops.zeros_like(z)), axis=at, keepdims=True)
        chosen = ops.greater_equal(z, limit).astype(z.dtype)
    t = (ops.sum(chosen * z, axis=at, keepdims=True) - 1.0) / ops.sum(chosen, axis=at, keepdims=True)
    return ops.relu(z - t)


def acts_along_last_axis(function: Any) -> bool:
    """Return whether an activation is known to compute each element from those along the last axis only."""
    if function is None or isinstance(function, Elementwise):
        return True
    plain = getattr(function, "__wrapped__", function)  # public functions are wrapped, see `wrap_functions`
    return any(plain is known for known in (linear, functions.softmax, functions.log_softmax))


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
        identifier = of_kind("activation", identifier)
    if identifier is None:
        return linear
    if callable(identifier):
        return cast("Callable[[Any], Tensor]", identifier)
    raise ArgumentTypeError("activation", "a name or a function", short_repr(identifier))


deserialize = _deserializer(__name__, "activation", get)
