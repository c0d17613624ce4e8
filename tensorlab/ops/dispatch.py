"""Convert the arguments of operations to tensors of one device and one dtype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from tensorlab import autodiff, dtypes
from tensorlab.backends import Backend
from tensorlab.dtypes import DType
from tensorlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DeviceError,
    DTypeError,
    ShapeError,
    SymbolicArgumentError,
    short_repr,
)
from tensorlab.tensor import TENSORS, Tensor, converted

Scalar = bool | int | float


def as_tensor(value: Any, who: str, device: str | None = None) -> Tensor:
    """Convert an argument to a tensor. The result is a snapshot: a later assignment to the argument does not change it.

    Args:
        value: the argument.
        who: the operation, for messages.
        device: the device for an argument that is not a tensor; None for the current one.

    Raises:
        ArgumentTypeError: for None or a function.
    """
    if isinstance(value, Tensor):
        return value.snapshot()
    if hasattr(value, "record_operation"):
        hint = "put the operation into a layer: a class with call(self, inputs)"
        error = SymbolicArgumentError(who, "a tensor with values", repr(value), hint)
        error.record = value.record_operation
        raise error
    if value is None or callable(value):
        raise ArgumentTypeError(who, "a tensor, an array or a number", type(value).__name__)
    return converted(who, value, None, device, None).snapshot()


def on_host(who: str, tensor: Tensor) -> np.ndarray[Any, Any]:
    """Copy a tensor to the host for an operation without a kernel. The backend may warn or raise."""
    tensor._backend.computes_on_host(who)
    return tensor.numpy()


def device_of(operands: Sequence[Any]) -> str | None:
    """Return the device of the first tensor among the operands, or None. Arrays and numbers are moved to it."""
    for operand in operands:
        if isinstance(operand, Tensor):
            return operand.device
    return None


def is_scalar(value: Any) -> bool:
    """Return whether this is a Python number. Such a number takes the dtype of the other arguments."""
    return isinstance(value, (bool, int, float)) and not isinstance(value, np.generic)


def exact_array(number: Scalar, dtype: DType) -> np.ndarray[Any, Any]:
    """Convert a number to an array of a dtype.

    An integer that overflows the dtype becomes an array of objects, because NumPy compares objects exactly.
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


def are_lists_of_numbers(operands: Sequence[Any]) -> list[bool]:
    """Return for each operand whether it is a range, or a list or tuple, perhaps nested, of Python numbers.

    Like a single number, such an operand takes the dtype of the tensors and arrays among the operands. If there are
    none, the result is False for every operand.
    """
    if not any([hasattr(operand, "dtype") for operand in operands]):
        return [False] * len(operands)
    return [_is_numbers(operand) for operand in operands]


def _is_numbers(value: Any) -> bool:
    if isinstance(value, range):
        return True
    return isinstance(value, (list, tuple)) and all([is_scalar(leaf) for leaf in autodiff.flatten(value)])


def one_of_each_type(numbers: Any) -> list[Scalar]:
    """Return one number of each Python type in a list of numbers, as `dtypes.result_type` needs only their types."""
    if isinstance(numbers, range):
        return [0]
    return list({type(leaf): leaf for leaf in autodiff.flatten(numbers)}.values())


def store(who: str, result: Tensor, out: Any) -> Tensor:
    """Write a result to ``out``, and return ``out``.

    Raises:
        ArgumentTypeError: if ``out`` is neither a `Variable` nor a NumPy array.
        ShapeError: if it does not have the shape of the result.
        DTypeError: if it does not have the dtype of the result.
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
        DeviceError: if the tensors are on different devices.
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
        DeviceError: if tensors are on different devices.
    """
    first = operands[0]
    if type(first) in TENSORS or isinstance(first, Tensor):
        backend, dtype = first._backend, first._buffer.dtype
        for operand in operands:
            is_tensor = type(operand) in TENSORS or isinstance(operand, Tensor)
            if not is_tensor or operand._buffer.dtype is not dtype or operand._backend is not backend:
                break
        else:  # the common case: no conversion, and snapshots only if a tape keeps the tensors
            return [operand.snapshot() for operand in operands] if autodiff.recording() else operands
    device = device_of(operands)
    tensors_or_lists: list[Any] = []
    numbers: list[Scalar] = []
    for operand, is_list in zip(operands, are_lists_of_numbers(operands), strict=True):
        tensors_or_lists.append(operand if is_list else as_tensor(operand, who, device))
        numbers += one_of_each_type(operand) if is_list else []
    given = [x.dtype for x in tensors_or_lists if isinstance(x, Tensor)]
    common = dtypes.result_type(who, given, numbers)  # lists take this dtype
    tensors = [x if isinstance(x, Tensor) else converted(who, x, common, device, None) for x in tensors_or_lists]
    common_backend(who, tensors)
    return [tensor.astype(common) for tensor in tensors]
