"""Layers that change shapes or ranges, and have no weights."""

from __future__ import annotations

import math
from typing import Any

from tensorlab import ops
from tensorlab.errors import ShapeError
from tensorlab.layers.base import Layer
from tensorlab.shapes import Shape, as_shape
from tensorlab.tensor import Tensor


class Input(Layer):
    """Says the shape of one sample, so that a `Sequential` is built at once.

    Args:
        shape: of one sample, without the batch.

    Source: Keras, ``keras.Input``.
    """

    _takes_one = True

    def __init__(self, shape: Any, **options: Any) -> None:
        super().__init__(**options)
        self.shape = as_shape(f"{self._who} shape", shape)

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs themselves."""
        return inputs


class Flatten(Layer):
    """Every sample as one axis: ``(batch, …) → (batch, product of …)``.

    Source: Keras, ``keras.layers.Flatten``.
    """

    _takes_one = True

    def call(self, inputs: Tensor) -> Tensor:
        """Reshape them."""
        return ops.reshape(inputs, (_batch(self._who, inputs), math.prod(inputs.shape[1:])))


class Reshape(Layer):
    """Every sample in another shape: ``(batch, …) → (batch, *target_shape)``.

    Args:
        target_shape: of one sample; one length may be -1.

    Source: Keras, ``keras.layers.Reshape``.
    """

    _takes_one = True

    def __init__(self, target_shape: Any, **options: Any) -> None:
        super().__init__(**options)
        self.target_shape: Shape = tuple(target_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Reshape them."""
        return ops.reshape(inputs, (_batch(self._who, inputs), *self.target_shape))


class Rescaling(Layer):
    """``inputs · scale + offset``, such as bytes to ``[0, 1]`` with ``Rescaling(1 / 255)``.

    Args:
        scale: the factor.
        offset: what is added.

    Source: Keras, ``keras.layers.Rescaling``.
    """

    _takes_one = True

    def __init__(self, scale: float, offset: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.scale = scale
        self.offset = offset

    def call(self, inputs: Tensor) -> Tensor:
        """Scale and move them."""
        return inputs.astype(self.dtype) * float(self.scale) + float(self.offset)


def _batch(who: str, inputs: Tensor) -> int:
    """The number of samples.

    Raises:
        ShapeError: for a tensor without axes.
    """
    if not inputs.shape:
        raise ShapeError(who, "inputs with the batch in front", "a tensor of shape ()", "add an axis with expand_dims")
    return inputs.shape[0]
