"""The data type functions of the Python array API standard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorlab import dtypes
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, nearest, short_repr
from tensorlab.ops.dispatch import as_tensor, is_scalar
from tensorlab.tensor import Tensor

__all__ = [
    "can_cast",
    "finfo",
    "iinfo",
    "isdtype",
    "result_type",
]


@dataclass(frozen=True)
class FloatInfo:
    """The limits of a real dtype.

    Attributes:
        bits: the number of bits of an element.
        eps: the distance from 1 to the next larger number.
        max: the largest finite number.
        min: the least finite number.
        smallest_normal: the smallest positive number of full precision.
        dtype: the dtype.
    """

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


@dataclass(frozen=True)
class IntegerInfo:
    """The limits of an integer dtype.

    Attributes:
        bits: the number of bits of an element.
        max: the largest number.
        min: the least number.
        dtype: the dtype.
    """

    bits: int
    max: int
    min: int
    dtype: DType


def finfo(type: Any, /) -> FloatInfo:
    """Return the limits of a real dtype, or of the dtype of a tensor.

    Raises:
        DTypeError: if the dtype is not real.

    Source: Python array API standard, ``finfo``.
    """
    dtype = _dtype_of(type, "finfo")
    if dtype.kind != "f":
        raise DTypeError("finfo", "a real dtype", str(dtype), "use iinfo for integers")
    info = np.finfo(dtype)
    return FloatInfo(info.bits, float(info.eps), float(info.max), float(info.min), float(info.smallest_normal), dtype)


def iinfo(type: Any, /) -> IntegerInfo:
    """Return the limits of an integer dtype, or of the dtype of a tensor.

    Raises:
        DTypeError: if the dtype is not an integer dtype.

    Source: Python array API standard, ``iinfo``.
    """
    dtype = _dtype_of(type, "iinfo")
    if dtype.kind not in "iu":
        raise DTypeError("iinfo", "an integer dtype", str(dtype), "use finfo for real dtypes")
    info = np.iinfo(dtype)
    return IntegerInfo(info.bits, int(info.max), int(info.min), dtype)


_KINDS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "",
    "numeric": "iuf",
}


def isdtype(dtype: Any, kind: Any) -> bool:
    """Return whether a dtype is of a kind.

    Args:
        dtype: the dtype.
        kind: ``"bool"``, ``"signed integer"``, ``"unsigned integer"``, ``"integral"``, ``"real floating"``,
            ``"complex floating"`` (no dtype is), ``"numeric"``, another dtype, or a tuple of these, for any of them.

    Raises:
        ArgumentError: for an unknown kind.
        DTypeError: for an unknown dtype.

    Source: Python array API standard, ``isdtype``.
    """
    given = dtypes.as_dtype(dtype, "isdtype")
    if isinstance(kind, tuple):
        return any([isdtype(given, each) for each in kind])
    if isinstance(kind, str):
        if kind not in _KINDS:
            raise ArgumentError("isdtype", "a kind of dtype", short_repr(kind), nearest(kind, _KINDS))
        return given.kind in _KINDS[kind]
    return given == dtypes.as_dtype(kind, "isdtype")


def result_type(*arrays_and_dtypes: Any) -> DType:
    """Return the dtype of an operation on tensors, arrays, dtypes and numbers.

    Dtypes of one kind promote to the smallest that can represent both. A Python number takes the dtype of the other
    arguments.

    Raises:
        DTypeError: for two kinds of dtype, or int64 with uint64, which have no common type in the standard.
        ArgumentError: if nothing is given.

    Source: Python array API standard, ``result_type``.
    """
    if not arrays_and_dtypes:
        raise ArgumentError("result_type", "an array, a dtype or a number", "nothing")
    scalars = [value for value in arrays_and_dtypes if is_scalar(value)]
    return dtypes.result_type(
        "result_type", [_dtype_of(value, "result_type") for value in arrays_and_dtypes if not is_scalar(value)], scalars
    )


def can_cast(from_: Any, to: Any, /) -> bool:
    """Return whether a dtype, or the dtype of a tensor, promotes to another.

    It does if the other dtype is of the same kind and can represent all of its values.

    Raises:
        DTypeError: for an unknown dtype.

    Source: Python array API standard, ``can_cast``.
    """
    return dtypes.can_hold(dtypes.as_dtype(to, "can_cast"), _dtype_of(from_, "can_cast"))


def _dtype_of(value: Any, who: str) -> DType:
    """Return a dtype as it is, and the dtype of a tensor or an array."""
    if isinstance(value, Tensor):
        return value.dtype
    if isinstance(value, (np.ndarray, np.generic)):
        return as_tensor(value, who).dtype
    if value is None or is_scalar(value):
        raise ArgumentTypeError(who, "a dtype, a tensor or an array", type(value).__name__)
    return dtypes.as_dtype(value, who)
