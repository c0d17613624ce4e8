"""What every operation does with its arguments: tensors of one device, Python scalars, and the tape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab import autodiff, dtypes
from tensorlab.backends import Backend
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentTypeError, DeviceError
from tensorlab.tensor import Tensor, converted

Scalar = bool | int | float


def as_tensor(value: Any, who: str, device: str | None = None) -> Tensor:
    """An argument as a tensor whose value will not change; a variable as the value that it has now.

    Args:
        value: the argument.
        who: the operation.
        device: where to put what is not a tensor yet; the current device if None.
    """
    if type(value) is Tensor:  # most are: what operations give
        return value
    if isinstance(value, Tensor):
        return value.snapshot()
    if value is None or callable(value):
        raise ArgumentTypeError(who, "a tensor, an array or a number", type(value).__name__)
    return converted(who, value, None, device, None).snapshot()


def on_host(who: str, tensor: Tensor) -> np.ndarray[Any, Any]:
    """The elements of a tensor, for an operation that no loop shape fits; its device is told, and may refuse."""
    tensor._backend.computes_on_host(who)
    return tensor.numpy()


def device_of(operands: Sequence[Any]) -> str | None:
    """The device of the first tensor among some arguments, to which arrays and numbers beside it go."""
    return next((operand.device for operand in operands if isinstance(operand, Tensor)), None)


def is_scalar(value: Any) -> bool:
    """Whether this is a Python number, which takes the dtype of the tensors beside it."""
    return isinstance(value, (bool, int, float)) and not isinstance(value, np.generic)


def exactly(number: Scalar, dtype: DType) -> np.ndarray[Any, Any]:
    """Return a number as an array of a dtype; of objects if it is a whole number that the dtype does not hold.

    NumPy compares objects as Python does.
    """
    try:
        with np.errstate(over="ignore"):
            return np.asarray(number, dtype)
    except OverflowError:
        return np.asarray(number, object)


def common_backend(who: str, tensors: Sequence[Tensor]) -> Backend:
    """The backend that holds all of them.

    Raises:
        DeviceError: if there are two.
    """
    first = tensors[0]._backend
    for tensor in tensors:
        if tensor._backend is not first:
            raise DeviceError(
                who,
                "tensors on one device",
                f"{first.name!r} and {tensor._backend.name!r}",
                f"move one of them, e.g. x.to_device({first.name!r})",
            )
    return first


def together(who: str, *operands: Any) -> Sequence[Tensor]:
    """The operands as tensors of one dtype on one device.

    Raises:
        DTypeError: if their dtypes have no common type.
        DeviceError: if there are tensors of two devices.
    """
    first = operands[0]
    if isinstance(first, Tensor):
        backend, dtype = first._backend, first._buffer.dtype
        for operand in operands:
            if not isinstance(operand, Tensor) or operand._buffer.dtype is not dtype or operand._backend is not backend:
                break
        else:  # nearly always: nothing has to change, and what they hold only if a tape keeps them
            return [operand.snapshot() for operand in operands] if autodiff.recording() else operands
    device = device_of(operands)
    tensors = [as_tensor(operand, who, device) for operand in operands]
    common = dtypes.result_type(who, [tensor.dtype for tensor in tensors], [])
    common_backend(who, tensors)
    return [tensor.astype(common) for tensor in tensors]
