"""What tensors are made of: NumPy arrays, from whatever holds numbers, and whose memory they are in."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import dtypes
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, DTypeError

_SHARING = ("__array__", "__dlpack__", "__array_interface__")
"""What an object has whose memory can be shared, if it does not have Python's buffer protocol."""


def shares_memory(value: Any) -> bool:
    """Whether an array can be made of this without a copy."""
    if any(hasattr(value, name) for name in _SHARING):
        return not isinstance(value, np.generic)
    try:
        memoryview(value)
    except TypeError:
        return False
    return True


def may_change(array: np.ndarray[Any, Any]) -> bool:
    """Whether somebody may write into an array's memory, now or later.

    The WRITEABLE flag does not tell: whoever holds a read-only array, or the one that it is a view of, can set the flag
    again. Only Python's ``bytes`` never change.
    """
    owner: Any = array
    base: Any
    while True:
        if isinstance(owner, np.ndarray):
            base = owner.base
        elif isinstance(owner, memoryview):
            base = owner.obj
        else:
            return not isinstance(owner, bytes)
        if base is None:
            return True
        owner = base


def cast(array: np.ndarray[Any, Any], dtype: DType) -> np.ndarray[Any, Any]:
    """Convert an array to another dtype as kernels do, always to a copy.

    A real number becomes a whole one through int64: its fraction is cut off, what int64 does not hold, NaN included,
    becomes the least int64, and a narrower integer keeps the lowest bits. uint64 also holds what is between 2**63 and
    2**64. What NumPy makes of such numbers depends on the processor and on their position.
    """
    if array.dtype.kind != "f" or dtype.kind not in "iu":
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite there
            return np.asarray(array.astype(dtype))
    limit = 2.0**63
    whole = np.where((array >= -limit) & (array < limit), array, -limit).astype(np.int64)
    if dtype == np.uint64:
        upper = (array >= limit) & (array < 2 * limit)
        return np.where(upper, np.where(upper, array, 0.0).astype(np.uint64), whole.astype(np.uint64))
    return whole.astype(dtype)


def host_array(who: str, value: Any, wanted: DType | None) -> np.ndarray[Any, Any]:
    """An array of one of tensorlab's dtypes, though perhaps of another byte order; Python numbers of the dtype wanted.

    Raises:
        DTypeError: for strings, objects, ragged lists and complex numbers.
        ArgumentError: for Python integers that the dtype does not hold, for real numbers that become no integer of 64
            bits (of others the lowest bits are kept), and for an array that its library does not export.
    """
    by_dlpack = hasattr(value, "__dlpack__") and not hasattr(value, "__array__")
    try:
        array = np.from_dlpack(value) if by_dlpack else np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise DTypeError(who, "numbers in a regular nesting", type(value).__name__, f"NumPy says: {error}") from None
    except (RuntimeError, BufferError, AttributeError) as error:  # of the library whose array this is
        library, said = type(value).__module__.partition(".")[0], str(error).rstrip(".")
        kind = type(value).__name__ if library == "builtins" else f"{library}.{type(value).__name__}"
        raise ArgumentError(who, "an array that NumPy can read", f"a {kind}", f"its library says: {said}") from None
    numbers = not (
        by_dlpack or hasattr(value, "dtype") or shares_memory(value)
    )  # and no array, which has a dtype of its own
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
        if array.dtype.kind == "f" and target.kind in "iu":
            held = np.abs(array) < 2.0 ** (64 if target == np.uint64 else 63)
            if not held.all():
                raise OverflowError(f"{array[~held].flat[0]} is not a whole number of 64 bits")
        if array.dtype.kind == "f":
            return cast(array, target)
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
    if not whole and target.kind in "iu":
        return None
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
