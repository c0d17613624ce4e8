"""Pooling: the maximum or the mean of windows, or of whole sequences and images."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tensorlab import ops
from tensorlab.dtypes import DType
from tensorlab.layers.windows import Lengths, Windowed, choice, output_lengths, windows_of
from tensorlab.ops.windows import max_pool, sum_pool
from tensorlab.tensor import Tensor
from tensorlab.windows import Pair, Windows


class Pooling(Windowed):
    """The base of pooling layers with windows."""

    samplewise = True

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.pool_size = self._integers("pool_size", pool_size)
        self.strides = self.pool_size if strides is None else self._integers("strides", strides)
        self.padding = choice(f"{self._who} padding", padding, ("valid", "same"))
        self._set_format(data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Combine the elements of each window and channel."""
        images = self._images(inputs)
        lengths = images.shape[3 - self._axes : 3]
        return self._outputs(self._pool(images, windows_of(self, lengths, self.pool_size, self.strides, self.padding)))

    def _pool(self, images: Tensor, windows: Windows) -> Tensor:
        raise NotImplementedError

    def _output_lengths(self, lengths: Lengths) -> Lengths:
        found = output_lengths(self, lengths[1:-1], self.pool_size, self.strides, self.padding)
        return (lengths[0], *found, lengths[-1])


class MaxPooling(Pooling):
    """The base of layers that take the maximum of a window."""

    def _pool(self, images: Tensor, windows: Windows) -> Tensor:
        return max_pool(images, windows)


class AveragePooling(Pooling):
    """The base of layers that take the mean of a window."""

    def _pool(self, images: Tensor, windows: Windows) -> Tensor:
        total = sum_pool(images, windows)
        return total * total.like(_shares(windows, (images.shape[1], images.shape[2]), total.dtype))


@functools.lru_cache(maxsize=256)
def _shares(windows: Windows, image: Pair, dtype: DType) -> np.ndarray[Any, Any]:
    """Return one over the number of pixels of each window, without padding: ``(windows down, windows across, 1)``."""
    counts = np.zeros(windows.counts(image))
    for _, found, _ in windows.taps(image):
        counts[found] += 1
    return (1.0 / np.maximum(counts, 1.0))[..., None].astype(dtype)


class MaxPooling2D(MaxPooling):
    """Return the maximum of each window and channel: ``(batch, height, width, channels) → (batch, …, channels)``.

    The gradient of a window goes to the first of its largest elements. Padding is ignored.

    Args:
        pool_size: the height and the width of a window, or one number for both.
        strides: the distance between windows, one number or two; None for the size of a window.
        padding: "valid" or "same", as in `Conv2D`.
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, …)``.

    Raises:
        ArgumentError: for a number that is not an integer of at least 1, or an unknown padding or data format.
        ShapeError: in a call, for inputs of another rank, or smaller than a window.

    Source: Keras, ``keras.layers.MaxPooling2D``.

    Example:
        >>> tl.layers.MaxPooling2D()(tl.asarray([[[[1.0], [5.0]], [[3.0], [2.0]]]])).tolist()
        [[[[5.0]]]]
    """

    _axes = 2


class MaxPooling1D(MaxPooling):
    """Return the maximum of each window and channel: ``(batch, steps, channels) → (batch, new steps, channels)``.

    Args:
        pool_size: the length of a window.
        strides: the distance between windows; None for the size of a window.
        padding: "valid" or "same", as in `Conv2D`.
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, steps)``.

    The errors are those of `MaxPooling2D`.

    Source: Keras, ``keras.layers.MaxPooling1D``.

    Example:
        >>> tl.layers.MaxPooling1D()(tl.asarray([[[1.0], [5.0], [3.0], [2.0]]])).tolist()
        [[[5.0], [3.0]]]
    """

    _axes = 1


class AveragePooling2D(AveragePooling):
    """Return the mean of each window and channel: ``(batch, height, width, channels) → (batch, …, channels)``.

    Padding is not counted.

    Args:
        pool_size: the height and the width of a window, or one number for both.
        strides: the distance between windows, one number or two; None for the size of a window.
        padding: "valid" or "same", as in `Conv2D`.
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, …)``.

    The errors are those of `MaxPooling2D`.

    Source: Keras, ``keras.layers.AveragePooling2D``.

    Example:
        >>> tl.layers.AveragePooling2D()(tl.asarray([[[[1.0], [5.0]], [[3.0], [3.0]]]])).tolist()
        [[[[3.0]]]]
    """

    _axes = 2


class AveragePooling1D(AveragePooling):
    """Return the mean of each window and channel: ``(batch, steps, channels) → (batch, new steps, channels)``.

    Padding is not counted.

    Args:
        pool_size: the length of a window.
        strides: the distance between windows; None for the size of a window.
        padding: "valid" or "same", as in `Conv2D`.
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, steps)``.

    The errors are those of `MaxPooling2D`.

    Source: Keras, ``keras.layers.AveragePooling1D``.

    Example:
        >>> tl.layers.AveragePooling1D()(tl.asarray([[[1.0], [5.0], [3.0], [2.0]]])).tolist()
        [[[3.0], [2.5]]]
    """

    _axes = 1


class GlobalPooling(Windowed):
    """The base of layers that combine all elements of a channel."""

    samplewise = True
    _mean: bool

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self._set_format(data_format)
        self.keepdims = keepdims

    def call(self, inputs: Tensor) -> Tensor:
        """Combine all elements of each channel."""
        self._check(inputs.shape)
        inputs = inputs.astype(self.dtype)
        first = 1 if self.data_format == "channels_last" else 2
        axes = tuple(range(first, first + self._axes))
        reduce = ops.mean if self._mean else ops.max
        result: Tensor = reduce(inputs, axis=axes, keepdims=self.keepdims)
        return result

    def _output_lengths(self, lengths: Lengths) -> Lengths:
        return (lengths[0], *((1,) * self._axes if self.keepdims else ()), lengths[-1])


class GlobalAveragePooling2D(GlobalPooling):
    """Return the mean of each channel of an image: ``(batch, height, width, channels) → (batch, channels)``.

    Args:
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, …)``.
        keepdims: whether to keep the reduced axes, with length 1.

    Raises:
        ArgumentError: for an unknown data format.
        ShapeError: in a call, for inputs of another rank.

    Source: Keras, ``keras.layers.GlobalAveragePooling2D``.

    Example:
        >>> tl.layers.GlobalAveragePooling2D()(tl.ones((2, 4, 5, 3))).shape
        (2, 3)
    """

    _axes = 2
    _mean = True


class GlobalMaxPooling2D(GlobalPooling):
    """Return the maximum of each channel of an image: ``(batch, height, width, channels) → (batch, channels)``.

    Args:
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, …)``.
        keepdims: whether to keep the reduced axes, with length 1.

    The errors are those of `GlobalAveragePooling2D`.

    Source: Keras, ``keras.layers.GlobalMaxPooling2D``.

    Example:
        >>> tl.layers.GlobalMaxPooling2D()(tl.ones((2, 4, 5, 3))).shape
        (2, 3)
    """

    _axes = 2
    _mean = False


class GlobalAveragePooling1D(GlobalPooling):
    """Return the mean of each channel of a sequence: ``(batch, steps, channels) → (batch, channels)``.

    If the inputs have a mask, the mean is that of the steps where it is true; it is NaN if there is none.

    Args:
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, steps)``.
        keepdims: whether to keep the reduced axis, with length 1.

    The errors are those of `GlobalAveragePooling2D`.

    Source: Keras, ``keras.layers.GlobalAveragePooling1D``.

    Example:
        >>> tl.layers.GlobalAveragePooling1D()(tl.ones((2, 4, 3))).shape
        (2, 3)
    """

    supports_masking = True
    samplewise = True
    _axes = 1
    _mean = True

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        """Return None, as the outputs have no steps."""

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the mean of each channel; with a mask, ``(batch, steps)``, that of the steps where it is true."""
        if mask is None:
            return super().call(inputs)
        self._check(inputs.shape)
        inputs = inputs.astype(self.dtype)
        steps = 1 if self.data_format == "channels_last" else 2
        counted = ops.expand_dims(mask, axis=3 - steps).astype("bool")
        total = ops.sum(ops.where(counted, inputs, ops.zeros_like(inputs)), axis=steps, keepdims=self.keepdims)
        result: Tensor = total / ops.sum(counted.astype(self.dtype), axis=steps, keepdims=self.keepdims)
        return result


class GlobalMaxPooling1D(GlobalPooling):
    """Return the maximum of each channel of a sequence: ``(batch, steps, channels) → (batch, channels)``.

    Args:
        data_format: "channels_last", which is the default, or "channels_first" for ``(batch, channels, steps)``.
        keepdims: whether to keep the reduced axis, with length 1.

    The errors are those of `GlobalAveragePooling2D`.

    Source: Keras, ``keras.layers.GlobalMaxPooling1D``.

    Example:
        >>> tl.layers.GlobalMaxPooling1D()(tl.ones((2, 4, 3))).shape
        (2, 3)
    """

    _axes = 1
    _mean = False
