"""Convert the arguments of operations to tensors of one device and one dtype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from tensorlab import autodiff, dtypes
from tensorlab.backends import Backend
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, DeviceError, DTypeError, ShapeError, short_repr
from tensorlab.tensor import TENSORS, Tensor, converted

Scalar = bool | int | float


def as_tensor(value: Any, who: str, device: str | None = None) -> Tensor:
    """Convert an argument to a tensor. The result is a snapshot, so a later assignment to the argument is harmless.

    Args:
        value: the argument.
        who: the operation, for messages.
        device: the device for an argument that is not a tensor; None for the current one.

    Raises:
        ArgumentTypeError: for None or a function.
    """
    if isinstance(value, Tensor):
        return value.snapshot()
    if value is None or callable(value):
        raise ArgumentTypeError(who, "a tensor, an array or a number", type(value).__name__)
    return converted(who, value, None, device, None).snapshot()


def on_host(who: str, tensor: Tensor) -> np.ndarray[Any, Any]:
    """Copy a tensor to the host for an operation without a kernel. The backend may warn or raise."""
    tensor._backend.computes_on_host(who)
    return tensor.numpy()


def device_of(operands: Sequence[Any]) -> str | None:
    """Return the device of the first tensor among the arguments, to which arrays and numbers are moved, or None."""
    for operand in operands:
        if isinstance(operand, Tensor):
            return operand.device
    return None


def is_scalar(value: Any) -> bool:
    """Return whether this is a Python number. Such a number takes the dtype of the other arguments."""
    return isinstance(value, (bool, int, float)) and not isinstance(value, np.generic)


def exactly(number: Scalar, dtype: DType) -> np.ndarray[Any, Any]:
    """Convert a number to an array of a dtype, or of objects for an integer that the dtype cannot represent.

    NumPy compares objects as Python does.
    """
    try:
        with np.errstate(over="ignore"):
            return np.asarray(number, dtype)
    except OverflowError:
        return np.asarray(number, object)


def in_dtype(who: str, number: Scalar, dtype: DType) -> np.ndarray[Any, Any]:
    """Convert a number to an array of a dtype.

    Raises:
        ArgumentError: for an integer that the dtype cannot represent.
    """
    try:
        with np.errstate(over="ignore"):  # numbers too large for float32 become infinite
            return np.asarray(number, dtype)
    except OverflowError:
        hint = "convert the tensors to a wider dtype with .astype()"
        raise ArgumentError(who, f"a number that {dtype} holds", short_repr(number), hint) from None


def lists_of_numbers(operands: Sequence[Any]) -> list[bool]:
    """Return which operands are ranges, or possibly nested lists or tuples, of Python numbers.

    Like single numbers they take the dtype of the tensors and arrays among the operands. Without one of these the
    result is False for every operand.
    """
    if not any([hasattr(operand, "dtype") for operand in operands]):
        return [False] * len(operands)
    return [_is_numbers(operand) for operand in operands]


def _is_numbers(value: Any) -> bool:
    if isinstance(value, range):
        return True
    return isinstance(value, (list, tuple)) and all([is_scalar(leaf) for leaf in autodiff.flatten(value)])


def one_of_each_type(numbers: Any) -> list[Scalar]:
    """Return one number of each Python type in a list of numbers, for `dtypes.result_type`."""
    if isinstance(numbers, range):
        return [0]
    return list({type(leaf): leaf for leaf in autodiff.flatten(numbers)}.values())


def store(who: str, result: Tensor, out: Any) -> Tensor:
    """Write a result to a `Variable` or a NumPy array, and return that.

    Raises:
        ArgumentTypeError: if ``out`` is neither.
        ShapeError: if it has another shape than the result.
        DTypeError: if it has another dtype.
        ArgumentError: if it is a read-only array.
    """
    if isinstance(out, Tensor) and hasattr(out, "assign"):
        return cast(Tensor, out.assign(result))
    if not isinstance(out, np.ndarray):
        raise ArgumentTypeError(who, "a Variable or a NumPy array as out", type(out).__name__)
    if out.shape != result.shape:
        raise ShapeError(who, f"an out of shape {result.shape}", str(out.shape))
    if out.dtype.newbyteorder("=") != result.dtype:
        raise DTypeError(who, f"an out of {result.dtype}", str(out.dtype))
    if not out.flags.writeable:
        raise ArgumentError(who, "a writable out", "a read-only array")
    out[...] = result.numpy()
    return cast(Tensor, out)


def sequence(who: str, arrays: Any) -> list[Any]:
    """Return a sequence of tensors or arrays as a list.

    Raises:
        ArgumentTypeError: for something that is not a sequence.
    """
    try:
        return list(arrays)
    except TypeError:
        received = "None" if arrays is None else type(arrays).__name__
        raise ArgumentTypeError(who, "a sequence of tensors", received, f"{who}([a, b])") from None


def common_backend(who: str, tensors: Sequence[Tensor]) -> Backend:
    """Return the backend of all tensors.

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
    """Convert operands to tensors of one dtype on one device.

    Raises:
        DTypeError: if their dtypes have no common type.
        DeviceError: if there are tensors on two devices.
    """
    first = operands[0]
    if type(first) in TENSORS or isinstance(first, Tensor):
        backend, dtype = first._backend, first._buffer.dtype
        for operand in operands:
            known = type(operand) in TENSORS or isinstance(operand, Tensor)
            if not known or operand._buffer.dtype is not dtype or operand._backend is not backend:
                break
        else:  # the common case: no conversion, and snapshots only if a tape keeps the tensors
            return [operand.snapshot() for operand in operands] if autodiff.recording() else operands
    device = device_of(operands)
    pairs = list(zip(operands, lists_of_numbers(operands), strict=True))
    given = [None if listed else as_tensor(operand, who, device) for operand, listed in pairs]
    numbers = [number for operand, listed in pairs if listed for number in one_of_each_type(operand)]
    common = dtypes.result_type(who, [tensor.dtype for tensor in given if tensor is not None], numbers)
    tensors = [
        converted(who, operand, common, device, None) if tensor is None else tensor
        for operand, tensor in zip(operands, given, strict=True)
    ]
    common_backend(who, tensors)
    return [tensor.astype(common) for tensor in tensors]
