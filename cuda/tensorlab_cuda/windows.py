"""Convolutions and pooling, which have no kernels here: the host computes them, after the declared fallback."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab.backends import CPUBackend
from tensorlab.scalars import ScalarFunction
from tensorlab.windows import Windows
from tensorlab_cuda import fallback
from tensorlab_cuda.buffer import Buffer
from tensorlab_cuda.layout import Shape
from tensorlab_cuda.memory import DeviceMemory

_host = functools.cache(CPUBackend)


class WindowsOnHost(DeviceMemory):
    """The methods of the protocol for windows."""

    def convolve(
        self,
        windows: Windows,
        images: Buffer,
        weights: Buffer,
        epilogue: ScalarFunction | None = None,
        operands: Sequence[Buffer] = (),
        keep: bool = False,
    ) -> tuple[Buffer, Buffer | None]:
        """Convolve on the host."""
        arrays = [self._fetched("convolve", x) for x in operands]
        given = self._fetched("convolve", images), self._fetched("convolve", weights)
        result, product = _host().convolve(windows, *given, epilogue, arrays, keep)
        return self.from_host(result), None if product is None else self.from_host(product)

    def convolve_weights(self, windows: Windows, images: Buffer, outputs: Buffer) -> Buffer:
        """Compute the gradient of the kernel on the host."""
        arrays = [self._fetched("convolve", x) for x in (images, outputs)]
        return self.from_host(_host().convolve_weights(windows, *arrays))

    def convolve_images(self, windows: Windows, shape: Shape, outputs: Buffer, weights: Buffer) -> Buffer:
        """Compute the gradient of the images on the host."""
        arrays = [self._fetched("convolve", x) for x in (outputs, weights)]
        return self.from_host(_host().convolve_images(windows, shape, *arrays))

    def window_max(self, windows: Windows, images: Buffer) -> tuple[Buffer, Buffer]:
        """Compute the maxima on the host."""
        result, taps = _host().window_max(windows, self._fetched("pooling", images))
        return self.from_host(result), self.from_host(taps)

    def window_sum(self, windows: Windows, images: Buffer, taps: Buffer | None = None) -> Buffer:
        """Compute the sums on the host."""
        chosen = None if taps is None else self._fetched("pooling", taps)
        return self.from_host(_host().window_sum(windows, self._fetched("pooling", images), chosen))

    def window_spread(self, windows: Windows, shape: Shape, outputs: Buffer, taps: Buffer | None = None) -> Buffer:
        """Compute the gradient of sums on the host."""
        chosen = None if taps is None else self._fetched("pooling", taps)
        return self.from_host(_host().window_spread(windows, shape, self._fetched("pooling", outputs), chosen))

    def _fetched(self, operation: str, buffer: Buffer) -> np.ndarray[Any, Any]:
        """Return a buffer as an array, after the fallback has warned or raised; anything else unchanged."""
        fallback.report(operation)
        return self.to_host(buffer) if isinstance(buffer, Buffer) else buffer
