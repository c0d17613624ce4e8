"""Memory that another library made."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import dtypes
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError
from tensorlab.tensor import Tensor, asarray

__all__ = [
    "from_dlpack",
]

_HOST = (1, 3, 11, 13)
"""DLPack's numbers for memory that the processor reads: its own, and what CUDA and ROCm share with it."""


def from_dlpack(x: Any, /, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """A tensor that shares its memory with an array of another library, where both are on the host.

    What that library writes into its array afterwards changes the tensor.

    Args:
        x: an array with ``__dlpack__``, e.g. of PyTorch, JAX or NumPy; one on another device is copied to the host.
        device: where to put it; None for the host, or for a tensor's own device.
        copy: True for memory of its own, False to refuse a copy, None for what is cheapest.

    Raises:
        ArgumentTypeError: for something without ``__dlpack__``.
        ArgumentError: if the other library refuses, or if ``copy`` is False and one is needed.
        DTypeError: for a dtype that tensorlab does not have, such as float16.
        UnknownNameError: if no plugin registers a backend of the name ``device``.

    Source: Python array API standard, ``from_dlpack``.
    """
    if isinstance(x, Tensor):
        if copy is False and device not in (None, x.device):
            raise ArgumentError("from_dlpack", f"device {x.device!r} with copy=False", repr(device))
        return asarray(x, device=device, copy=copy)
    if not hasattr(x, "__dlpack__") or not hasattr(x, "__dlpack_device__"):
        raise ArgumentTypeError("from_dlpack", "an array with __dlpack__", type(x).__name__, "use tl.asarray")
    elsewhere = x.__dlpack_device__()[0] not in _HOST
    if elsewhere and copy is False:
        raise ArgumentError("from_dlpack", "an array in the host's memory, for copy=False", type(x).__name__)
    try:  # older libraries do not know of the options, and need not where there is nothing to copy
        array = np.from_dlpack(x, device="cpu") if elsewhere else np.from_dlpack(x)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        if "dtype" in str(error):
            raise DTypeError("from_dlpack", f"one of {', '.join(dtypes.NAMES)}", _dtype(x), str(error)) from None
        raise ArgumentError("from_dlpack", "an array that its library exports", type(x).__name__, str(error)) from None
    if array.dtype not in map(np.dtype, dtypes.NAMES):
        raise DTypeError("from_dlpack", f"one of {', '.join(dtypes.NAMES)}", _dtype(x), "convert it first")
    place = "cpu" if device is None else device
    result = asarray(array, device=place, copy=copy or None)
    if copy is False and not np.may_share_memory(result.numpy(), array) and array.size:
        raise ArgumentError("from_dlpack", "a device that shares the host's memory, for copy=False", repr(place))
    return result


def _dtype(x: Any) -> str:
    return str(getattr(x, "dtype", type(x).__name__))
