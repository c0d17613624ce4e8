"""What tensors are made of: NumPy arrays, from whatever holds numbers, and whose memory they are in."""

from __future__ import annotations

from types import NoneType
from typing import Any

import numpy as np

from tensorlab import dtypes
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, DTypeError

_SHARING = ("__array__", "__dlpack__", "__array_interface__", "__buffer__")
"""What an object has whose memory can be shared."""


def shares_memory(value: Any) -> bool:
    """Whether an array can be made of this without a copy."""
    return any(hasattr(value, name) for name in _SHARING)


def may_change(array: np.ndarray[Any, Any]) -> bool:
    """Whether an array's memory can be written into, by itself or by what it is a view of."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return True
        owner = owner.base
    return not isinstance(owner, (bytes, NoneType))


def host_array(who: str, value: Any, wanted: DType | None) -> np.ndarray[Any, Any]:
    """An array of one of tensorlab's dtypes, though perhaps of another byte order; Python numbers of the dtype wanted.

    Raises:
        DTypeError: for strings, objects, ragged lists and complex numbers.
        ArgumentError: for Python numbers that the dtype does not hold.
    """
    by_dlpack = hasattr(value, "__dlpack__") and not hasattr(value, "__array__")
    try:
        array = np.from_dlpack(value) if by_dlpack else np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise DTypeError(who, "numbers in a regular nesting", type(value).__name__, f"NumPy says: {error}") from None
    numbers = not (by_dlpack or hasattr(value, "dtype"))
    if numbers and _is_wide(array):
        wide = _wide(who, value, wanted)
        if wide is not None:
            return wide
    if array.dtype.newbyteorder("=") not in map(np.dtype, dtypes.NAMES):
        raise DTypeError(
            who,
            f"data of {', '.join(dtypes.NAMES)}",
            f"{array.dtype} data" if array.dtype.kind != "O" else f"objects ({type(value).__name__})",
            "convert it to numbers first",
        )
    if not numbers:
        return array
    target = wanted or (dtypes.default_float if array.dtype.kind == "f" else array.dtype)
    if array.dtype.kind in "iu" and target.kind == "f":
        return array.astype(target)  # rounded once; a Python int would be rounded to float64 first
    try:
        with np.errstate(over="ignore"):
            return np.asarray(value, target)
    except (OverflowError, ValueError) as error:
        raise ArgumentError(who, f"numbers that {target} holds", repr(value)[:60], str(error)) from None


def _is_wide(array: np.ndarray[Any, Any]) -> bool:
    """Whether whole Python numbers may not fit in int64: NumPy makes objects of them, or reals."""
    return array.dtype.kind == "O" or (array.dtype.kind == "f" and bool(np.any(np.abs(array) >= 2.0**63)))


def _wide(who: str, value: Any, wanted: DType | None) -> np.ndarray[Any, Any] | None:
    """Python numbers of which some may be whole and wider than int64, exactly or rounded once; None for other objects.

    Raises:
        ArgumentError: for numbers that the dtype wanted does not hold.
        DTypeError: for whole numbers that neither int64 nor uint64 holds, if no dtype is wanted.
    """
    leaves = np.array(value, object)
    kinds = {type(leaf) for leaf in leaves.ravel()}
    if not all(issubclass(kind, (bool, int, float, np.number, np.bool_)) for kind in kinds):
        return None
    whole = all(issubclass(kind, (int, np.integer, np.bool_)) for kind in kinds)
    target = wanted or dtypes.default_float
    if whole and (wanted is None or wanted.kind == "f"):
        least, most = int(leaves.min()), int(leaves.max())
        fits = next((dtype for dtype in (dtypes.int64, dtypes.uint64) if _holds(dtype, least, most)), None)
        if fits is not None:
            return leaves.astype(fits).astype(wanted or fits)
        if wanted is None:
            received = f"objects ({type(value).__name__}) from {least} to {most}"
            hint = 'give another dtype, e.g. dtype="float64"'
            raise DTypeError(who, "whole numbers that int64 or uint64 holds", received, hint)
    try:
        with np.errstate(over="ignore"):
            return leaves.astype(target)
    except (OverflowError, ValueError) as error:
        raise ArgumentError(who, f"numbers that {target} holds", repr(value)[:60], str(error)) from None


def _holds(dtype: DType, least: int, most: int) -> bool:
    limits = np.iinfo(dtype)
    return int(limits.min) <= least and most <= int(limits.max)
