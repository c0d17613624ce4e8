"""The definition of convolutions and pooling: one element of all windows after another, in float64."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tensorlab.backends import checks
from tensorlab.backends.host import Array
from tensorlab.backends.host_windows import Convolution, HostWindows
from tensorlab.dtypes import DType
from tensorlab.scalars import ScalarFunction
from tensorlab.shapes import Shape
from tensorlab.windows import Windows

Places = tuple[slice, slice, slice]


def _groups(windows: Windows, channels: int, filters: int) -> Iterator[tuple[slice, slice]]:
    """Yield the channels and the filters of each group."""
    depth, inner = channels // windows.groups, filters // windows.groups
    for group in range(windows.groups):
        yield slice(group * depth, (group + 1) * depth), slice(group * inner, (group + 1) * inner)


def _places(windows: Windows, images: Shape) -> Iterator[tuple[tuple[int, int], Places, Places]]:
    """Yield each element of a window, and the indices of outputs and images that it connects."""
    for place, found, pixels in windows.taps((images[1], images[2])):
        yield place, (slice(None), *found), (slice(None), *pixels)


class WindowDefinitions(HostWindows):
    """The methods of the protocol for windows, in NumPy."""

    @abstractmethod
    def map(
        self, function: ScalarFunction, compute: DType, inputs: Sequence[DType], outputs: Sequence[DType]
    ) -> Callable[..., Any]:
        """Return a function that computes one element after another."""

    def _convolve(self, convolution: Convolution, result: Array, product: Array | None) -> None:
        """Add the products of the pixels with each element of the kernel."""
        windows, images, weights, epilogue, operands = convolution
        total = np.zeros(result.shape)
        for place, found, pixels in _places(windows, images.shape):
            for channels, filters in _groups(windows, images.shape[3], result.shape[3]):
                kernel = weights[place].astype(np.float64)[:, filters]
                total[(*found, filters)] += _product(images[(*pixels, channels)], kernel)
        result[:] = _rounded(total, images.dtype)
        if product is not None:
            product[:] = result
        if epilogue is not None:
            finish = self.map(epilogue, images.dtype, [images.dtype] * (1 + len(operands)), [images.dtype])
            result[:] = finish(result.shape, result, *operands)

    def convolve_weights(self, windows: Windows, images: Array, outputs: Array) -> Array:
        """Multiply the pixels of each element of the kernel by the outputs."""
        checks.check_windows("convolve_weights", np.ndarray, windows, images, outputs)
        total = np.zeros((*windows.size, images.shape[3] // windows.groups, outputs.shape[3]))
        for place, found, pixels in _places(windows, images.shape):
            for channels, filters in _groups(windows, images.shape[3], outputs.shape[3]):
                x, y = images[(*pixels, channels)], outputs[(*found, filters)]
                matrix = x.reshape((-1, x.shape[-1])).T if x.size else np.zeros((x.shape[-1], 0))
                total[place][:, filters] = _product(matrix, y.reshape((matrix.shape[1], y.shape[-1])))
        return _rounded(total, images.dtype)

    def convolve_images(self, windows: Windows, shape: Shape, outputs: Array, weights: Array) -> Array:
        """Add the products of the outputs with each element of the kernel to its pixels."""
        checks.check_windows("convolve_images", np.ndarray, windows, None, outputs, weights, shape)
        total = np.zeros(shape)
        for place, found, pixels in _places(windows, shape):
            for channels, filters in _groups(windows, shape[3], outputs.shape[3]):
                total[(*pixels, channels)] += _product(outputs[(*found, filters)], weights[place][:, filters].T)
        return _rounded(total, outputs.dtype)

    def window_max(self, windows: Windows, images: Array) -> tuple[Array, Array]:
        """Compare one element of each window after another with the largest before it."""
        shape = checks.check_windows("window_max", np.ndarray, windows, images)
        best, taps = np.full(shape, -np.inf, images.dtype), np.full(shape, -1, np.int32)
        for (i, j), found, pixels in _places(windows, images.shape):
            value, before, chosen = images[pixels], best[found], taps[found]
            larger = (chosen < 0) | (value > before) | (np.isnan(value) & ~np.isnan(before))
            best[found] = np.where(larger, value, before)
            taps[found] = np.where(larger, i * windows.size[1] + j, chosen)
        return best, taps

    def window_sum(self, windows: Windows, images: Array, taps: Array | None = None) -> Array:
        """Add one element of each window after another."""
        shape = checks.check_windows("window_sum", np.ndarray, windows, images, taps=taps)
        total = np.zeros(shape)
        for (i, j), found, pixels in _places(windows, images.shape):
            value = images[pixels]
            total[found] += value if taps is None else np.where(taps[found] == i * windows.size[1] + j, value, 0)
        return _rounded(total, images.dtype)

    def window_spread(self, windows: Windows, shape: Shape, outputs: Array, taps: Array | None = None) -> Array:
        """Add the outputs to one element of each window after another."""
        checks.check_windows("window_spread", np.ndarray, windows, None, outputs, shape=shape, taps=taps)
        total = np.zeros(shape)
        for (i, j), found, pixels in _places(windows, shape):
            value = outputs[found]
            total[pixels] += value if taps is None else np.where(taps[found] == i * windows.size[1] + j, value, 0)
        return _rounded(total, outputs.dtype)


def _product(a: Array, b: Array) -> Array:
    """Return the product in float64, without warnings about infinite numbers."""
    with np.errstate(all="ignore"):
        product: Array = a.astype(np.float64) @ b.astype(np.float64)
    return product


def _rounded(total: Array, dtype: DType) -> Array:
    with np.errstate(all="ignore"):
        return total.astype(dtype)
