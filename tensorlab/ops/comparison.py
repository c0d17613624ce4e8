"""Comparisons, which give bools, and the choice that is made by them."""

from __future__ import annotations

from typing import Any

from tensorlab import dtypes
from tensorlab.errors import DTypeError
from tensorlab.ops.dispatch import as_tensor, device_of, is_scalar, kinds_of, lists_of_numbers
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
    """``x1 == x2``; NaN equals nothing. Source: array API standard."""
    return x1 == x2


@_comparison
def not_equal(x1: float, x2: float) -> float:
    """``x1 != x2``. Source: array API standard."""
    return x1 != x2


@_comparison
def less(x1: float, x2: float) -> float:
    """``x1 < x2``. Source: array API standard."""
    return x1 < x2


@_comparison
def less_equal(x1: float, x2: float) -> float:
    """``x1 <= x2``. Source: array API standard."""
    return x1 <= x2


@_comparison
def greater(x1: float, x2: float) -> float:
    """``x1 > x2``. Source: array API standard."""
    return x1 > x2


@_comparison
def greater_equal(x1: float, x2: float) -> float:
    """``x1 >= x2``. Source: array API standard."""
    return x1 >= x2


def _choice(condition: float, x1: float, x2: float) -> float:
    return x1 if condition != 0 else x2


_where = elementwise(domain="any", name="where")(_choice)


def where(condition: Any, x1: Any, x2: Any, /) -> Tensor:
    """``x1`` where the condition is true, else ``x2``; all three broadcast.

    Args:
        condition: bools.
        x1, x2: tensors, arrays or numbers; the result has the dtype that they promote to.

    Raises:
        DTypeError: for a condition that is not of bools, and for dtypes that have no common type.
        ShapeError: for shapes that do not broadcast.

    Source: array API standard, ``where``.
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
        [number for x in branches if not isinstance(x, Tensor) for number in kinds_of(x)],
    )
    return _where(chosen.astype(target), *branches)
