"""The CUDA backend of tensorlab, a plugin like any other.

Importing it does not import Numba; the GPU is looked for when the device is first used.
"""

from __future__ import annotations

from collections.abc import Callable

from tensorlab import hookimpl
from tensorlab.backends import Backend
from tensorlab_cuda.backend import CUDABackend
from tensorlab_cuda.persistent import fit_persistent
from tensorlab_cuda.precision import matmul_precision

__version__ = "0.1.0"

__all__ = ["fit_persistent", "matmul_precision"]


@hookimpl
def tensorlab_register_backends() -> dict[str, Callable[[], Backend]]:
    """Register the device "cuda"."""
    return {"cuda": CUDABackend}
