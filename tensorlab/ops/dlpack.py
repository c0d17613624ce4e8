"""Memory that another library made."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import dtypes
from tensorlab.devices import backend as find_backend
from tensorlab.errors import ArgumentError, ArgumentTypeError, DeviceError, DTypeError
from tensorlab.tensor import Tensor, adopted, asarray

__all__ = [
    "from_dlpack",
]


def from_dlpack(x: Any, /, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """A tensor that shares its memory with an array of another library.

    It is on the array's own device: the host, or one that a plugin has a backend for. What that library writes into its
    array afterwards changes the tensor, as `asarray` says.

    Args:
        x: an array with ``__dlpack__``, e.g. of PyTorch, JAX, CuPy or NumPy.
        device: where to put it; None for where it is.
        copy: True for memory of its own, False to refuse a copy, None for what is cheapest.

    Raises:
        ArgumentTypeError: for something without ``__dlpack__``.
        ArgumentError: if the other library refuses, or if ``copy`` is False and one is needed.
        DTypeError: for a dtype that tensorlab does not have, such as float16.
        DeviceError: for an array on a device that no plugin has a backend for, unless ``device`` says where to copy it.
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
        return asarray(_on_host(x, device="cpu"), device=device)  # its own library copies it
    if here is not None:
        if copy is False and device is not None and find_backend(device) is not here._backend:
            raise ArgumentError(who, f"device {here.device!r} with copy=False", repr(device))
        return asarray(here, device=device, copy=copy)
    array, place = _on_host(x), device or "cpu"
    result = asarray(array, device=place, copy=copy or None)
    if copy is False and not np.may_share_memory(result.numpy(), array) and array.size:
        raise ArgumentError(who, "a device that shares the host's memory, for copy=False", repr(place))
    return result


def _on_host(x: Any, **options: Any) -> np.ndarray[Any, Any]:
    """The array as one of NumPy, of a dtype that tensorlab has."""
    who, known = "from_dlpack", f"one of {', '.join(dtypes.NAMES)}"
    try:  # older libraries do not know of options, and need none where there is nothing to copy
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
