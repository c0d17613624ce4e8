"""Constraints: what a weight is replaced by after each step of an optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tensorlab import absent, ops
from tensorlab.errors import ArgumentError, ArgumentTypeError, UnknownNameError, nearest, short_repr
from tensorlab.ops.lift import elementwise
from tensorlab.registry import canonical
from tensorlab.rules import finite
from tensorlab.serialization import Configured, serialize
from tensorlab.serialization import deserializer as _deserializer
from tensorlab.tensor import Tensor

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]

_EPSILON = 1e-7


class Constraint(Configured):
    """The base of every constraint. A subclass implements `__call__`, which returns the new value of a weight.

    Source: Keras, ``keras.constraints.Constraint``.

    Example:
        >>> class Centered(tl.constraints.Constraint):
        ...     def __call__(self, w):
        ...         return w - tl.mean(w)
        >>> layer = tl.layers.Dense(8, kernel_constraint=Centered())
    """

    _kind = "constraint"

    def __call__(self, w: Any) -> Any:
        """Return the new value of a weight."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__(w)")


@elementwise
def _scaled(w: float, square: float, low: float, high: float, rate: float) -> float:
    """Return a weight of a vector of squared length ``square``, scaled so that the length is in ``[low, high]``."""
    norm = math.sqrt(square)
    return w * (rate * min(max(norm, low), high) + (1.0 - rate) * norm) / (_EPSILON + norm)


class MinMaxNorm(Constraint):
    """Scale vectors ``w`` so that their length ``n = √(Σ w²)`` is in a range: ``w (r clip(n) + (1 - r) n) / (n + ε)``.

    Args:
        min_value: the smallest length.
        max_value: the largest length.
        rate: r, from 0 to 1: 1 enforces the range in each step.
        axis: the axes of the vectors; 0 for the weights of each unit of a `Dense` layer.

    Raises:
        ArgumentError: for a number out of range.

    Source: Keras, ``keras.constraints.MinMaxNorm``.
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0) -> None:
        who = type(self).__name__
        self.min_value = finite(f"{who} min_value", min_value, 0.0)
        self.max_value = finite(f"{who} max_value", max_value, 0.0)
        self.rate, self.axis = finite(f"{who} rate", rate, 0.0, 1.0), axis
        if self.min_value > self.max_value:
            received = f"min_value={min_value} and max_value={max_value}"
            raise ArgumentError(who, "a min_value that is not above max_value", received)

    def __call__(self, w: Any) -> Tensor:
        """Return the scaled weight."""
        axis = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        return _scaled(w, ops.sum(ops.square(w), axis=axis, keepdims=True), self.min_value, self.max_value, self.rate)


class MaxNorm(MinMaxNorm):
    """Scale vectors that are longer than ``max_value`` to that length.

    Args:
        max_value: the largest length.
        axis: as in `MinMaxNorm`.

    Raises:
        ArgumentError: for a negative length.

    Source: Keras, ``keras.constraints.MaxNorm``; Srivastava et al., "Dropout", JMLR 15, 2014.

    Example:
        >>> tl.constraints.MaxNorm(1.0)(tl.asarray([[3.0], [4.0]])).numpy().round(3).tolist()
        [[0.6000000238418579], [0.800000011920929]]
    """

    def __init__(self, max_value: float = 2.0, axis: Any = 0) -> None:
        super().__init__(0.0, max_value, 1.0, axis)


class UnitNorm(MinMaxNorm):
    """Scale vectors to length 1.

    Args:
        axis: as in `MinMaxNorm`.

    Source: Keras, ``keras.constraints.UnitNorm``.
    """

    def __init__(self, axis: Any = 0) -> None:
        super().__init__(1.0, 1.0, 1.0, axis)


class NonNeg(Constraint):
    """Replace negative weights by 0.

    Source: Keras, ``keras.constraints.NonNeg``.
    """

    def __call__(self, w: Any) -> Tensor:
        """Return the weight without negative elements."""
        return ops.relu(w)


# Keras's other names for the same classes
max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

_NAMED = {"max_norm": MaxNorm, "min_max_norm": MinMaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm}


def get(identifier: Any) -> Callable[[Any], Any] | None:
    """Return a constraint from its name, class or config.

    None, a `Constraint` or a function of a weight is returned as it is.

    Raises:
        UnknownNameError: for an unknown name; the message suggests similar names.
        ArgumentTypeError: for anything else.
    """
    config: dict[str, Any] = {}
    if isinstance(identifier, dict) and isinstance(identifier.get("class_name"), str):
        identifier, config = identifier["class_name"], identifier.get("config", {})
    if isinstance(identifier, str):
        known: dict[str, Any] = {canonical(name): kind for name, kind in _NAMED.items()}
        if canonical(identifier) not in known:
            expected, hint = "the name of a constraint", nearest(identifier, _NAMED)
            raise UnknownNameError("constraint", expected, short_repr(identifier), hint)
        found: Constraint = known[canonical(identifier)].from_config(config)
        return found
    if isinstance(identifier, type) and issubclass(identifier, Constraint):
        return identifier()
    if identifier is None or (callable(identifier) and not isinstance(identifier, type)):
        return identifier
    raise ArgumentTypeError("constraint", "a name, a Constraint, or a function of a weight", short_repr(identifier))


deserialize = _deserializer(__name__, "constraint", get)


if not TYPE_CHECKING:  # a type checker would accept every name
    __getattr__ = absent.lookup(globals())
