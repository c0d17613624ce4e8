"""The CUDA backend of tensorlab, a plugin like any other.

Importing it imports no part of Numba: the GPU is looked for when the device is first used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tensorlab import hookimpl
from tensorlab_cuda.persistent import fit_persistent
from tensorlab_cuda.precision import matmul_precision

if TYPE_CHECKING:
    from tensorlab.backends import Backend

__version__ = "0.1.0"

__all__ = ["fit_persistent", "matmul_precision"]


def _backend() -> Backend:
    from tensorlab_cuda.backend import CUDABackend

    return CUDABackend()


@hookimpl
def tensorlab_register_backends() -> dict[str, Callable[[], Backend]]:
    """The device "cuda"."""
    return {"cuda": _backend}
