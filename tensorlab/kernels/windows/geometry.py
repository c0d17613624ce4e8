"""What the kernels of windows know about shapes; Numba is not imported."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from tensorlab.windows import Windows


class Geometry(NamedTuple):
    """The shapes of images and outputs, and the windows that connect them (see `tensorlab.windows.Windows`)."""

    batch: int
    height: int
    width: int
    channels: int
    windows_down: int
    windows_across: int
    filters: int
    """The channels of the outputs; those of the images for pooling."""
    rows: int
    columns: int
    stride_down: int
    stride_across: int
    dilation_down: int
    dilation_across: int
    top: int
    left: int
    groups: int


@functools.lru_cache(maxsize=1024)
def geometry(windows: Windows, images: tuple[int, ...], filters: int) -> np.ndarray[Any, Any]:
    """Return the words of a `Geometry`; always the same array for equal arguments."""
    batch, height, width, channels = images
    counts = windows.counts((height, width))
    (top, _), (left, _) = windows.padding
    found = Geometry(
        *(batch, height, width, channels, *counts, filters),
        *(*windows.size, *windows.strides, *windows.dilation, top, left, windows.groups),
    )
    words = np.array(found, np.int64)
    words.flags.writeable = False
    return words
