"""`Windowed`: what layers over the windows of sequences and images have in common."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, ClassVar, cast

from tensorlab import ops
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.layers.base import Layer
from tensorlab.loading import check_count
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor
from tensorlab.windows import Pair, Windows

Lengths = tuple[int | None, ...]

_FORMATS = ("channels_last", "channels_first")
_MAX_WINDOW = 1 << 20
"""The number of pixels of a window above which a layer is not made from a file; pooling looks at each in Python."""


def choice(who: str, value: Any, choices: Sequence[str]) -> str:
    """Return a name in lower case.

    Raises:
        ArgumentError: unless it is one of the choices.
    """
    name = value.lower() if isinstance(value, str) else ""
    if name not in choices:
        expected = f"{', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}"
        raise ArgumentError(who, expected, short_repr(value))
    return name


def integers(who: str, value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """Return ``count`` integers, given as a sequence or as one integer for all.

    Raises:
        ArgumentError: unless they are integers of at least ``least``.
    """
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    try:
        numbers = tuple([operator.index(item) for item in given])
    except TypeError:
        numbers = ()
    if len(numbers) != count or min(numbers) < least or any(isinstance(item, bool) for item in given):
        several = f"an integer or {count} integers" if count > 1 else "an integer"
        raise ArgumentError(who, f"{several} of at least {least}", short_repr(value))
    return numbers


class Windowed(Layer):
    """The base of layers whose inputs have one or two axes between the batch and the channels.

    Internally all of them compute with images ``(batch, height, width, channels)``; a sequence is an image of height 1.
    """

    _axes: ClassVar[int]
    _takes_one = True
    data_format: str

    def _set_format(self, data_format: Any) -> None:
        name = f"{self._who} data_format"
        self.data_format = _FORMATS[0] if data_format is None else choice(name, data_format, _FORMATS)

    def _integers(self, name: str, value: Any, least: int = 1) -> tuple[int, ...]:
        found = integers(f"{self._who} {name}", value, self._axes, least)
        check_count(f"{self._who} {name}", math.prod(found), _MAX_WINDOW)
        return found

    def _check(self, shape: Any) -> Lengths:
        """Return the shape of inputs with the channels last.

        Raises:
            ShapeError: if the rank is wrong.
        """
        if not isinstance(shape, (tuple, list)) or len(shape) != self._axes + 2:
            middle = ("steps",) if self._axes == 1 else ("height", "width")
            names = (*middle, "channels") if self.data_format == "channels_last" else ("channels", *middle)
            rank = len(shape) if isinstance(shape, (tuple, list)) else short_repr(shape)
            hint = "add an axis with expand_dims" if rank == self._axes + 1 else ""
            raise ShapeError(self._who, f"inputs of shape (batch, {', '.join(names)})", str(shape), hint)
        lengths = tuple(shape)
        return lengths if self.data_format == "channels_last" else (lengths[0], *lengths[2:], lengths[1])

    def _images(self, inputs: Tensor) -> Tensor:
        """Return the inputs as images, in the layer's dtype."""
        self._check(inputs.shape)
        inputs = inputs.astype(self.dtype)
        if self.data_format == "channels_first":
            inputs = ops.moveaxis(inputs, 1, -1)
        return inputs if self._axes == 2 else ops.expand_dims(inputs, axis=1)

    def _outputs(self, images: Tensor) -> Tensor:
        """Return images in the layout of the inputs."""
        outputs = images if self._axes == 2 else ops.squeeze(images, axis=1)
        return outputs if self.data_format == "channels_last" else ops.moveaxis(outputs, -1, 1)

    def _restored(self, lengths: Lengths) -> Lengths:
        """Return a shape with the channels last in the layout of the inputs."""
        return lengths if self.data_format == "channels_last" else (lengths[0], lengths[-1], *lengths[1:-1])

    def compute_output_shape(self, input_shape: Any) -> Lengths:
        """Return the shape of the outputs for a shape of inputs, in which lengths may be None.

        Raises:
            ShapeError: if the layer does not accept inputs of this shape.

        Source: Keras, ``keras.layers.Layer.compute_output_shape``.
        """
        return self._restored(self._output_lengths(self._check(input_shape)))

    def _output_lengths(self, lengths: Lengths) -> Lengths:
        raise NotImplementedError


def pair(numbers: tuple[int, ...], first: int = 1) -> Pair:
    """Return two numbers: those of both axes of an image, or of a sequence as an image."""
    return cast(Pair, numbers if len(numbers) == 2 else (first, *numbers))


def windows_of(
    layer: Windowed,
    image: Shape,
    size: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str,
    dilation: tuple[int, ...] | None = None,
    groups: int = 1,
) -> Windows:
    """Return the windows of images or sequences of these lengths.

    ``padding="valid"`` pads nothing. "same" pads so that an axis of length n has ⌈n / stride⌉ windows, with the larger
    half after it. "causal" pads before the first step, so that a window ends at its step.

    Raises:
        ShapeError: if an axis has no window.
    """
    dilation = dilation or (1,) * len(size)
    pads = []
    for length, extent, stride, step in zip(image, size, strides, dilation, strict=True):
        wide = (extent - 1) * step + 1
        total = 0 if padding == "valid" else max((-(-length // stride) - 1) * stride + wide - length, 0)
        pads.append((wide - 1, 0) if padding == "causal" else (total // 2, total - total // 2))
        if padding == "valid" and length < wide:
            least = tuple([(n - 1) * d + 1 for n, d in zip(size, dilation, strict=True)])
            names = ("steps",) if len(size) == 1 else ("height", "width")
            expected = " and ".join(f"{name} of at least {n}" for name, n in zip(names, least, strict=True))
            received = " and ".join(f"{name} {n}" for name, n in zip(names, image, strict=True))
            raise ShapeError(layer._who, f"inputs with {expected}", received, "use padding='same' or smaller windows")
    padded = ((0, 0), pads[0]) if len(size) == 1 else (pads[0], pads[1])
    return Windows(pair(size), pair(strides), pair(dilation), padded, groups)


def output_lengths(
    layer: Windowed,
    image: Lengths,
    size: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str,
    dilation: tuple[int, ...] | None = None,
) -> Lengths:
    """Return the number of windows along each axis, None where the length is."""
    dilation = dilation or (1,) * len(size)
    wide = [(n - 1) * step + 1 for n, step in zip(size, dilation, strict=True)]
    known = tuple([max(n, 1) if length is None else length for length, n in zip(image, wide, strict=True)])
    windows = windows_of(layer, known, size, strides, padding, dilation)
    counts = windows.counts(pair(known))[-len(size) :]
    return tuple([None if length is None else count for length, count in zip(image, counts, strict=True)])
