"""The standard's functions of complex numbers, for real ones: there is no complex dtype."""

from __future__ import annotations

from typing import Any

from tensorlab.errors import DTypeError
from tensorlab.ops.creation import zeros_like
from tensorlab.ops.dispatch import as_tensor
from tensorlab.tensor import Tensor

__all__ = [
    "conj",
    "imag",
    "real",
]


def _numbers(who: str, x: Any) -> Tensor:
    tensor = as_tensor(x, who)
    if tensor.dtype.kind == "b":
        raise DTypeError(who, "tensors of numbers", "bool", "convert them with .astype()")
    return tensor


def conj(x: Any, /) -> Tensor:
    """Return the complex conjugate of real numbers: the numbers themselves.

    Raises:
        DTypeError: for bools.

    Source: Python array API standard, ``conj``.
    """
    return _numbers("conj", x)


def real(x: Any, /) -> Tensor:
    """Return the real part of real numbers: the numbers themselves.

    Raises:
        DTypeError: for bools.

    Source: Python array API standard, ``real``.
    """
    return _numbers("real", x)


def imag(x: Any, /) -> Tensor:
    """Return the imaginary part of real numbers: zeros.

    Raises:
        DTypeError: for bools.

    Source: Python array API standard, ``imag``.
    """
    return zeros_like(_numbers("imag", x))
