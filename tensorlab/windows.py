"""Windows: which elements of an image a convolution or a pooling layer combines."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

Pair = tuple[int, int]
Slices = tuple[slice, slice]


@dataclass(frozen=True)
class Windows:
    """The windows of images of shape ``(batch, height, width, channels)``, one for each element of the output.

    Element ``(i, j)`` of window ``(y, x)`` is the pixel ``(y · strides[0] + i · dilation[0] - padding[0][0],
    x · strides[1] + j · dilation[1] - padding[1][0])``. Pixels outside of the image are padding.

    Attributes:
        size: the height and the width of a window, at least 1.
        strides: the distance between windows along both axes, at least 1.
        dilation: the distance between the elements of a window along both axes, at least 1.
        padding: the number of padded pixels before and after both axes, at least 0.
        groups: the number of groups of channels. A group of filters reads only its own group of channels.
    """

    size: Pair
    strides: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0))
    groups: int = 1

    def counts(self, image: Pair) -> Pair:
        """Return the number of windows along both axes of an image of this height and width; 0 if none fits."""
        axes = zip(image, self.size, self.strides, self.dilation, self.padding, strict=True)
        down, across = (
            max((length + before + after - (size - 1) * dilation - 1) // stride + 1, 0)
            for length, size, stride, dilation, (before, after) in axes
        )
        return down, across

    def taps(self, image: Pair) -> Iterator[tuple[Pair, Slices, Slices]]:
        """Yield each element of a window: its place ``(i, j)``, the windows that have it in the image, and its pixels.

        Windows and pixels are slices along both axes, of the same lengths. The elements come in C order.
        """
        for place in itertools.product(*map(range, self.size)):
            windows: list[slice] = []
            pixels: list[slice] = []
            for axis, count in enumerate(self.counts(image)):
                stride = self.strides[axis]
                offset = place[axis] * self.dilation[axis] - self.padding[axis][0]
                first = max(-(offset // stride), 0)
                last = min((image[axis] - 1 - offset) // stride, count - 1)
                number = max(last - first + 1, 0)
                start = first * stride + offset if number else 0
                windows.append(slice(first, first + number))
                pixels.append(slice(start, start + number * stride - stride + 1 if number else 0, stride))
            yield (place[0], place[1]), (windows[0], windows[1]), (pixels[0], pixels[1])
