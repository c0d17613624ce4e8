"""What the CPU backend and the reference backend share of the protocol for windows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tensorlab.backends import checks
from tensorlab.backends.host import Array, HostMemory
from tensorlab.scalars import ScalarFunction
from tensorlab.windows import Windows


class Convolution(NamedTuple):
    """A convolution, and the function that is applied to it."""

    windows: Windows
    images: Array
    weights: Array
    epilogue: ScalarFunction | None = None
    operands: Sequence[Array] = ()
    """Further arguments of the epilogue."""


class HostWindows(HostMemory):
    """A backend whose arrays are NumPy's, and which computes with the windows of images."""

    @abstractmethod
    def _convolve(self, convolution: Convolution, result: Array, product: Array | None) -> None:
        """Compute a convolution that has elements.

        Args:
            convolution: what to compute.
            result: the array for the result.
            product: the array for what the epilogue is applied to, if it is to be kept.
        """

    def convolve(
        self,
        windows: Windows,
        images: Array,
        weights: Array,
        epilogue: ScalarFunction | None = None,
        operands: Sequence[Array] = (),
        keep: bool = False,
    ) -> tuple[Array, Array | None]:
        """Check the arguments, and compute the convolution."""
        shape = checks.check_convolution(np.ndarray, windows, images, weights, epilogue, operands)
        checks.check_operands("convolve", operands, 1)
        result = np.empty(shape, images.dtype)
        product = np.empty(shape, images.dtype) if keep else None
        if result.size:
            self._convolve(Convolution(windows, images, weights, epilogue, operands), result, product)
        return result, product
