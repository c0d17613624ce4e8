"""Elementwise comparisons, and ``where``."""

from __future__ import annotations

from typing import Any

from tensorlab import dtypes
from tensorlab.errors import DTypeError
from tensorlab.ops.dispatch import as_tensor, device_of, is_scalar, lists_of_numbers, one_of_each_type
from tensorlab.ops.lift import elementwise
from tensorlab.tensor import Tensor

__all__ = [
    "equal",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "not_equal",
    "where",
]

_comparison = elementwise(domain="any", result="bool")


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


def _choice(condition: float, x1: float, x2: float) -> float:
    return x1 if condition != 0 else x2


_where = elementwise(domain="any", name="where")(_choice)


def where(condition: Any, x1: Any, x2: Any, /) -> Tensor:
    """Return ``x1`` where a condition is true, and ``x2`` elsewhere. All three broadcast.

    Args:
        condition: bools.
        x1: the values where it is true: a tensor, an array or a number.
        x2: the values where it is false, likewise. The result has the dtype that both promote to.

    Raises:
        DTypeError: for a condition of another dtype than bool, and for dtypes without a common type.
        ShapeError: for shapes that do not broadcast.

    Source: Python array API standard, ``where``.

    Example:
        >>> tl.where(tl.asarray([True, False]), [1.0, 2.0], 0.0)
        Tensor([1., 0.], dtype=float32)
    """
    device = device_of((condition, x1, x2))
    chosen = as_tensor(condition, "where", device)
    if chosen.dtype.kind != "b":
        raise DTypeError("where", "a condition of bool", str(chosen.dtype), "compare it, e.g. x != 0")
    branches = [
        x if is_scalar(x) or listed else as_tensor(x, "where", device)
        for x, listed in zip((x1, x2), lists_of_numbers((x1, x2)), strict=True)
    ]
    target = dtypes.result_type(
        "where",
        [x.dtype for x in branches if isinstance(x, Tensor)],
        [number for x in branches if not isinstance(x, Tensor) for number in one_of_each_type(x)],
    )
    return _where(chosen.astype(target), *branches)
