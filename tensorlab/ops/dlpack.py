"""Share the memory of other libraries' arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import dtypes
from tensorlab.devices import backend as find_backend
from tensorlab.errors import ArgumentError, ArgumentTypeError, DeviceError, DTypeError, short_repr
from tensorlab.tensor import Tensor, adopted, asarray

__all__ = [
    "from_dlpack",
]


def from_dlpack(x: Any, /, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """Return a tensor that shares the memory of another library's array.

    It is on the device of the array: the host, or a device for which a plugin has a backend. If the other library
    writes to the array later, the tensor changes too; see `asarray`.

    Args:
        x: an array with ``__dlpack__``, e.g. of PyTorch, JAX, CuPy or NumPy.
        device: the device of the result; None for that of the array.
        copy: True to copy, False to raise if a copy is needed, None to copy only if needed.

    Raises:
        ArgumentTypeError: for something without ``__dlpack__``.
        ArgumentError: if the other library does not export the array, or if ``copy`` is False and a copy is needed.
        DTypeError: for a dtype that tensorlab does not have, such as float16.
        DeviceError: for an array on a device without a backend, unless ``device`` is given.
        UnknownNameError: if no plugin registers a backend of the name ``device``.

    Source: Python array API standard, ``from_dlpack``.
    """
    who = "from_dlpack"
    if not isinstance(x, Tensor) and not (hasattr(x, "__dlpack__") and hasattr(x, "__dlpack_device__")):
        raise ArgumentTypeError(who, "an array with __dlpack__", type(x).__name__, "use tl.asarray")
    try:
        here = x if isinstance(x, Tensor) else adopted(who, x, copy)
    except DeviceError:
        if device is None or copy is False:
            raise
        return asarray(_on_host(x, device="cpu"), device=device)  # the other library copies it to the host
    if here is not None:
        if copy is False and device is not None and find_backend(device) is not here._backend:
            raise ArgumentError(who, f"device {here.device!r} with copy=False", short_repr(device))
        return asarray(here, device=device, copy=copy)
    array, target = _on_host(x), device or "cpu"
    result = asarray(array, device=target, copy=copy or None)
    if copy is False and not np.may_share_memory(result.numpy(), array) and array.size:
        raise ArgumentError(who, "a device that shares the host's memory, for copy=False", short_repr(target))
    return result


def _on_host(x: Any, **options: Any) -> np.ndarray[Any, Any]:
    """Convert the array to a NumPy array of a dtype that tensorlab has."""
    who, known = "from_dlpack", f"one of {', '.join(dtypes.NAMES)}"
    try:  # options are passed only if a copy is needed, as older libraries do not accept them
        array: np.ndarray[Any, Any] = np.from_dlpack(x, **options)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        if "dtype" in str(error):
            raise DTypeError(who, known, _dtype(x), str(error)) from None
        raise ArgumentError(who, "an array that its library exports", type(x).__name__, str(error)) from None
    if array.dtype not in map(np.dtype, dtypes.NAMES):
        raise DTypeError(who, known, _dtype(x), "convert it first")
    return array


def _dtype(x: Any) -> str:
    return str(getattr(x, "dtype", type(x).__name__))
