"""Layers that change shapes or ranges and have no weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorlab import ops
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.layers.arguments import batch_shape
from tensorlab.layers.base import Layer
from tensorlab.layers.windows import choice
from tensorlab.rules import finite, integer
from tensorlab.shapes import Shape, as_shape, items_of
from tensorlab.tensor import Tensor


class Flatten(Layer):
    """Flatten every sample to one axis: ``(batch, …) → (batch, product of …)``.

    Args:
        data_format: "channels_first" to move the second axis of inputs to the end before, which gives the result of
            the same data with the channels last; "channels_last" or None not to.

    Raises:
        ArgumentError: for another data format.

    Source: Keras, ``keras.layers.Flatten``.

    Example:
        >>> tl.layers.Flatten()(tl.ones((2, 3, 4))).shape
        (2, 12)
    """

    _takes_one = True
    samplewise = True

    def __init__(self, data_format: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        formats = ("channels_last", "channels_first")
        name = f"{self._who} data_format"
        self.data_format = None if data_format is None else choice(name, data_format, formats)

    def call(self, inputs: Tensor) -> Tensor:
        """Reshape the inputs."""
        batch = _batch(self._who, inputs)
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = ops.moveaxis(inputs, 1, -1)
        return ops.reshape(inputs, (batch, math.prod(inputs.shape[1:])))


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


class Permute(Layer):
    """Permute the axes of every sample.

    Args:
        dims: the axes in their new order, counted from 1; 0, the batch, stays first.

    Raises:
        ArgumentError: for anything but the numbers from 1 to the number of axes.

    Source: Keras, ``keras.layers.Permute``.

    Example:
        >>> tl.layers.Permute((2, 1))(tl.ones((5, 2, 3))).shape
        (5, 3, 2)
    """

    _takes_one = True
    samplewise = True

    def __init__(self, dims: Any, **options: Any) -> None:
        super().__init__(**options)
        given = items_of(dims)
        whole = all(isinstance(each, (int, np.integer)) for each in given)
        if not whole or sorted(given) != [*range(1, len(given) + 1)]:
            expected = "the axes from 1 on, each once"
            raise ArgumentError(f"{self._who} dims", expected, short_repr(dims), "leave out 0, the batch")
        self.dims = tuple([int(each) for each in given])

    def call(self, inputs: Tensor) -> Tensor:
        """Permute the axes.

        Raises:
            ShapeError: for inputs with another number of axes.
        """
        if inputs.ndim != len(self.dims) + 1:
            raise ShapeError(self._who, f"inputs of {len(self.dims) + 1} axes", f"shape {inputs.shape}")
        return ops.permute_dims(inputs, (0, *self.dims))


class RepeatVector(Layer):
    """Repeat every sample along a new axis: ``(batch, features) → (batch, n, features)``.

    Args:
        n: how often.

    Raises:
        ArgumentError: unless n is an integer of at least 1.

    Source: Keras, ``keras.layers.RepeatVector``.

    Example:
        >>> tl.layers.RepeatVector(3)(tl.ones((5, 2))).shape
        (5, 3, 2)
    """

    _takes_one = True
    samplewise = True

    def __init__(self, n: int, **options: Any) -> None:
        super().__init__(**options)
        self.n = integer(f"{self._who} n", n, 1)

    def call(self, inputs: Tensor) -> Tensor:
        """Repeat the inputs.

        Raises:
            ShapeError: unless they have two axes.
        """
        if inputs.ndim != 2:
            raise ShapeError(self._who, "inputs of shape (batch, features)", f"shape {inputs.shape}")
        return ops.repeat(ops.expand_dims(inputs, axis=1), self.n, axis=1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return the shape of the outputs for a shape of inputs, in which lengths may be None.

        Raises:
            ShapeError: for anything but a shape.
        """
        first, *others = batch_shape(self._who, input_shape)
        return (first, self.n, *others)


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

    supports_masking = True
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
