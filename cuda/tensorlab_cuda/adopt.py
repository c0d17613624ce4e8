"""Adopt arrays of other libraries on the device without a copy: DLPack and the CUDA array interface.

Source: Python array API standard, ``from_dlpack``; the CUDA array interface, version 3, in Numba's documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab.devices import kind_of
from tensorlab.dtypes import NAMES
from tensorlab.errors import ArgumentError, DeviceError, DTypeError
from tensorlab_cuda import dlpack, driver
from tensorlab_cuda.allocator import borrow
from tensorlab_cuda.buffer import Buffer
from tensorlab_cuda.layout import Layout, Shape, dense_strides

_DTYPES = [np.dtype(name) for name in NAMES]
_BY_CODE = {(dlpack.CODES[dtype.kind], 8 * dtype.itemsize, 1): dtype for dtype in _DTYPES}
_BY_TEXT = {dtype.str: dtype for dtype in _DTYPES}


def adopt(who: str, array: Any, copy: bool | None) -> Buffer:
    """Return a buffer in the memory of another library's array; see `tensorlab.backends.SharingBackend`."""
    if hasattr(array, "__dlpack__"):
        return _by_dlpack(who, array, copy)
    return _by_interface(who, array)


def _by_dlpack(who: str, array: Any, copy: bool | None) -> Buffer:
    kind, number = array.__dlpack_device__()
    used = driver.device().number
    if kind == dlpack.CUDA and number != used:
        hint = "copy it to that GPU with its own library"
        raise DeviceError(who, f"an array on GPU {used}, the one that this process uses", f"one on {number}", hint)
    options = {"max_version": (1, 0), **({"copy": False} if copy is False else {})}
    try:
        # Make our stream wait for the kernels that compute the array.
        try:
            capsule = array.__dlpack__(stream=driver.default_stream(), **options)
        except TypeError:  # an older library, which has no options and never copies
            capsule = array.__dlpack__(stream=driver.default_stream())
        taken = dlpack.Taken(capsule)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        words = " ".join(str(error).split())
        raise ArgumentError(who, "an array that its library exports", kind_of(array), words) from error
    inside = taken.tensor
    dtype = _BY_CODE.get((inside.code, inside.bits, inside.lanes))
    if dtype is None:
        raise _unknown(who, getattr(array, "dtype", f"DLPack's {(inside.code, inside.bits, inside.lanes)}"))
    shape = tuple(inside.shape[: inside.ndim])
    strides = tuple(inside.strides[: inside.ndim]) if inside.strides else dense_strides(shape)
    buffer = _borrowed(who, (inside.data or 0) + inside.byte_offset, dtype, shape, strides, taken.give_back)
    if buffer.size:
        taken.keep()
    return buffer


def _by_interface(who: str, array: Any) -> Buffer:
    described = array.__cuda_array_interface__
    dtype = _BY_TEXT.get(described["typestr"])
    if dtype is None:
        raise _unknown(who, described["typestr"])
    if described.get("mask") is not None:
        raise ArgumentError(who, "an array without a mask", kind_of(array), "fill in what it hides")
    shape, steps = tuple(described["shape"]), described.get("strides")
    if any(step % dtype.itemsize for step in steps or ()):
        raise ArgumentError(who, f"strides in whole elements of {dtype}", f"{tuple(steps)} bytes", "copy it first")
    strides = dense_strides(shape) if steps is None else tuple(step // dtype.itemsize for step in steps)
    buffer = _borrowed(who, described["data"][0], dtype, shape, strides, [array].clear)
    if described.get("stream") not in (None, driver.default_stream()):
        driver.synchronize()  # kernels that compute the array may still run
    return buffer


def _unknown(who: str, dtype: Any) -> DTypeError:
    return DTypeError(who, f"one of {', '.join(NAMES)}", str(dtype), "convert it first")


def _borrowed(
    who: str, address: int, dtype: np.dtype[Any], shape: Shape, strides: Shape, done: Callable[[], None]
) -> Buffer:
    """Return a buffer whose first element is at an address; ``done`` is called when the memory is no longer used."""
    layout = Layout(shape, strides)
    if not layout.size:
        return Buffer.empty(shape, dtype)
    if address % dtype.itemsize:
        expected = f"elements of {dtype} at multiples of {dtype.itemsize} bytes"
        raise ArgumentError(who, expected, f"address {address:#x}", "copy it first")
    ends = [(length - 1) * step for length, step in zip(shape, strides, strict=True)]
    before, after = -sum(end for end in ends if end < 0), sum(end for end in ends if end > 0)
    memory = borrow(who, address - before * dtype.itemsize, before + 1 + after, dtype, done)
    return Buffer(memory, dtype, Layout(shape, strides, before))
