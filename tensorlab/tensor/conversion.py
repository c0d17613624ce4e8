"""`asarray` and what is beneath it: tensors from numbers, nested lists, and arrays of other libraries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tensorlab import autodiff, dtypes, host_arrays
from tensorlab.devices import backend as find_backend
from tensorlab.devices import check_place, holder
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError
from tensorlab.tensor.core import SharedTensor, Tensor, placed
from tensorlab.tensor.writing import MutableTensor


def adopted(who: str, array: Any, copy: bool | None) -> Tensor | None:
    """Another library's array on a device as a tensor there, which shares its memory; None for what the host reads.

    ``copy`` is False if that library must not make a copy of it.
    """
    held = holder(who, array)
    return None if held is None else SharedTensor(held.adopt(who, array, copy), held)


def is_plain(value: Any) -> bool:
    """Whether this is a tensor and not a variable or its value, of which operations take a snapshot."""
    return type(value) in (Tensor, SharedTensor, MutableTensor)


def asarray(obj: Any, /, dtype: Any = None, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """A tensor of numbers, nested lists, a NumPy array, or anything with ``__array__`` or ``__dlpack__``.

    Python floats become float32 and whole numbers int64; arrays keep their dtype, and share memory on the host unless
    ``copy`` is true. So does another library's array on a device that a plugin has a backend for, such as CuPy's on
    "cuda". An array that is changed afterwards changes the tensor that shares its memory, until a tape records what is
    computed from the tensor: then that has memory of its own, and gradients are those of the values that were used.

    Args:
        obj: what to convert. A tensor is returned as it is if nothing has to change.
        dtype: one of tensorlab's dtypes; None to keep or infer it.
        device: where to put it; None for the device that a tensor or an array is on, and for the current one otherwise.
        copy: True for memory of its own, False to refuse a copy, None for what is cheapest.

    Raises:
        DTypeError: for strings, objects, ragged lists, complex numbers, or an unknown dtype.
        ArgumentError: if ``copy`` is False and one is needed.
        DeviceError: for an array on a device that is not here, or without ``device`` on another one than that of the
            ``with tl.device(...):`` block.

    Source: Python array API standard, ``asarray``.

    Example:
        >>> tl.asarray([1, 2, 3])
        Tensor([1, 2, 3], dtype=int64)
        >>> tl.asarray(np.zeros((2, 2), np.float32)).shape
        (2, 2)
    """
    # Who names a device has another library's array moved there; nothing else moves one.
    shared = None if device is None or isinstance(obj, Tensor) else adopted("asarray", obj, copy)
    return converted("asarray", obj if shared is None else shared, dtype, device, copy)


def converted(who: str, obj: Any, dtype: Any, device: str | None, copy: bool | None) -> Tensor:
    """`asarray`, for the operation ``who``; an array of another library has to be on the device already."""
    if type(obj) is np.ndarray and dtype is copy is None and dtypes.is_own(obj.dtype) and obj.flags.aligned:
        # The common case, for which nothing below does more. A view: the caller may give the array another shape.
        return placed(obj.view(), find_backend(device), host_arrays.may_change(obj))
    wanted = None if dtype is None else dtypes.as_dtype(dtype, who)
    on_device = None if isinstance(obj, Tensor) else adopted(who, obj, copy)
    if on_device is not None:
        check_place(who, obj, on_device._backend, device)
        obj = on_device
    if isinstance(obj, Tensor):
        moved = obj.snapshot() if device is None else obj.snapshot().to_device(device)
        changes = wanted is not None and wanted != moved.dtype
        if copy is False and (changes or moved.device != obj.device):
            given = f"{obj.dtype} on {obj.device!r}"
            raise ArgumentError(who, f"{given} with copy=False", f"dtype {wanted}, device {moved.device!r}")
        if changes:
            return moved.astype(wanted)
        if not copy:
            return obj if moved.device == obj.device and is_plain(obj) else moved
        result = Tensor(moved._backend.copy(moved._buffer), moved._backend)
        autodiff.record((moved,), (result,), (lambda gradient: gradient,))
        return result
    if copy is False and not host_arrays.shares_memory(obj):
        raise ArgumentError(who, "an array with copy=False", type(obj).__name__, "numbers have to be copied")
    parts = [(path, leaf) for path, leaf in _leaves(obj) if isinstance(leaf, Tensor)]
    if parts:
        return _packed(who, obj, parts, wanted, device)
    array = original = host_arrays.host_array(who, obj, wanted)
    target = array.dtype.newbyteorder("=") if wanted is None else wanted
    if array.dtype != target or not array.flags.aligned:
        if copy is False:
            raise ArgumentError(who, f"{array.dtype} data with copy=False", f"dtype {target}")
        array = host_arrays.cast(array, target)
    elif copy:
        array = array.copy()
    elif host_arrays.shares_memory(obj):  # a view of our own: the caller may give the array another shape or dtype
        array = array.view()
        return placed(array, find_backend(device), host_arrays.may_change(original))
    return placed(array, find_backend(device), may_change=False)


def _leaves(obj: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Yield what is in nested lists and tuples, each with its index."""
    if not isinstance(obj, (list, tuple)):
        yield path, obj
        return
    for position, part in enumerate(obj):
        yield from _leaves(part, (*path, position))


def _packed(who: str, obj: Any, parts: list[tuple[tuple[int, ...], Tensor]], dtype: Any, device: str | None) -> Tensor:
    """Convert nested lists with tensors in them, and record it: the gradient of each tensor is that of its part."""
    values = [(path, tensor.snapshot()) for path, tensor in parts]
    arrays = iter([tensor.numpy() for _, tensor in values])
    leaves = [next(arrays) if isinstance(leaf, Tensor) else leaf for _, leaf in _leaves(obj)]
    result = converted(who, autodiff.pack_as(obj, iter(leaves)), dtype, device, None)
    real = [(path, tensor) for path, tensor in values if tensor.dtype.kind == result.dtype.kind == "f"]
    vjps = [_part_of(path, tensor.dtype, tensor.device) for path, tensor in real]
    autodiff.record([tensor for _, tensor in real], (result,), vjps)
    return result


def _part_of(path: tuple[int, ...], dtype: DType, device: str) -> autodiff.Vjp:
    return lambda gradient: gradient[path].astype(dtype).to_device(device)
