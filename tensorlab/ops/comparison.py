"""Elementwise comparisons."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab import autodiff, dtypes
from tensorlab.backends import Backend
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError
from tensorlab.ops.casting import astype
from tensorlab.ops.dispatch import Scalar, are_lists_of_numbers, as_tensor, is_scalar
from tensorlab.ops.lift import Elementwise
from tensorlab.scalars import scalar_function
from tensorlab.tensor import Tensor

__all__ = [
    "equal",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "not_equal",
]


class Comparison(Elementwise):
    """A comparison of two operands, exact also for Python numbers that the dtype of the tensor cannot represent."""

    __slots__ = ()

    def _plain(self, operands: tuple[Any, ...]) -> tuple[list[Tensor], Backend, DType] | None:
        try:
            return super()._plain(operands)
        except ArgumentError:  # a number that the dtype cannot represent
            return None

    def _converted(self, operands: tuple[Any, ...]) -> tuple[list[Tensor], Backend, DType]:
        return super()._converted(_comparable(self.__name__, *operands))


def _comparable(who: str, x1: Any, x2: Any) -> tuple[Any, Any]:
    """Return operands that compare as the given ones, with Python numbers that the dtype of the other can represent."""
    numbers = [is_scalar(x) or listed for x, listed in zip((x1, x2), are_lists_of_numbers((x1, x2)), strict=True)]
    if numbers == [True, False]:
        x, number = _with_number(who, x2, x1)
        return number, x
    return _with_number(who, x1, x2) if numbers == [False, True] else (x1, x2)


def _with_number(who: str, x: Any, number: Any) -> tuple[Any, Any]:
    """Return a tensor and a number, or a list of numbers, that compare as these do.

    An integer tensor is compared in its own dtype with an integer that this can represent, and with other numbers in
    float64, where numbers out of range become infinite. That is exact: a fraction is less than 2⁵³, up to which float64
    represents every integer, and rounding keeps the order.
    """
    tensor = as_tensor(x, who)
    exact = [_as_integer(each) for each in ([number] if is_scalar(number) else autodiff.flatten(number))]
    if tensor.dtype.kind == "f":
        least, most = -_MAX_FLOAT, _MAX_FLOAT
        fits = all(least <= each <= most for each in exact if isinstance(each, int))
    else:
        bounds = np.iinfo(dtypes.int64 if tensor.dtype.kind == "b" else tensor.dtype)
        least, most = int(bounds.min), int(bounds.max)
        fits = all(isinstance(each, int) and least <= each <= most for each in exact)
    if fits:
        return tensor, exact[0] if is_scalar(number) else number
    if not is_scalar(number) and most > _EXACT and all(isinstance(each, int) for each in exact):
        return tensor, number  # this will raise: float64 would round the other numbers of the list
    wide = tensor if tensor.dtype.kind == "f" else astype(tensor, dtypes.float64)
    return wide, _mapped(lambda each: _within(each, least, most), number)


_EXACT = 2**53
"""The largest number up to which float64 represents every integer."""
_MAX_FLOAT = int(np.finfo(np.float64).max)


def _as_integer(number: Scalar) -> Scalar:
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _within(number: Scalar, least: int, most: int) -> float:
    return math.inf if number > most else -math.inf if number < least else float(number)


def _mapped(function: Callable[[Scalar], float], numbers: Any) -> Any:
    return function(numbers) if is_scalar(numbers) else [_mapped(function, each) for each in numbers]


def _comparison(function: Callable[[float, float], float]) -> Comparison:
    return Comparison(scalar_function(function), "any", "bool")


@_comparison
def equal(x1: float, x2: float) -> float:
    """Return whether ``x1 == x2``. NaN equals nothing. Source: array API standard."""
    return x1 == x2


@_comparison
def not_equal(x1: float, x2: float) -> float:
    """Return whether ``x1 != x2``. Source: array API standard."""
    return x1 != x2


@_comparison
def less(x1: float, x2: float) -> float:
    """Return whether ``x1 < x2``. Source: array API standard."""
    return x1 < x2


@_comparison
def less_equal(x1: float, x2: float) -> float:
    """Return whether ``x1 <= x2``. Source: array API standard."""
    return x1 <= x2


@_comparison
def greater(x1: float, x2: float) -> float:
    """Return whether ``x1 > x2``. Source: array API standard."""
    return x1 > x2


@_comparison
def greater_equal(x1: float, x2: float) -> float:
    """Return whether ``x1 >= x2``. Source: array API standard."""
    return x1 >= x2
