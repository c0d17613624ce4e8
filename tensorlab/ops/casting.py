"""The conversion of tensors from one dtype to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorlab import autodiff, dtypes
from tensorlab.backends import Backend
from tensorlab.dtypes import DType
from tensorlab.ops.dispatch import as_tensor
from tensorlab.scalars import ScalarFunction, scalar_function
from tensorlab.tensor import Tensor, from_buffer_of, is_plain


def _identity(x: float) -> float:
    return x


_IDENTITY = scalar_function(_identity)
_conversions: dict[tuple[Backend, DType, DType], Callable[..., Any]] = {}


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: str | None = None) -> Tensor:
    """Convert a tensor to another dtype.

    Real numbers are truncated to integers. As a bool, every number but zero is True.

    Args:
        x: a tensor or an array.
        dtype: one of tensorlab's dtypes.
        copy: whether to copy a tensor that has this dtype already. If False, it is returned as it is.
        device: the device of the result; None for that of ``x``.

    Raises:
        DTypeError: for an unknown dtype.
        UnknownNameError: if no plugin registers a backend of the name ``device``.

    Source: Python array API standard, ``astype``.
    """
    tensor = x if type(x) is Tensor else as_tensor(x, "astype")
    if device is not None and device != tensor.device:
        return astype(tensor, dtype, copy=False).to_device(device)
    target = tensor.dtype if dtype is tensor.dtype else dtypes.as_dtype(dtype, "astype")
    if tensor.dtype == target and not copy:
        return x if is_plain(x) else tensor
    key = (tensor._backend, tensor.dtype, target)
    run = _conversions.get(key)
    if run is None:
        run = _conversions[key] = tensor._backend.map(*conversion(tensor.dtype, target))
    result = from_buffer_of(tensor, run(tensor.shape, tensor._buffer))
    if autodiff.recording() and target.kind == "f" and tensor.dtype.kind == "f":
        before = tensor.dtype
        autodiff.record((tensor,), (result,), (lambda gradient: astype(gradient, before, copy=False),))
    return result


def conversion(own: DType, target: DType) -> tuple[ScalarFunction, DType, tuple[DType], tuple[DType]]:
    """Return the arguments of `Backend.map` that convert one dtype to another."""
    return (_NONZERO, own, (own,), (target,)) if target.kind == "b" else (_IDENTITY, target, (own,), (target,))


def _nonzero(x: float) -> float:
    return x != 0


_NONZERO = scalar_function(_nonzero)
