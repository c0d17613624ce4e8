"""Layers that pad, crop and enlarge sequences and images."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tensorlab import ops
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.layers.windows import Lengths, Windowed, choice, pair
from tensorlab.loading import check_elements
from tensorlab.ops.windows import spread
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor
from tensorlab.windows import Pair, Windows


def _sides(who: str, value: Any, axes: int) -> tuple[Pair, ...]:
    """Return the steps or pixels before and after each axis.

    Args:
        who: the argument, for messages.
        value: of one axis an integer or two; of two axes an integer, one for each axis, or two for each axis.
        axes: the number of axes.

    Raises:
        ArgumentError: for anything else, or a negative integer.
    """
    several = "2 integers" if axes == 1 else "2 integers or 2 pairs of integers"
    expected = f"an integer{' or' if axes == 1 else ','} {several}, all of at least 0"
    try:
        given = tuple(value) if axes > 1 and isinstance(value, (tuple, list)) else (value,) * axes
        pairs = [tuple(axis) if isinstance(axis, (tuple, list)) else (axis, axis) for axis in given]
        found = tuple([(operator.index(before), operator.index(after)) for before, after in pairs])
    except (TypeError, ValueError):
        raise ArgumentError(who, expected, short_repr(value)) from None
    negative = any(count < 0 for pair in found for count in pair)
    if len(found) != axes or negative or any(isinstance(item, bool) for pair in pairs for item in pair):
        raise ArgumentError(who, expected, short_repr(value))
    return found


class ZeroPadding(Windowed):
    """The base of layers that put zeros around sequences or images."""

    samplewise = True

    def __init__(self, padding: Any = 1, data_format: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._padding = _sides(f"{self._who} padding", padding, self._axes)
        self.padding = self._padding if self._axes > 1 else self._padding[0]
        self._set_format(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Pad the inputs."""
        images = self._images(inputs)
        for axis, sides in enumerate(self._padding, 3 - self._axes):
            parts = [images]
            for side, count in enumerate(sides):
                if count:
                    shape = (*images.shape[:axis], count, *images.shape[axis + 1 :])
                    parts.insert(side * len(parts), images.like(np.zeros(shape, images.dtype)))
            images = ops.concat(parts, axis=axis) if len(parts) > 1 else images
        return self._outputs(images)

    def _output_lengths(self, lengths: Lengths) -> Lengths:
        found = [None if n is None else n + sum(sides) for n, sides in zip(lengths[1:-1], self._padding, strict=True)]
        return (lengths[0], *found, lengths[-1])


class ZeroPadding2D(ZeroPadding):
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


class ZeroPadding1D(ZeroPadding):
    """Put zeros before and after sequences: ``(batch, steps, channels) → (batch, new steps, channels)``.

    Args:
        padding: the number of steps on each side: one for both, or ``(before, after)``.
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, steps)``.

    The errors are those of `ZeroPadding2D`.

    Source: Keras, ``keras.layers.ZeroPadding1D``.

    Example:
        >>> tl.layers.ZeroPadding1D((2, 0))(tl.ones((1, 1, 1))).tolist()
        [[[0.0], [0.0], [1.0]]]
    """

    _axes = 1


class Cropping(Windowed):
    """The base of layers that remove the sides of sequences or images."""

    samplewise = True

    def __init__(self, cropping: Any, data_format: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._cropping = _sides(f"{self._who} cropping", cropping, self._axes)
        self.cropping = self._cropping if self._axes > 1 else self._cropping[0]
        self._set_format(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Crop the inputs."""
        images = self._images(inputs)
        kept = [slice(before, after) for before, after in self._bounds(images.shape[3 - self._axes : 3])]
        return self._outputs(images[(slice(None),) * (3 - self._axes) + tuple(kept)])

    def _bounds(self, image: Shape) -> list[Pair]:
        bounds = [(first, n - last) for n, (first, last) in zip(image, self._cropping, strict=True)]
        if any(start >= end for start, end in bounds):
            names = ("steps",) if self._axes == 1 else ("height", "width")
            least = [f"{name} of at least {sum(sides) + 1}" for name, sides in zip(names, self._cropping, strict=True)]
            received = [f"{name} {n}" for name, n in zip(names, image, strict=True)]
            raise ShapeError(self._who, f"inputs with {' and '.join(least)}", " and ".join(received))
        return bounds

    def _output_lengths(self, lengths: Lengths) -> Lengths:
        sums = [sum(sides) for sides in self._cropping]
        middle = lengths[1:-1]
        self._bounds(tuple([total + 1 if n is None else n for n, total in zip(middle, sums, strict=True)]))
        found = [None if n is None else n - total for n, total in zip(middle, sums, strict=True)]
        return (lengths[0], *found, lengths[-1])


class Cropping2D(Cropping):
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

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **options: Any) -> None:
        super().__init__(cropping, data_format, **options)


class Cropping1D(Cropping):
    """Remove steps at both ends of sequences: ``(batch, steps, channels) → (batch, new steps, channels)``.

    Args:
        cropping: the number of steps at each end: one for both, or ``(before, after)``.

    The errors are those of `Cropping2D`.

    Source: Keras, ``keras.layers.Cropping1D``.

    Example:
        >>> tl.layers.Cropping1D((1, 0))(tl.asarray([[[1.0], [2.0], [3.0]]])).tolist()
        [[[2.0], [3.0]]]
    """

    _axes = 1

    def __init__(self, cropping: Any = (1, 1), **options: Any) -> None:
        super().__init__(cropping, **options)


class UpSampling(Windowed):
    """The base of layers that enlarge sequences or images by whole factors."""

    samplewise = True

    def __init__(
        self, size: Any = 2, data_format: str | None = None, interpolation: str = "nearest", **options: Any
    ) -> None:
        super().__init__(**options)
        self.size = self._integers("size", size)
        self.interpolation = choice(f"{self._who} interpolation", interpolation, ("nearest", "bilinear"))
        self._set_format(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Enlarge the inputs."""
        images, size = self._images(inputs), pair(self.size)
        batch, height, width, channels = images.shape
        if self.interpolation == "nearest":
            shape = (batch, height * size[0], width * size[1], channels)
            return self._outputs(spread(images, Windows(size, size), shape))
        for axis, factor in enumerate(size, 1):
            matrix = images.like(_between(images.shape[axis], factor).astype(images.dtype))
            images = ops.moveaxis(ops.matmul(ops.moveaxis(images, axis, -1), matrix), -1, axis)
        return self._outputs(images)

    def _output_lengths(self, lengths: Lengths) -> Lengths:
        found = [None if n is None else n * factor for n, factor in zip(lengths[1:-1], self.size, strict=True)]
        return (lengths[0], *found, lengths[-1])


class UpSampling2D(UpSampling):
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


class UpSampling1D(UpSampling):
    """Repeat every step of sequences: ``(batch, steps, channels) → (batch, size · steps, channels)``.

    Args:
        size: how often.

    The errors are those of `UpSampling2D`.

    Source: Keras, ``keras.layers.UpSampling1D``.

    Example:
        >>> tl.layers.UpSampling1D()(tl.asarray([[[1.0], [5.0]]])).tolist()
        [[[1.0], [1.0], [5.0], [5.0]]]
    """

    _axes = 1

    def __init__(self, size: int = 2, **options: Any) -> None:
        super().__init__(size, **options)


def _between(length: int, factor: int) -> np.ndarray[Any, Any]:
    """Return the matrix of linear interpolation along an axis: ``(length, length · factor)``."""
    check_elements("UpSampling2D", length * length * factor)
    at = np.clip((np.arange(length * factor) + 0.5) / factor - 0.5, 0, max(length - 1, 0))
    distance = np.abs(np.arange(length)[:, None] - at)
    matrix: np.ndarray[Any, Any] = np.maximum(1.0 - distance, 0.0)
    return matrix
