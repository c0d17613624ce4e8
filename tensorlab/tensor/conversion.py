"""`asarray`: convert numbers, nested lists and arrays of other libraries to tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tensorlab import autodiff, dtypes, host_arrays
from tensorlab.devices import backend as find_backend
from tensorlab.devices import check_device, sharing_backend
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, short_repr
from tensorlab.tensor.core import SharedTensor, Tensor, to_backend
from tensorlab.tensor.writing import MutableTensor


def adopted(who: str, array: Any, copy: bool | None) -> Tensor | None:
    """Wrap a device array of another library as a tensor that shares its memory.

    Return None for anything that a backend plugin does not recognize; the host reads that. ``copy=False`` forbids the
    other library to copy while it exports the array.
    """
    owner = sharing_backend(who, array)
    return None if owner is None else SharedTensor(owner.adopt(who, array, copy), owner)


def is_plain(value: Any) -> bool:
    """Return whether a value is a tensor, but not a `Variable` or the value of one.

    Operations take a snapshot of those.
    """
    return type(value) in (Tensor, SharedTensor, MutableTensor)


def asarray(obj: Any, /, dtype: Any = None, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """Convert numbers, nested lists, a NumPy array, or an object with ``__array__`` or ``__dlpack__`` to a tensor.

    Python floats become float32 and Python integers int64. Arrays keep their dtype. A host array shares its memory
    with the tensor unless ``copy`` is true; so does a device array of another library if a plugin provides a backend
    for the device, such as CuPy's on "cuda".

    Writing into an array changes the tensor that shares its memory. When a tape records an operation on the tensor,
    the tensor first copies its elements, so that gradients always belong to the values that were used.

    Args:
        obj: what to convert. A tensor is returned as it is if nothing has to change.
        dtype: one of tensorlab's dtypes; None to keep or infer it.
        device: the device of the result. None keeps the device of a tensor or device array, and puts anything else on
            the current device.
        copy: True to always copy, False to raise if a copy is needed, None to copy only if needed.

    Raises:
        DTypeError: for strings, objects, ragged lists, complex numbers, or an unknown dtype.
        ArgumentError: if ``copy`` is False and a copy is needed.
        DeviceError: if the array is on a device without a backend; or if ``device`` is None and the array is on
            another device than the ``with tl.device(...):`` block says.

    Source: Python array API standard, ``asarray``.

    Example:
        >>> tl.asarray([1, 2, 3])
        Tensor([1, 2, 3], dtype=int64)
        >>> tl.asarray(np.zeros((2, 2), np.float32)).shape
        (2, 2)
    """
    if getattr(copy, "shape", ()):
        raise ArgumentTypeError("asarray", "copy as True, False or None", short_repr(copy))
    # A device array of another library is moved only if the caller names a device.
    shared = None if device is None or isinstance(obj, Tensor) else adopted("asarray", obj, copy)
    return converted("asarray", obj if shared is None else shared, dtype, device, copy)


def converted(who: str, obj: Any, dtype: Any, device: str | None, copy: bool | None) -> Tensor:
    """Convert like `asarray`, on behalf of the operation ``who``.

    Unlike `asarray`, never move a device array of another library.
    """
    if type(obj) is np.ndarray and dtype is copy is None and dtypes.is_own(obj.dtype) and obj.flags.aligned:
        # A fast path for the common case. A view, because the caller may change the shape of the array object.
        return to_backend(obj.view(), find_backend(device), host_arrays.may_change(obj))
    wanted = None if dtype is None else dtypes.as_dtype(dtype, who)
    on_device = None if isinstance(obj, Tensor) else adopted(who, obj, copy)
    if on_device is not None:
        check_device(who, obj, on_device._backend, device)
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
    elif host_arrays.shares_memory(obj):  # a view, because the caller may change the shape or dtype of the array object
        array = array.view()
        return to_backend(array, find_backend(device), host_arrays.may_change(original))
    return to_backend(array, find_backend(device), may_change=False)


def _leaves(obj: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Yield the leaves of nested lists and tuples, each with its index."""
    if not isinstance(obj, (list, tuple)):
        yield path, obj
        return
    for position, part in enumerate(obj):
        yield from _leaves(part, (*path, position))


def _packed(who: str, obj: Any, parts: list[tuple[tuple[int, ...], Tensor]], dtype: Any, device: str | None) -> Tensor:
    """Convert nested lists that contain tensors, and record the operation.

    The gradient of each tensor is the part of the result's gradient at its index.
    """
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
