"""What every operation does with its arguments: tensors of one device, Python scalars, and the tape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from tensorlab import autodiff, dtypes
from tensorlab.backends import Backend
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, DeviceError, DTypeError, ShapeError
from tensorlab.tensor import Tensor, converted

Scalar = bool | int | float


def as_tensor(value: Any, who: str, device: str | None = None) -> Tensor:
    """Return an argument as a tensor that nothing changes later and that is not the caller's own object.

    Args:
        value: the argument.
        who: the operation.
        device: where to put what is not a tensor yet; the current device if None.
    """
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


def lists_of_numbers(operands: Sequence[Any]) -> list[bool]:
    """Return which operands are lists, tuples or ranges of Python numbers, perhaps nested.

    They take the dtype of the tensors and arrays beside them, as single numbers do; without one, none is counted.
    """
    if not any([hasattr(operand, "dtype") for operand in operands]):
        return [False] * len(operands)
    return [_is_numbers(operand) for operand in operands]


def _is_numbers(value: Any) -> bool:
    if isinstance(value, range):
        return True
    return isinstance(value, (list, tuple)) and all([is_scalar(leaf) for leaf in autodiff.flatten(value)])


def kinds_of(numbers: Any) -> list[Scalar]:
    """Return one number of each type in a list of numbers, for `dtypes.result_type`."""
    if isinstance(numbers, range):
        return [0]
    return list({type(leaf): leaf for leaf in autodiff.flatten(numbers)}.values())


def store(who: str, result: Tensor, out: Any) -> Tensor:
    """Write a result into a `Variable` or a NumPy array, and return that."""
    if isinstance(out, Tensor) and hasattr(out, "assign"):
        return cast(Tensor, out.assign(result))
    if not isinstance(out, np.ndarray):
        raise ArgumentTypeError(who, "a Variable or a NumPy array as out", type(out).__name__)
    if out.shape != result.shape:
        raise ShapeError(who, f"an out of shape {result.shape}", str(out.shape))
    if out.dtype.newbyteorder("=") != result.dtype:
        raise DTypeError(who, f"an out of {result.dtype}", str(out.dtype))
    if not out.flags.writeable:
        raise ArgumentError(who, "an out that can be written to", "a read-only array")
    out[...] = result.numpy()
    return cast(Tensor, out)


def sequence(who: str, arrays: Any) -> list[Any]:
    """Return the tensors or arrays that an operation joins.

    Raises:
        ArgumentTypeError: if it is given no sequence of them.
    """
    try:
        return list(arrays)
    except TypeError:
        received = "None" if arrays is None else type(arrays).__name__
        raise ArgumentTypeError(who, "a sequence of tensors", received, f"{who}([a, b])") from None


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
    pairs = list(zip(operands, lists_of_numbers(operands), strict=True))
    given = [None if listed else as_tensor(operand, who, device) for operand, listed in pairs]
    numbers = [number for operand, listed in pairs if listed for number in kinds_of(operand)]
    common = dtypes.result_type(who, [tensor.dtype for tensor in given if tensor is not None], numbers)
    tensors = [
        converted(who, operand, common, device, None) if tensor is None else tensor
        for operand, tensor in zip(operands, given, strict=True)
    ]
    common_backend(who, tensors)
    return [tensor.astype(common) for tensor in tensors]
