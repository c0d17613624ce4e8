"""The NumPy result of every elementwise operation, and the tolerance for tensorlab's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import tensorlab as tl
from tensorlab.ops.lift import Elementwise

Array = np.ndarray[Any, Any]

STANDARD_NAMES = """
    abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_invert bitwise_or
    bitwise_right_shift bitwise_xor ceil clip copysign cos cosh divide equal exp expm1 floor floor_divide
    greater greater_equal hypot isfinite isinf isnan less less_equal log log1p log2 log10 logaddexp logical_and
    logical_not logical_or logical_xor maximum minimum multiply negative nextafter not_equal positive pow
    reciprocal remainder round sign signbit sin sinh square sqrt subtract tan tanh trunc where can_cast finfo
    iinfo isdtype result_type astype e inf nan newaxis pi
"""
"""Without ``conj``, ``imag`` and ``real``, which are trivial for real numbers."""
STANDARD = STANDARD_NAMES.split()

erf, erfc = np.frompyfunc(math.erf, 1, 1), np.frompyfunc(math.erfc, 1, 1)


def _floor_divide(x1: Array, x2: Array) -> Array:
    """Return NumPy's result, except for infinities, where it is NaN."""
    return np.where(np.isinf(x1), x1 / x2, x1 // x2) if x1.dtype.kind == "f" else x1 // x2


ORACLES: dict[str, Callable[..., Array]] = {
    **{name: getattr(np, name) for name in STANDARD if hasattr(np, name)},
    "bitwise_left_shift": np.left_shift,
    "bitwise_right_shift": np.right_shift,
    "divide": np.true_divide,
    "floor_divide": _floor_divide,
    "reciprocal": lambda x: 1 / x,
    "round": lambda x: np.rint(x) if x.dtype.kind == "f" else x,  # NumPy's goes through float64
    "erf": lambda x: np.asarray(erf(x), np.float64),
    "erfc": lambda x: np.asarray(erfc(x), np.float64),
    "relu": lambda x: np.maximum(x, x.dtype.type(0)),
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}
ROUNDED = """
    acos acosh asin asinh atan atan2 atanh cos cosh erf erfc exp expm1 hypot log log1p log2 log10 logaddexp pow
    rsqrt sigmoid sin sinh sqrt tan tanh
"""
"""Operations that are accurate to a few units in the last place. All others are exact, including signs of zeros."""
SIGNLESS = {"maximum", "minimum", "relu"}
"""Operations that may return either zero."""

OPERATIONS: dict[str, Elementwise] = {
    name: operation for name in tl.ops.__all__ if isinstance(operation := getattr(tl.ops, name), Elementwise)
} | {"pow": tl.ops.powers._pow}


def expected(name: str, dtype: str, *arrays: Array) -> Array:
    """Return NumPy's values, rounded from float64."""
    with np.errstate(all="ignore"):
        exact = [x.astype(np.float64) if name in ROUNDED.split() and x.dtype.kind == "f" else x for x in arrays]
        result = np.asarray(ORACLES[name](*exact))
        return result if result.dtype.kind == "b" or OPERATIONS[name].result == "bool" else result.astype(dtype)


def compare(name: str, dtype: str, found: Array, *arrays: Array) -> None:
    """Compare a result with NumPy's values, dtypes and signs of zeros."""
    wanted = expected(name, dtype, *arrays)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape), (name, dtype)
    message = f"{name} of {dtype}"
    if name in ROUNDED.split() and wanted.dtype.kind == "f":
        info = np.finfo(dtype)
        atol = 8 * info.eps if name == "logaddexp" else info.tiny
        np.testing.assert_allclose(found, wanted, rtol=16 * info.eps, atol=atol, err_msg=message)
        return
    np.testing.assert_array_equal(found, wanted, err_msg=message)
    if wanted.dtype.kind == "f" and name not in SIGNLESS:
        zero = wanted == 0
        np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(wanted[zero]), err_msg=f"zeros of {message}")
