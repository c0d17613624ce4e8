"""Activation functions as layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import activations, constraints, initializers, ops, regularizers
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.layers.base import Layer
from tensorlab.ops.activations import bounded_relu, elu, thresholded_relu
from tensorlab.ops.lift import elementwise
from tensorlab.rules import finite
from tensorlab.shapes import items_of
from tensorlab.tensor import Tensor


class Activation(Layer):
    """Compute ``activation(inputs)``.

    Args:
        activation: a name, an `Activation`, or a function of tensors.

    Raises:
        UnknownNameError: for an unknown name; the message suggests similar names.

    Source: Keras, ``keras.layers.Activation``.
    """

    supports_masking = True
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

    A call takes ``mask``, bools that broadcast to the inputs. Outputs where it is false are 0, and the others are those
    of the softmax of the other inputs.

    Args:
        axis: an axis, or a tuple of axes.

    Raises:
        ShapeError: in a call, for a mask that does not broadcast to the inputs.

    Source: Keras, ``keras.layers.Softmax``.
    """

    supports_masking = True
    _takes_one = True

    @property
    def samplewise(self) -> bool:
        """Whether the axes are the last one, or others that are not the first."""
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        return all(isinstance(axis, int) and (axis == -1 or axis > 0) for axis in axes)

    def __init__(self, axis: Any = -1, **options: Any) -> None:
        super().__init__(**options)
        self.axis = tuple(axis) if isinstance(axis, list) else axis

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Apply softmax, to the inputs where the mask is true if there is one."""
        if mask is None:
            return ops.softmax(inputs, axis=self.axis)
        own, lengths = tuple(mask.shape), tuple(inputs.shape)
        if len(own) > len(lengths) or any(a not in (1, b) for a, b in zip(own[::-1], lengths[::-1], strict=False)):
            hint = "a mask of steps, (batch, time), fits scores of shape (batch, time)"
            raise ShapeError(f"{self._who} mask", f"a shape that broadcasts to {lengths}", str(own), hint)
        counted = mask.astype("bool")
        lowest = float(np.finfo(inputs.dtype).max) * -0.5  # finite, so that rows without inputs are no NaN
        outputs = ops.softmax(ops.where(counted, inputs, lowest), axis=self.axis)
        return ops.where(counted, outputs, ops.zeros_like(outputs))


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

    supports_masking = True
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

    supports_masking = True
    _takes_one = True
    samplewise = True

    def __init__(self, negative_slope: float = 0.3, **options: Any) -> None:
        super().__init__(**options)
        self.negative_slope = _at_least_0(f"{self._who} negative_slope", negative_slope)

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the activation."""
        return thresholded_relu(inputs, self.negative_slope, 0.0)


class Identity(Layer):
    """Return the inputs.

    Source: Keras, ``keras.layers.Identity``.
    """

    supports_masking = True
    samplewise = True

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs


@elementwise
def _prelu(x: float, alpha: float) -> float:
    return x if x > 0.0 else alpha * x


class PReLU(Layer):
    """Compute ``x`` where it is above 0, else ``α x``, with a weight α for each feature.

    Args:
        alpha_initializer: the initial α.
        alpha_regularizer: a penalty on α that is added to the loss.
        alpha_constraint: what α is replaced by after each step.
        shared_axes: the axes along which all features have one α, counted from 1; 0 is the batch.

    Raises:
        ArgumentError: for an axis that the inputs do not have, when the layer is built.

    Source: Keras, ``keras.layers.PReLU``; He et al., "Delving Deep into Rectifiers", arXiv:1502.01852.

    Example:
        >>> layer = tl.layers.PReLU(alpha_initializer="ones")
        >>> layer(tl.asarray([[-2.0, 3.0]])).tolist()
        [[-2.0, 3.0]]
    """

    supports_masking = True
    _takes_one = True
    samplewise = True

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = [] if shared_axes is None else list(items_of(shared_axes))

    def build(self, input_shape: Any) -> None:
        """Create α."""
        lengths = list(input_shape[1:])
        for axis in self.shared_axes:
            if not isinstance(axis, int) or not 1 <= axis <= len(lengths):
                expected = f"axes from 1 to {len(lengths)}"
                raise ArgumentError(f"{self._who} shared_axes", expected, short_repr(self.shared_axes))
            lengths[axis - 1] = 1
        if None in lengths:
            hint = "give shared_axes for axes whose length varies"
            raise ShapeError(self._who, "a shape with known lengths", short_repr(input_shape), hint)
        options: dict[str, Any] = {"regularizer": self.alpha_regularizer, "constraint": self.alpha_constraint}
        self.alpha = self.add_weight(lengths, self.alpha_initializer, name="alpha", **options)

    def call(self, inputs: Tensor) -> Tensor:
        """Apply the activation."""
        return _prelu(inputs.astype(self.dtype), self.alpha)


_elu = elementwise(elu)


class ELU(Layer):
    """Compute ``x`` where it is above 0, else ``alpha · (exp(x) - 1)``.

    Args:
        alpha: the output approaches ``-alpha`` for large negative inputs.

    Raises:
        ArgumentError: for something that is not a finite number.

    Source: Clevert et al., "Fast and Accurate Deep Network Learning by Exponential Linear Units", arXiv:1511.07289.
    """

    supports_masking = True
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
