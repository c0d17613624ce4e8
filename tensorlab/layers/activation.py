"""Activation functions as layers."""

from __future__ import annotations

from typing import Any

from tensorlab import activations, ops
from tensorlab.errors import ArgumentError, short_repr
from tensorlab.layers.base import Layer
from tensorlab.ops.activations import bounded_relu, elu, thresholded_relu
from tensorlab.ops.lift import elementwise
from tensorlab.rules import finite
from tensorlab.tensor import Tensor


class Activation(Layer):
    """Compute ``activation(inputs)``.

    Args:
        activation: a name, an `Activation`, or a function of tensors.

    Raises:
        UnknownNameError: for an unknown name; the message suggests similar names.

    Source: Keras, ``keras.layers.Activation``.
    """

    _takes_one = True

    @property
    def samplewise(self) -> bool:
        """Whether the activation is one that computes each sample separately."""
        return activations.acts_along_last_axis(self.activation)

    def __init__(self, activation: Any, **options: Any) -> None:
        super().__init__(**options)
        self.activation = activations.get(activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the activation."""
        return inputs if self.activation is None else self.activation(inputs)


class Softmax(Layer):
    """Compute ``exp(x) / Σ exp(x)`` along an axis.

    Args:
        axis: an axis, or a tuple of axes.

    Source: Keras, ``keras.layers.Softmax``.
    """

    _takes_one = True

    @property
    def samplewise(self) -> bool:
        """Whether the axes are the last one, or others that are not the first."""
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        return all(isinstance(axis, int) and (axis == -1 or axis > 0) for axis in axes)

    def __init__(self, axis: Any = -1, **options: Any) -> None:
        super().__init__(**options)
        self.axis = tuple(axis) if isinstance(axis, list) else axis

    def call(self, inputs: Tensor) -> Tensor:
        """Apply softmax."""
        return ops.softmax(inputs, axis=self.axis)


class ReLU(Layer):
    """Compute ``x`` where it is above ``threshold``, else ``negative_slope · (x - threshold)``.

    Args:
        max_value: the largest output; None for no limit.
        negative_slope: the slope below the threshold.
        threshold: inputs above it are not changed.

    Raises:
        ArgumentError: for a negative number.

    Source: Keras, ``keras.layers.ReLU``.
    """

    _takes_one = True
    samplewise = True

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **options: Any
    ) -> None:
        super().__init__(**options)
        self.max_value = None if max_value is None else _at_least_0(f"{self._who} max_value", max_value)
        self.negative_slope = _at_least_0(f"{self._who} negative_slope", negative_slope)
        self.threshold = _at_least_0(f"{self._who} threshold", threshold)

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the activation."""
        if self.max_value is None:
            return thresholded_relu(inputs, self.negative_slope, self.threshold)
        return bounded_relu(inputs, self.negative_slope, self.threshold, self.max_value)


class LeakyReLU(Layer):
    """Compute ``x`` where it is above 0, else ``negative_slope · x``.

    Args:
        negative_slope: the slope below 0.

    Raises:
        ArgumentError: for a negative number.

    Source: Keras, ``keras.layers.LeakyReLU``.
    """

    _takes_one = True
    samplewise = True

    def __init__(self, negative_slope: float = 0.3, **options: Any) -> None:
        super().__init__(**options)
        self.negative_slope = _at_least_0(f"{self._who} negative_slope", negative_slope)

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the activation."""
        return thresholded_relu(inputs, self.negative_slope, 0.0)


_elu = elementwise(elu)


class ELU(Layer):
    """Compute ``x`` where it is above 0, else ``alpha · (exp(x) - 1)``.

    Args:
        alpha: the output approaches ``-alpha`` for large negative inputs.

    Raises:
        ArgumentError: for something that is not a finite number.

    Source: Clevert et al., "Fast and Accurate Deep Network Learning by Exponential Linear Units", arXiv:1511.07289.
    """

    _takes_one = True
    samplewise = True

    def __init__(self, alpha: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.alpha = finite(f"{self._who} alpha", alpha)

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the activation."""
        return _elu(inputs, self.alpha)


def _at_least_0(who: str, value: Any) -> float:
    if finite(who, value) < 0:
        raise ArgumentError(who, "a number of at least 0", short_repr(value))
    return float(value)
