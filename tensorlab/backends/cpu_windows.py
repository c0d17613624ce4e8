"""The part of the CPU backend that computes with the windows of images: convolutions and pooling."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab.backends import checks
from tensorlab.backends.host import Array, contiguous
from tensorlab.backends.host_windows import Convolution, HostWindows
from tensorlab.backends.listening import POOL, launched, listening
from tensorlab.dtypes import DType
from tensorlab.forks import guard
from tensorlab.kernels import catalogue
from tensorlab.scalars import ScalarFunction
from tensorlab.shapes import Shape
from tensorlab.windows import Windows

_CHANNELS = 16
"""The minimum number of channels and filters for Winograd's method: enough for products of matrices, and for a vector
of the transforms."""


@functools.lru_cache(maxsize=1024)
def suits_winograd(windows: Windows, images: Shape, filters: int) -> bool:
    """Return whether a convolution is faster by Winograd's method, which computes tiles of 2 × 2 outputs."""
    if (windows.size, windows.strides, windows.dilation, windows.groups) != ((3, 3), (1, 1), (1, 1), 1):
        return False
    if min(images[3], filters) < _CHANNELS or max(map(max, windows.padding)) > 2:
        return False
    down, across = windows.counts((images[1], images[2]))
    products, usual = 16 * ((down + 1) // 2) * ((across + 1) // 2), 9 * down * across
    return products * 3 <= usual * 2


def _flipped(windows: Windows) -> Windows:
    """Return the windows of the outputs that see a pixel, for windows of 3 × 3 that suit Winograd's method."""
    (top, bottom), (left, right) = windows.padding
    return Windows(windows.size, padding=((2 - top, 2 - bottom), (2 - left, 2 - right)))


class WindowKernels(HostWindows):
    """The methods of the protocol for windows. `CPUBackend` has what they use: the pool and the tasks of products."""

    _kernels: dict[Any, Any]

    @abstractmethod
    def _pool(self) -> int:
        """Return the address of the pool, or 0."""

    @abstractmethod
    def _product(
        self, dtype: DType, keep: bool, epilogue: ScalarFunction | None, operands: int
    ) -> tuple[Callable[..., int], int, int, Callable[[int], None]]:
        """Return the kernel of products, its tasks, its epilogue, and what compiles missing tasks."""

    def _convolve(self, convolution: Convolution, result: Array, product: Array | None, flips: bool = False) -> None:
        """Copy some windows at a time to a buffer, multiply them by the kernel, and apply the epilogue to each tile.

        With ``flips`` the kernel is mirrored in rows and columns, and its channels and filters are exchanged.
        """
        windows, images, weights, epilogue, operands = convolution
        dtype, filters = result.dtype, result.shape[3]
        key = ("convolve", None if epilogue is None else epilogue.key, dtype.num, product is not None)
        found = self._kernels.get(key)
        if found is None:
            found = self._kernels[key] = self._product(dtype, product is not None, epilogue, len(operands))
        _, tasks, finish, compile_tasks = found
        words = _words(windows, images.shape, filters)
        if suits_winograd(windows, images.shape, filters):
            kernel = self._windows_kernel(catalogue.winograd_kernel, dtype)
            first: tuple[Any, ...] = (tasks, finish, words, int(flips), result)
        else:
            kernel = self._windows_kernel(catalogue.convolve_kernel, dtype)
            first = (tasks, finish, words, result)
        x, w = contiguous(images), contiguous(weights)
        bias = contiguous(operands[0]) if operands else None
        z, p = 0 if product is None else id(product), 0 if bias is None else id(bias)
        while missing := kernel(self._pool(), *first, z, x, w, p):
            compile_tasks(missing)
        if listening[0]:
            others = 0 if product is None else product, x, w, 0 if bias is None else bias
            launched(kernel, (POOL, *first, *others), (result,) if product is None else (result, product))

    def convolve_weights(self, windows: Windows, images: Array, outputs: Array) -> Array:
        """Multiply the transposed windows by the outputs: partial sums, which are then added."""
        checks.check_windows("convolve_weights", np.ndarray, windows, images, outputs)
        shape = (*windows.size, images.shape[3] // windows.groups, outputs.shape[3])
        suits = suits_winograd(windows, images.shape, shape[3])
        maker = catalogue.winograd_weights_kernel if suits else catalogue.convolve_weights_kernel
        return self._multiplied(maker, windows, images.shape, shape, images, outputs)

    def convolve_images(self, windows: Windows, shape: Shape, outputs: Array, weights: Array) -> Array:
        """Multiply the outputs by the transposed kernel, and add the resulting windows to the images."""
        checks.check_windows("convolve_images", np.ndarray, windows, None, outputs, weights, shape)
        if outputs.size and suits_winograd(windows, shape, outputs.shape[3]):
            back = _flipped(windows)
            if suits_winograd(back, outputs.shape, shape[3]):
                result = np.empty(shape, outputs.dtype)
                self._convolve(Convolution(back, outputs, weights), result, None, flips=True)
                return result
        return self._multiplied(catalogue.convolve_images_kernel, windows, shape, shape, outputs, weights)

    def _multiplied(self, maker: Any, windows: Windows, images: Shape, shape: Shape, *factors: Array) -> Array:
        """Return an array of a shape, which a kernel computes from two others by matrix products."""
        dtype = factors[0].dtype
        if not all([x.size for x in factors]):
            return np.zeros(shape, dtype)
        result = np.empty(shape, dtype)
        if result.size:
            key = ("matmul", None, dtype.num, False)
            found = self._kernels.get(key)
            if found is None:
                found = self._kernels[key] = self._product(dtype, False, None, 0)
            _, tasks, _, compile_tasks = found
            filters = factors[-1].shape[3]
            arguments = (tasks, _words(windows, images, filters), result, *map(contiguous, factors))
            kernel = self._windows_kernel(maker, dtype)
            while missing := kernel(self._pool(), *arguments):
                compile_tasks(missing)
            if listening[0]:
                launched(kernel, (POOL, *arguments), (result,))
        return result

    def window_max(self, windows: Windows, images: Array) -> tuple[Array, Array]:
        """Compute the windows of each row of outputs, all channels at once."""
        shape = checks.check_windows("window_max", np.ndarray, windows, images)
        result, taps = np.empty(shape, images.dtype), np.empty(shape, np.int32)
        if result.size:
            self._pooled(catalogue.window_max_kernel, windows, images.shape, (result, taps), images)
        return result, taps

    def window_sum(self, windows: Windows, images: Array, taps: Array | None = None) -> Array:
        """Compute the windows of each row of outputs, all channels at once."""
        shape = checks.check_windows("window_sum", np.ndarray, windows, images, taps=taps)
        result = np.empty(shape, images.dtype)
        if result.size:
            maker = catalogue.window_sum_kernel
            self._pooled(maker, windows, images.shape, (result,), images, *([] if taps is None else [taps]))
        return result

    def window_spread(self, windows: Windows, shape: Shape, outputs: Array, taps: Array | None = None) -> Array:
        """Add the windows of one image after another to its pixels."""
        checks.check_windows("window_spread", np.ndarray, windows, None, outputs, shape=shape, taps=taps)
        if not outputs.size:
            return np.zeros(shape, outputs.dtype)
        result = np.empty(shape, outputs.dtype)
        maker = catalogue.window_spread_kernel
        self._pooled(maker, windows, shape, (result,), outputs, *([] if taps is None else [taps]))
        return result

    def _pooled(
        self, maker: Any, windows: Windows, images: Shape, results: tuple[Array, ...], source: Array, *taps: Array
    ) -> None:
        kernel = self._windows_kernel(maker, source.dtype)
        words = _words(windows, images, images[3])
        x = contiguous(source)
        chosen = [contiguous(each) for each in taps]
        if maker is catalogue.window_max_kernel:
            kernel(self._pool(), words, *results, x)
            arguments: tuple[Any, ...] = (POOL, words, *results, x)
        else:
            kernel(self._pool(), words, *results, x, id(chosen[0]) if chosen else 0)
            arguments = (POOL, words, *results, x, chosen[0] if chosen else 0)
        if listening[0]:
            launched(kernel, arguments, results)

    def _windows_kernel(self, maker: Any, dtype: DType) -> Callable[..., Any]:
        found: Callable[..., Any] | None = self._kernels.get((maker, dtype.num))
        if found is None:
            found = self._kernels[maker, dtype.num] = maker(dtype.name)
        return found


def _words(windows: Windows, images: Shape, filters: int) -> Array:
    with guard:
        from tensorlab.kernels.windows.geometry import geometry

    return geometry(windows, images, filters)
