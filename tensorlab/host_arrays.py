"""Conversion of numbers and arrays to NumPy arrays, and questions about their memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import dtypes
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, DTypeError, short_repr

_SHARING = ("__array__", "__dlpack__", "__array_interface__")
"""Attributes of objects whose memory can be shared without Python's buffer protocol."""


def shares_memory(value: Any) -> bool:
    """Return whether a value can be converted to an array without a copy."""
    if any(hasattr(value, name) for name in _SHARING):
        return not isinstance(value, np.generic)
    try:
        memoryview(value)
    except TypeError:
        return False
    return True


def may_change(array: np.ndarray[Any, Any]) -> bool:
    """Return whether other code may write into an array's memory, now or later.

    The WRITEABLE flag does not tell: code with a reference to a read-only array, or to its base, may set the flag
    again. Only Python's ``bytes`` never change.
    """
    return not isinstance(_owner(array), bytes)


def is_mapped(array: np.ndarray[Any, Any]) -> bool:
    """Return whether an array's memory is that of a file, as of `numpy.memmap`; it is read when it is first used."""
    from mmap import mmap  # loaded if there is such an array

    return isinstance(_owner(array), mmap)


def _owner(array: np.ndarray[Any, Any]) -> Any:
    """Return the object that an array or a view has its memory from."""
    owner: Any = array
    base: Any
    while True:
        if isinstance(owner, np.ndarray):
            base = owner.base
        elif isinstance(owner, memoryview):
            base = owner.obj
        else:
            return owner
        if base is None:
            return owner
        owner = base


def cast(array: np.ndarray[Any, Any], dtype: DType) -> np.ndarray[Any, Any]:
    """Convert an array to another dtype exactly as kernels do; always return a copy.

    A float becomes an integer through int64: the fraction is truncated, a value out of range or NaN becomes the
    smallest int64, and a narrower integer gets the lowest bits. uint64 also covers values from 2**63 to 2**64. NumPy's
    result for values out of range depends on the processor and on the position in the array.
    """
    if array.dtype.kind != "f" or dtype.kind not in "iu":
        with np.errstate(over="ignore"):  # out of range of float32: infinity
            return np.asarray(array.astype(dtype))
    limit = 2.0**63
    whole = np.where((array >= -limit) & (array < limit), array, -limit).astype(np.int64)
    if dtype == np.uint64:
        upper = (array >= limit) & (array < 2 * limit)
        return np.where(upper, np.where(upper, array, 0.0).astype(np.uint64), whole.astype(np.uint64))
    return whole.astype(dtype)


def host_array(who: str, value: Any, wanted: DType | None) -> np.ndarray[Any, Any]:
    """Convert a value to an array of one of tensorlab's dtypes; the byte order may differ.

    Python numbers get the dtype ``wanted``, if given. Arrays keep theirs.

    Raises:
        DTypeError: for strings, objects, ragged lists and complex numbers.
        ArgumentError: for Python integers that do not fit the dtype, for floats out of the range of 64-bit integers (of
            others in narrower integers, the lowest bits are kept), and for an array that its library does not export.
    """
    by_dlpack = hasattr(value, "__dlpack__") and not hasattr(value, "__array__")
    try:
        array = np.from_dlpack(value) if by_dlpack else np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise DTypeError(
            who, "numbers, or nested lists of equal lengths", type(value).__name__, f"NumPy says: {error}"
        ) from None
    except (RuntimeError, BufferError, AttributeError) as error:  # raised by the library of the array
        library, reason = type(value).__module__.partition(".")[0], str(error).rstrip(".")
        kind = type(value).__name__ if library == "builtins" else f"{library}.{type(value).__name__}"
        raise ArgumentError(who, "an array that NumPy can read", f"a {kind}", f"its library says: {reason}") from None
    numbers = not (
        by_dlpack or hasattr(value, "dtype") or shares_memory(value)
    )  # Python numbers, without a dtype of their own
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
        return array.astype(target)  # rounds once; NumPy rounds a Python int to float64 first
    try:
        if array.dtype.kind == "f" and target.kind in "iu":
            in_range = np.abs(array) < 2.0 ** (64 if target == np.uint64 else 63)
            if not in_range.all():
                raise OverflowError(f"{array[~in_range].flat[0]} does not fit a 64-bit integer")
        if array.dtype.kind == "f":
            return cast(array, target)
        return np.asarray(value, target)
    except (OverflowError, ValueError) as error:
        raise ArgumentError(who, f"numbers that {target} holds", short_repr(value), str(error)) from None


def _is_wide(array: np.ndarray[Any, Any]) -> bool:
    """Return whether Python integers may not fit int64; NumPy then returns an object or a float array."""
    return array.dtype.kind == "O" or (array.dtype.kind == "f" and bool(np.any(np.abs(array) >= 2.0**63)))


def _wide(who: str, value: Any, wanted: DType | None) -> np.ndarray[Any, Any] | None:
    """Convert Python numbers that may include integers wider than int64, exactly or with a single rounding.

    Return None for other objects.

    Raises:
        ArgumentError: for numbers that do not fit the dtype ``wanted``.
        DTypeError: for integers that fit neither int64 nor uint64, if ``wanted`` is None.
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
        fits = next((dtype for dtype in (dtypes.int64, dtypes.uint64) if _represents(dtype, least, most)), None)
        if fits is not None:
            return leaves.astype(fits).astype(wanted or fits)
        if wanted is None:
            received = f"objects ({type(value).__name__}) from {short_repr(least)} to {short_repr(most)}"
            hint = 'give another dtype, e.g. dtype="float64"'
            raise DTypeError(who, "integers in the range of int64 or uint64", received, hint)
    try:
        with np.errstate(over="ignore"):
            return leaves.astype(target)
    except (OverflowError, ValueError) as error:
        raise ArgumentError(who, f"numbers that {target} holds", short_repr(value), str(error)) from None


def _represents(dtype: DType, least: int, most: int) -> bool:
    limits = np.iinfo(dtype)
    return int(limits.min) <= least and most <= int(limits.max)
