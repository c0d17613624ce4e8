"""Elementwise maximum, minimum and clip."""

from __future__ import annotations

from typing import Any

from tensorlab import dtypes
from tensorlab.errors import DTypeError, short_repr
from tensorlab.ops.dispatch import as_tensor, device_of, is_scalar
from tensorlab.ops.lift import elementwise
from tensorlab.tensor import Tensor

__all__ = [
    "clip",
    "maximum",
    "minimum",
]

_any = elementwise(domain="any")


@_any
def maximum(x1: float, x2: float) -> float:
    """Return the larger of two numbers; NaN if either is NaN. Equal numbers take half of the gradient each.

    Source: array API standard.
    """
    larger = max(x1, x2)  # one instruction, which gives x1 if either is NaN
    return x2 + x1 if x2 != x2 else larger  # LLVM would merge a plain x2 with the max, which is slower


@_any
def minimum(x1: float, x2: float) -> float:
    """Return the smaller of two numbers; NaN if either is NaN. Equal numbers take half of the gradient each.

    Source: array API standard.
    """
    smaller = min(x1, x2)
    return x2 + x1 if x2 != x2 else smaller


def _within(x: float, min: float, max: float) -> float:
    above = x if x >= min or x != x else min
    return above if above <= max or above != above else max


def _not_below(x: float, min: float) -> float:
    larger = min if min > x else x
    return min + x if min != min else larger


def _not_above(x: float, max: float) -> float:
    smaller = max if max < x else x
    return max + x if max != max else smaller


_of_clip = elementwise(domain="number", name="clip")
_clip, _clip_below, _clip_above = _of_clip(_within), _of_clip(_not_below), _of_clip(_not_above)


def clip(x: Any, /, min: Any = None, max: Any = None) -> Tensor:
    """Return ``x`` limited to ``[min, max]``, in the dtype of ``x``. All three broadcast.

    The result is NaN if any of them is NaN, and ``max`` where ``min > max``. At a bound the gradient flows to ``x``.

    Args:
        x: numbers.
        min: the lower bound, or None for none: a number, an array or a tensor.
        max: the upper bound, likewise.

    Raises:
        DTypeError: for bools, for bounds of another kind of dtype than ``x``, and for an integer dtype that the dtype
            of ``x`` cannot represent.
        ArgumentError: for a number that the dtype of ``x`` cannot represent.
        ShapeError: for shapes that do not broadcast.

    Source: Python array API standard, ``clip``.
    """
    tensor = as_tensor(x, "clip", device_of((x, min, max)))
    if dtypes.kind(tensor.dtype) == "bool":
        raise DTypeError("clip", "tensors of numbers", "bool", "convert them with .astype()")
    lower, upper = (_bound(bound, tensor) for bound in (min, max))
    if lower is None:
        return tensor if upper is None else _clip_above(tensor, upper)
    return _clip_below(tensor, lower) if upper is None else _clip(tensor, lower, upper)


def _bound(bound: Any, x: Tensor) -> Any:
    """Return a bound in the dtype of ``x``."""
    if bound is None:
        return None
    if is_scalar(bound):
        fits = dtypes.result_type("clip", [x.dtype], [bound]) == x.dtype
        if fits:
            return bound
        raise _unfit(x, f"the Python {type(bound).__name__} {short_repr(bound)}")
    tensor = as_tensor(bound, "clip", x.device)
    if not dtypes.can_hold(x.dtype, tensor.dtype) and not x.dtype.kind == tensor.dtype.kind == "f":
        raise _unfit(x, str(tensor.dtype))
    return tensor.astype(x.dtype)


def _unfit(x: Tensor, received: str) -> DTypeError:
    return DTypeError(
        "clip", f"bounds that fit in the dtype of x, {x.dtype}", received, "convert x or the bound with .astype()"
    )
