"""Layers that pad, crop and enlarge images."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tensorlab import ops
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.layers.windows import Lengths, Windowed, choice
from tensorlab.loading import check_elements
from tensorlab.ops.windows import spread
from tensorlab.tensor import Tensor
from tensorlab.windows import Pair, Windows


def _sides(who: str, value: Any) -> tuple[Pair, Pair]:
    """Return the pixels before and after both axes: of one integer, one for each axis, or two for each axis.

    Raises:
        ArgumentError: for anything else, or a negative integer.
    """
    expected = "an integer, 2 integers or 2 pairs of integers, all of at least 0"
    try:
        given = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
        pairs = [tuple(axis) if isinstance(axis, (tuple, list)) else (axis, axis) for axis in given]
        (top, bottom), (left, right) = (map(operator.index, pair) for pair in pairs)
    except (TypeError, ValueError):
        raise ArgumentError(who, expected, short_repr(value)) from None
    if min(top, bottom, left, right) < 0 or any(isinstance(item, bool) for pair in pairs for item in pair):
        raise ArgumentError(who, expected, short_repr(value))
    return (top, bottom), (left, right)


class ZeroPadding2D(Windowed):
    """Put rows and columns of zeros around images: ``(batch, height, width, channels) → (batch, …, channels)``.

    Args:
        padding: the number of rows and columns on each side: one for all, ``(rows, columns)``, or
            ``((top, bottom), (left, right))``.
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, …)``.

    Raises:
        ArgumentError: for a negative number or another structure, or an unknown data format.
        ShapeError: in a call, for inputs of another rank.

    Source: Keras, ``keras.layers.ZeroPadding2D``.

    Example:
        >>> tl.layers.ZeroPadding2D(((1, 0), (2, 2)))(tl.ones((2, 4, 5, 3))).shape
        (2, 5, 9, 3)
    """

    _axes = 2
    samplewise = True

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.padding = _sides(f"{self._who} padding", padding)
        self._set_format(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Pad the inputs."""
        images = self._images(inputs)
        for axis, sides in enumerate(self.padding, 1):
            parts = [images]
            for side, count in enumerate(sides):
                if count:
                    shape = (*images.shape[:axis], count, *images.shape[axis + 1 :])
                    parts.insert(side * len(parts), images.like(np.zeros(shape, images.dtype)))
            images = ops.concat(parts, axis=axis) if len(parts) > 1 else images
        return self._outputs(images)

    def _output_lengths(self, lengths: Lengths) -> Lengths:
        found = [None if n is None else n + sum(sides) for n, sides in zip(lengths[1:3], self.padding, strict=True)]
        return (lengths[0], *found, lengths[3])


class Cropping2D(Windowed):
    """Remove rows and columns at the sides of images: ``(batch, height, width, channels) → (batch, …, channels)``.

    Args:
        cropping: the number of rows and columns on each side, in the forms of ``padding`` of `ZeroPadding2D`.
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, …)``.

    Raises:
        ArgumentError: for a negative number or another structure, or an unknown data format.
        ShapeError: in a call, for inputs of another rank, or of which nothing would remain.

    Source: Keras, ``keras.layers.Cropping2D``.

    Example:
        >>> tl.layers.Cropping2D(((1, 0), (2, 2)))(tl.ones((2, 4, 5, 3))).shape
        (2, 3, 1, 3)
    """

    _axes = 2
    samplewise = True

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.cropping = _sides(f"{self._who} cropping", cropping)
        self._set_format(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Crop the inputs."""
        images = self._images(inputs)
        down, across = (slice(before, after) for before, after in self._bounds((images.shape[1], images.shape[2])))
        return self._outputs(images[:, down, across])

    def _bounds(self, image: Pair) -> list[Pair]:
        bounds = [(first, n - last) for n, (first, last) in zip(image, self.cropping, strict=True)]
        if any(start >= end for start, end in bounds):
            least = [sum(sides) + 1 for sides in self.cropping]
            expected = f"inputs with height of at least {least[0]} and width of at least {least[1]}"
            raise ShapeError(self._who, expected, f"height {image[0]} and width {image[1]}")
        return bounds

    def _output_lengths(self, lengths: Lengths) -> Lengths:
        sums = [sum(sides) for sides in self.cropping]
        known = [total + 1 if n is None else n for n, total in zip(lengths[1:3], sums, strict=True)]
        self._bounds((known[0], known[1]))
        found = [None if n is None else n - total for n, total in zip(lengths[1:3], sums, strict=True)]
        return (lengths[0], *found, lengths[3])


class UpSampling2D(Windowed):
    """Enlarge images by whole factors: ``(batch, height, width, channels) → (batch, …, channels)``.

    "nearest" repeats every pixel. "bilinear" interpolates between the centers of pixels and repeats the outer ones.

    Args:
        size: the factors of height and width, or one number for both.
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, …)``.
        interpolation: "nearest" or "bilinear".

    Raises:
        ArgumentError: for a factor that is not an integer of at least 1, an unknown interpolation or data format.
        ShapeError: in a call, for inputs of another rank.

    Source: Keras, ``keras.layers.UpSampling2D``.

    Example:
        >>> tl.layers.UpSampling2D((1, 2))(tl.asarray([[[[1.0], [5.0]]]])).tolist()
        [[[[1.0], [1.0], [5.0], [5.0]]]]
    """

    _axes = 2
    samplewise = True

    def __init__(
        self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **options: Any
    ) -> None:
        super().__init__(**options)
        self.size = self._integers("size", size)
        self.interpolation = choice(f"{self._who} interpolation", interpolation, ("nearest", "bilinear"))
        self._set_format(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Enlarge the inputs."""
        images = self._images(inputs)
        batch, height, width, channels = images.shape
        if self.interpolation == "nearest":
            size = self.size[0], self.size[1]
            shape = (batch, height * size[0], width * size[1], channels)
            return self._outputs(spread(images, Windows(size, size), shape))
        for axis, factor in enumerate(self.size, 1):
            matrix = images.like(_between(images.shape[axis], factor).astype(images.dtype))
            images = ops.moveaxis(ops.matmul(ops.moveaxis(images, axis, -1), matrix), -1, axis)
        return self._outputs(images)

    def _output_lengths(self, lengths: Lengths) -> Lengths:
        found = [None if n is None else n * factor for n, factor in zip(lengths[1:3], self.size, strict=True)]
        return (lengths[0], *found, lengths[3])


def _between(length: int, factor: int) -> np.ndarray[Any, Any]:
    """Return the matrix of linear interpolation along an axis: ``(length, length · factor)``."""
    check_elements("UpSampling2D", length * length * factor)
    at = np.clip((np.arange(length * factor) + 0.5) / factor - 0.5, 0, max(length - 1, 0))
    distance = np.abs(np.arange(length)[:, None] - at)
    matrix: np.ndarray[Any, Any] = np.maximum(1.0 - distance, 0.0)
    return matrix
