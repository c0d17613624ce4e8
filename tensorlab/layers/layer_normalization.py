"""Normalization of each sample by itself."""

from __future__ import annotations

import math
from typing import Any

from tensorlab import constraints, initializers, ops, regularizers, shapes
from tensorlab.arguments import followed_by
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.layers.base import Layer
from tensorlab.ops.lift import elementwise
from tensorlab.rules import finite
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor


@elementwise
def _scaled(x: float, mean: float, variance: float, epsilon: float) -> float:
    return (x - mean) / math.sqrt(variance + epsilon)


@elementwise
def _divided(x: float, squares: float) -> float:
    """Return ``x / √squares``, where the root is at least 1e-6."""
    return x / math.sqrt(squares) if squares > 1e-12 else x * 1e6


def _axes(who: str, axis: Any) -> int | tuple[int, ...]:
    """Return one axis or several.

    Raises:
        ArgumentError: unless they are integers.
    """
    given = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    if not given or any(isinstance(item, bool) or not isinstance(item, int) for item in given):
        raise ArgumentError(f"{who} axis", "an integer or several", short_repr(axis))
    return given if isinstance(axis, (tuple, list)) else given[0]


def _positions(who: str, axis: int | tuple[int, ...], rank: int) -> tuple[int, ...]:
    """Return axes as nonnegative numbers in order.

    Raises:
        ShapeError: if one does not exist or is the batch, or one is given twice.
    """
    found = shapes.normalize_axes(who, axis, rank)
    if 0 in found:
        raise ShapeError(f"{who} axis", "axes after the first, which is the batch", short_repr(axis))
    return found


class Scaled(Layer):
    """The base of layers that normalize each sample, then multiply by γ and add β."""

    supports_masking = True
    _takes_one = True
    samplewise = True

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.axis = _axes(self._who, axis)
        self.epsilon = finite(f"{self._who} epsilon", epsilon, 0.0)
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def build(self, input_shape: Any) -> None:
        """Create γ and β, with the lengths of the axes."""
        axes = _positions(self._who, self.axis, len(input_shape))
        shape = tuple([input_shape[axis] for axis in axes])
        if None in shape:
            hint = "only the lengths of other axes may be unknown"
            raise ShapeError(self._who, f"known lengths along axes {axes}", short_repr(input_shape), hint)
        self._check_lengths(shape)
        self.gamma = self._add_configured("gamma", shape) if self.scale else None
        self.beta = self._add_configured("beta", shape) if self.center else None
        self._lengths = shape

    def _check_lengths(self, lengths: Shape) -> None:
        """Raise if the layer does not accept inputs of these lengths along its axes."""

    def call(self, inputs: Tensor) -> Tensor:
        """Normalize each sample."""
        inputs = inputs.astype(self.dtype)
        axes = _positions(self._who, self.axis, inputs.ndim)
        if tuple([inputs.shape[axis] for axis in axes]) != self._lengths:
            expected = f"inputs of lengths {self._lengths} along axes {axes}"
            raise ShapeError(self._who, expected, f"inputs of shape {inputs.shape}")
        shape = [length if axis in axes else 1 for axis, length in enumerate(inputs.shape)]
        result = self._normalized(inputs, axes)
        if self.gamma is not None:
            result = result * ops.reshape(self.gamma, shape)
        return result if self.beta is None else result + ops.reshape(self.beta, shape)

    def _normalized(self, inputs: Tensor, axes: tuple[int, ...]) -> Tensor:
        raise NotImplementedError

    def _with_moments_along(self, inputs: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Return ``(x - μ) / √(σ² + ε)``, with the mean and the variance along some axes."""
        mean = ops.mean(inputs, axis=axes, keepdims=True)
        variance = ops.mean(ops.square(inputs - mean), axis=axes, keepdims=True)
        result: Tensor = _scaled(inputs, mean, variance, self.epsilon)
        return result

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return the shape of the outputs, which is that of the inputs."""
        _positions(self._who, self.axis, len(input_shape))
        return tuple(input_shape)


class LayerNormalization(Scaled):
    """Compute ``γ (x - μ) / √(σ² + ε) + β``, with the mean μ and the variance σ² of each sample along some axes.

    Args:
        axis: the axis, or several. γ and β have their lengths.
        epsilon: ε, which keeps the denominator above 0.
        center: whether to add β.
        scale: whether to multiply by γ.
        beta_initializer: the initial value of β.
        gamma_initializer: the initial value of γ.
        beta_regularizer: a penalty on β that is added to the loss.
        gamma_regularizer: the same for γ.
        beta_constraint: what β has to satisfy after each step.
        gamma_constraint: the same for γ.

    Raises:
        ArgumentError: for axes that are not integers, or a negative ε.
        UnknownNameError: for an unknown initializer, regularizer or constraint.
        ShapeError: for inputs without these axes, or of unknown length along one.

    Source: Ba et al., "Layer Normalization", arXiv:1607.06450; Keras, ``keras.layers.LayerNormalization``.

    Example:
        >>> layer = tl.layers.LayerNormalization()
        >>> layer(tl.asarray([[1.0, 3.0]])).numpy().round(2).tolist()
        [[-1.0, 1.0]]
    """

    def _normalized(self, inputs: Tensor, axes: tuple[int, ...]) -> Tensor:
        return self._with_moments_along(inputs, axes)


class GroupNormalization(Scaled):
    """Divide channels into groups, and normalize each group of a sample: ``γ (x - μ) / √(σ² + ε) + β``.

    The mean μ and the variance σ² are those of all elements of a group. γ and β have a number for each channel.

    Args:
        groups: the number of groups; -1 for one for each channel.
        axis: the axis of the channels.

    The other arguments are those of `LayerNormalization`.

    Raises:
        ArgumentError: for groups that are neither -1 nor an integer of at least 1, an axis that is not an integer, or a
            negative ε.
        UnknownNameError: for an unknown initializer, regularizer or constraint.
        ShapeError: for inputs without this axis, or whose channels are no multiple of the groups.

    Source: Wu and He, "Group Normalization", arXiv:1803.08494; Keras, ``keras.layers.GroupNormalization``.

    Example:
        >>> layer = tl.layers.GroupNormalization(groups=2)
        >>> layer(tl.asarray([[1.0, 3.0, 10.0, 30.0]])).numpy().round(2).tolist()
        [[-1.0, 1.0, -1.0, 1.0]]
    """

    @followed_by(Scaled)
    def __init__(self, groups: int = 32, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if isinstance(groups, bool) or not isinstance(groups, int) or (groups < 1 and groups != -1):
            raise ArgumentError(f"{self._who} groups", "an integer of at least 1, or -1", short_repr(groups))
        if not isinstance(self.axis, int):
            raise ArgumentError(f"{self._who} axis", "an integer", short_repr(self.axis))
        self.groups = groups

    def _check_lengths(self, lengths: Shape) -> None:
        if self.groups != -1 and (lengths[0] % self.groups or not lengths[0]):
            raise ShapeError(self._who, f"a multiple of {self.groups} channels", f"{lengths[0]} channels")

    def _normalized(self, inputs: Tensor, axes: tuple[int, ...]) -> Tensor:
        (along,), shape = axes, inputs.shape
        groups = shape[along] if self.groups == -1 else self.groups
        apart = ops.reshape(inputs, (*shape[:along], groups, shape[along] // groups, *shape[along + 1 :]))
        others = tuple([axis for axis in range(1, apart.ndim) if axis != along])
        return ops.reshape(self._with_moments_along(apart, others), shape)


class UnitNormalization(Layer):
    """Divide each sample by its Euclidean norm along some axes, or by 1e-6 if the norm is smaller.

    Args:
        axis: the axis, or several.

    Raises:
        ArgumentError: for axes that are not integers.
        ShapeError: in a call, for inputs without these axes.

    Source: Keras, ``keras.layers.UnitNormalization``.

    Example:
        >>> tl.layers.UnitNormalization(dtype="float64")(tl.asarray([[3.0, 4.0]])).numpy().round(2).tolist()
        [[0.6, 0.8]]
    """

    supports_masking = True
    _takes_one = True
    samplewise = True

    def __init__(self, axis: Any = -1, **options: Any) -> None:
        super().__init__(**options)
        self.axis = _axes(self._who, axis)

    def call(self, inputs: Tensor) -> Tensor:
        """Normalize each sample."""
        inputs = inputs.astype(self.dtype)
        axes = _positions(self._who, self.axis, inputs.ndim)
        result: Tensor = _divided(inputs, ops.sum(ops.square(inputs), axis=axes, keepdims=True))
        return result

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return the shape of the outputs, which is that of the inputs."""
        _positions(self._who, self.axis, len(input_shape))
        return tuple(input_shape)
