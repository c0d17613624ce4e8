"""`BatchNormalization`: inputs of mean 0 and variance 1."""

from __future__ import annotations

import operator
from typing import Any

from tensorlab import autodiff, constraints, initializers, ops, regularizers
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.layers.base import Layer
from tensorlab.ops.lift import elementwise
from tensorlab.rules import finite
from tensorlab.tensor import Tensor


@elementwise
def _moved(x: float, mean: float, scale: float, shift: float) -> float:
    return (x - mean) * scale + shift


_EPSILON = 1e-7
"""Keras's ``keras.config.epsilon()``, which it adds to the number of inputs that a mask counts."""


class BatchNormalization(Layer):
    """Compute ``γ (x - μ) / √(σ² + ε) + β``, with the mean μ and the variance σ² of each feature.

    In training they are those of the batch, along all axes except one, and running means of both are kept:
    ``moving ← momentum · moving + (1 - momentum) · batch``. Otherwise, and while ``trainable`` is False, the running
    means are used. If the inputs have a mask, such as one of `Masking`, the mean and the variance of the batch are
    those of the steps where it is true.

    Args:
        axis: the axis of the features.
        momentum: how much of the running means is kept in a step, from 0 to 1.
        epsilon: ε, which keeps the denominator above 0.
        center: whether to add β.
        scale: whether to multiply by γ.
        beta_initializer: the initial value of β, ``(features,)``.
        gamma_initializer: the initial value of γ.
        moving_mean_initializer: the initial value of the running mean.
        moving_variance_initializer: the initial value of the running variance.
        beta_regularizer: a penalty on β that is added to the loss.
        gamma_regularizer: the same for γ.
        beta_constraint: what β has to satisfy after each step.
        gamma_constraint: the same for γ.

    Raises:
        ArgumentError: for an axis that is not an integer, or a number out of range.
        UnknownNameError: for an unknown initializer, regularizer or constraint.
        ShapeError: when it is built for inputs without this axis, or of unknown length along it.

    Source: Ioffe and Szegedy, "Batch Normalization", arXiv:1502.03167; Keras, ``keras.layers.BatchNormalization``.

    Example:
        >>> layer = tl.layers.BatchNormalization()
        >>> layer(tl.asarray([[1.0], [3.0]]), training=True).numpy().round(2).tolist()
        [[-1.0], [1.0]]
        >>> len(layer.trainable_weights), len(layer.non_trainable_weights)
        (2, 2)
    """

    supports_masking = True
    _takes_one = True

    @property
    def samplewise(self) -> bool:
        """Whether the axis of the features is the last one, or another that is not the first."""
        return self.axis == -1 or self.axis > 0

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        try:
            self.axis = operator.index(axis)
        except TypeError:
            raise ArgumentError(f"{self._who} axis", "an integer", short_repr(axis)) from None
        self.momentum = finite(f"{self._who} momentum", momentum, 0.0, 1.0)
        self.epsilon = finite(f"{self._who} epsilon", epsilon, 0.0)
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def build(self, input_shape: Any) -> None:
        """Create γ, β and the running means."""
        if not -len(input_shape) <= self.axis < len(input_shape):
            raise ShapeError(self._who, f"inputs with an axis {self.axis}", f"inputs of shape {tuple(input_shape)}")
        shape = (input_shape[self.axis],)
        if shape[0] is None:
            hint = "only the lengths of other axes may be unknown"
            raise ShapeError(self._who, f"a known length along axis {self.axis}", short_repr(input_shape), hint)
        self.gamma = self._add_configured("gamma", shape) if self.scale else None
        self.beta = self._add_configured("beta", shape) if self.center else None
        self.moving_mean = self.add_weight(shape, self.moving_mean_initializer, trainable=False, name="moving_mean")
        self.moving_variance = self.add_weight(
            shape, self.moving_variance_initializer, trainable=False, name="moving_variance"
        )

    def call(self, inputs: Tensor, training: bool = False, mask: Tensor | None = None) -> Tensor:
        """Normalize the inputs, and in training update the running means.

        A mask has the shape of the inputs without the last axis; the mean and the variance are those where it is true.
        """
        inputs = inputs.astype(self.dtype)
        features = self.moving_mean.shape[0]
        if not -inputs.ndim <= self.axis < inputs.ndim or inputs.shape[self.axis] != features:
            expected = f"inputs with {features} features along axis {self.axis}"
            raise ShapeError(self._who, expected, f"inputs of shape {inputs.shape}")
        along = self.axis % inputs.ndim
        shape = [features if axis == along else 1 for axis in range(inputs.ndim)]
        if training and self.trainable:
            axes = tuple(axis for axis in range(inputs.ndim) if axis != along)
            if mask is None:
                mean = ops.mean(inputs, axis=axes, keepdims=True)
                variance = ops.mean(ops.square(inputs - mean), axis=axes, keepdims=True)
            else:
                mean, variance = self._masked_moments(inputs, mask, axes)
            with autodiff.no_grad():
                for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                    batch = ops.reshape(value, (features,))
                    moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))
        else:
            mean, variance = ops.reshape(self.moving_mean, shape), ops.reshape(self.moving_variance, shape)
        scale: Tensor = 1.0 / ops.sqrt(variance + self.epsilon)
        if self.gamma is not None:
            scale = scale * ops.reshape(self.gamma, shape)
        return _moved(inputs, mean, scale, 0.0 if self.beta is None else ops.reshape(self.beta, shape))

    def _masked_moments(self, inputs: Tensor, mask: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Return the mean and the variance of the inputs where a mask is true."""
        if tuple(mask.shape) != tuple(inputs.shape[:-1]):
            raise ShapeError(f"{self._who} mask", f"the shape {tuple(inputs.shape[:-1])}", str(tuple(mask.shape)))
        counted = ops.broadcast_to(ops.expand_dims(mask.astype("bool"), axis=-1), inputs.shape)
        nothing = ops.zeros_like(inputs)
        count = ops.sum(counted.astype(inputs.dtype), axis=axes, keepdims=True) + _EPSILON
        mean: Tensor = ops.sum(ops.where(counted, inputs, nothing), axis=axes, keepdims=True) / count
        squares = ops.square(ops.where(counted, inputs - mean, nothing))
        variance: Tensor = ops.sum(squares, axis=axes, keepdims=True) / count
        return mean, variance
