"""Data types and type promotion, according to the Python array API standard."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from tensorlab.errors import DTypeError, short_repr

DType = np.dtype[Any]

bool = np.dtype(np.bool_)
int8, int16, int32, int64 = (np.dtype(f"int{bits}") for bits in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64))
float32, float64 = np.dtype("float32"), np.dtype("float64")

NAMES = (
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    "float32",
    "float64",
)

default_float = float32
"""The dtype of Python floats and of floating-point results of integers."""

_BY_NAME = {name: np.dtype(name) for name in NAMES}
_KNOWN = {dtype: dtype for dtype in _BY_NAME.values()}
"""The one object of each dtype. NumPy also creates equal ones, but compiled calls compare addresses."""
is_own = _KNOWN.__contains__
"""Whether a NumPy dtype is one of tensorlab's, in the byte order of this machine."""


def as_dtype(dtype: Any, who: str = "dtype") -> DType:
    """Return a dtype from its name, a NumPy dtype, or a Python type.

    Raises:
        DTypeError: if it is not one of tensorlab's dtypes.
    """
    if isinstance(dtype, np.dtype) and dtype in _KNOWN:
        return _KNOWN[dtype]
    if type(dtype) is str and dtype in _BY_NAME:
        return _BY_NAME[dtype]
    if dtype is float:  # float means the default floating-point dtype, as in the array API standard
        return default_float
    try:
        found: DType | None = None if dtype is None else np.dtype(dtype)  # NumPy would read None as float64
    except Exception:  # TypeError, or what the object itself raises
        found = None
    if found is not None and found.newbyteorder("=") in _KNOWN:
        return _KNOWN[found.newbyteorder("=")]
    raise DTypeError(
        who, f"one of {', '.join(NAMES)}", short_repr(dtype), "convert the data first, e.g. with .astype()"
    )


def kind(dtype: DType) -> str:
    """Return ``"bool"``, ``"integer"`` or ``"real"``."""
    return {"b": "bool", "i": "integer", "u": "integer", "f": "real"}[dtype.kind]


def can_hold(dtype: DType, other: DType) -> builtins.bool:
    """Return whether ``other`` promotes to ``dtype``: same kind, and no value is lost."""
    return kind(dtype) == kind(other) and np.promote_types(dtype, other) == dtype


def _width(dtype: DType) -> tuple[int, int]:
    """Return a sort key: bools, unsigned integers, signed integers, floats, each by size."""
    return "buif".index(dtype.kind), dtype.itemsize


def result_type(who: str, dtypes: list[DType], scalars: list[int | float]) -> DType:
    """Return the dtype of the result of an operation on arrays and Python scalars.

    Arrays promote within a kind according to the array API standard. A Python scalar takes the arrays' dtype, except
    that a float with integer arrays gives `default_float`.

    Raises:
        DTypeError: for arrays of different kinds, which have no common type in the standard.
    """
    if not dtypes:
        if any(isinstance(value, float) for value in scalars):
            return default_float
        return int64 if any(not isinstance(value, builtins.bool) for value in scalars) else bool
    result = dtypes[0]
    for dtype in dtypes[1:]:
        if dtype is result or dtype == result:
            continue
        common = np.promote_types(result, dtype)
        if kind(dtype) != kind(result) or kind(common) != kind(result):
            raise DTypeError(
                who,
                "arrays of one kind of dtype",
                f"{result} and {dtype}",
                f"convert one of them, e.g. x.astype({str(max(result, dtype, key=_width))!r})",
            )
        result = common
    for value in scalars:
        if isinstance(value, float) and result.kind != "f":
            return default_float
        if not isinstance(value, builtins.bool) and result.kind == "b":
            result = int64
    return result
