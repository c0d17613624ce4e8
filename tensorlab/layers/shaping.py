"""Layers that change shapes or ranges and have no weights."""

from __future__ import annotations

import math
from typing import Any

from tensorlab import ops
from tensorlab.errors import ArgumentError, ShapeError
from tensorlab.layers.base import Layer
from tensorlab.rules import finite
from tensorlab.shapes import Shape, as_shape, items_of
from tensorlab.tensor import Tensor


class Flatten(Layer):
    """Flatten every sample to one axis: ``(batch, …) → (batch, product of …)``.

    Source: Keras, ``keras.layers.Flatten``.

    Example:
        >>> tl.layers.Flatten()(tl.ones((2, 3, 4))).shape
        (2, 12)
    """

    _takes_one = True
    samplewise = True

    def call(self, inputs: Tensor) -> Tensor:
        """Reshape the inputs."""
        return ops.reshape(inputs, (_batch(self._who, inputs), math.prod(inputs.shape[1:])))


class Reshape(Layer):
    """Reshape every sample: ``(batch, …) → (batch, *target_shape)``.

    Args:
        target_shape: the shape of one sample; one length may be -1.

    Raises:
        ArgumentError: for a shape with several lengths of -1.
        ShapeError: for a shape with another negative length.

    Source: Keras, ``keras.layers.Reshape``.

    Example:
        >>> tl.layers.Reshape((2, -1))(tl.ones((5, 6))).shape
        (5, 2, 3)
    """

    _takes_one = True
    samplewise = True

    def __init__(self, target_shape: Any, **options: Any) -> None:
        super().__init__(**options)
        who = f"{self._who} target_shape"
        given = items_of(target_shape)
        free = given.count(-1)
        if free > 1:
            raise ArgumentError(who, "at most one length of -1", str(tuple(given)))
        unknown = given.index(-1) if free else None
        lengths = as_shape(who, [1 if index == unknown else length for index, length in enumerate(given)])
        self.target_shape: Shape = tuple([-1 if index == unknown else n for index, n in enumerate(lengths)])

    def call(self, inputs: Tensor) -> Tensor:
        """Reshape the inputs."""
        return ops.reshape(inputs, (_batch(self._who, inputs), *self.target_shape))


class Rescaling(Layer):
    """Compute ``inputs · scale + offset``, such as bytes to ``[0, 1]`` with ``Rescaling(1 / 255)``.

    Args:
        scale: the factor.
        offset: the number to add.

    Raises:
        ArgumentError: for something that is not a finite number.

    Source: Keras, ``keras.layers.Rescaling``.

    Example:
        >>> tl.layers.Rescaling(1 / 255)(tl.asarray([[0.0, 255.0]])).tolist()
        [[0.0, 1.0]]
    """

    _takes_one = True
    samplewise = True

    def __init__(self, scale: float, offset: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.scale = finite(f"{self._who} scale", scale)
        self.offset = finite(f"{self._who} offset", offset)

    def call(self, inputs: Tensor) -> Tensor:
        """Scale and shift the inputs."""
        return inputs.astype(self.dtype) * self.scale + self.offset


def _batch(who: str, inputs: Tensor) -> int:
    """Return the number of samples.

    Raises:
        ShapeError: for a tensor without axes.
    """
    if not inputs.shape:
        raise ShapeError(who, "inputs with the batch in front", "a tensor of shape ()", "add an axis with expand_dims")
    return inputs.shape[0]
