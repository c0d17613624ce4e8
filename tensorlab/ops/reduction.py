"""Reductions over any set of axes, each a table entry of scalar functions."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

from tensorlab import autodiff, dtypes, shapes
from tensorlab.dtypes import DType
from tensorlab.errors import DTypeError, ShapeError
from tensorlab.ops import elementwise_functions as e
from tensorlab.ops.broadcasting import SUM, broadcast_to
from tensorlab.ops.dispatch import as_tensor
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.shaping import permute_dims, reshape
from tensorlab.rules import Reduction
from tensorlab.scalars import ScalarFunction
from tensorlab.tensor import Tensor, from_buffer_of

__all__ = [
    "all",
    "all_finite",
    "any",
    "argmax",
    "argmin",
    "max",
    "mean",
    "min",
    "prod",
    "std",
    "sum",
    "var",
]

Axis = int | Sequence[int] | None


def _itself(x: float) -> float:
    return x


def _truth(x: float) -> float:
    return x != 0


def _ratio(total: float, count: float) -> float:
    return total / count


def _rule(
    name: str, combine: Elementwise, initial: float | None, element: Any = _itself, result: Any = None
) -> Reduction:
    return Reduction(
        name,
        combine.scalar,
        ScalarFunction.of(element),
        None if result is None else ScalarFunction.of(result),
        initial,
    )


_MEAN = _rule("mean", e.add, 0, result=_ratio)
_PROD = _rule("prod", e.multiply, 1)
_MAX = _rule("max", e.maximum, None)
_MIN = _rule("min", e.minimum, None)
_ANY = _rule("any", e.logical_or, 0, element=_truth)
_ALL = _rule("all", e.logical_and, 1, element=_truth)


def _reduce(rule: Reduction, x: Tensor, axis: Axis, keepdims: bool, compute: DType, output: DType) -> Tensor:
    axes = shapes.normalize_axes(rule.name, axis, x.ndim)
    if rule.initial is None and builtins.any(x.shape[place] == 0 for place in axes):
        raise ShapeError(rule.name, "at least one element", f"shape {x.shape} over axes {axes}", "it has no identity")
    buffer = x._backend.reduce(rule, x._buffer, axes, compute, output)
    if keepdims:
        kept = tuple(1 if place in axes else length for place, length in enumerate(x.shape))
        buffer = x._backend.reshape(buffer, kept)
    return from_buffer_of(x, buffer)


def _spread(value: Tensor, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """A reduced tensor, repeated along the axes that it lost."""
    kept = tuple(1 if place in axes else length for place, length in enumerate(x.shape))
    return broadcast_to(reshape(value, kept), x.shape)


def _accumulator(x: Tensor, dtype: Any) -> DType:
    """The dtype of a sum: the one asked for, else wide enough for integers (array API standard)."""
    if dtype is not None:
        return dtypes.as_dtype(dtype)
    return {"b": dtypes.int64, "i": dtypes.int64, "u": dtypes.uint64}.get(x.dtype.kind, x.dtype)


def _real(who: str, x: Tensor) -> Tensor:
    return x if x.dtype.kind == "f" else x.astype(dtypes.default_float)


def sum(x: Any, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over some axes, or all; integers are summed in 64 bits. Over no elements it is 0.

    Raises:
        ShapeError: for an axis that is out of range or given twice.

    Source: Python array API standard, ``sum``.
    """
    tensor = as_tensor(x, "sum")
    compute = _accumulator(tensor, dtype)
    result = _reduce(SUM, tensor, axis, keepdims, compute, compute)
    if autodiff.recording() and tensor.dtype.kind == "f":
        axes = shapes.normalize_axes("sum", axis, tensor.ndim)
        autodiff.record((tensor,), (result,), (lambda g: _spread(g.astype(tensor.dtype), tensor, axes),))
    return result


def mean(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The arithmetic mean over some axes, or all; NaN over no elements. Integers become float32.

    Source: Python array API standard, ``mean``.
    """
    tensor = _real("mean", as_tensor(x, "mean"))
    result = _reduce(_MEAN, tensor, axis, keepdims, tensor.dtype, tensor.dtype)
    if autodiff.recording():
        axes = shapes.normalize_axes("mean", axis, tensor.ndim)
        count = math.prod(tensor.shape[place] for place in axes)
        autodiff.record((tensor,), (result,), (lambda g: _spread(e.divide(g, count), tensor, axes),))
    return result


def prod(x: Any, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The product over some axes, or all; 1 over no elements.

    The gradient divides by the elements, so it is not finite where one is zero.

    Source: Python array API standard, ``prod``.
    """
    tensor = as_tensor(x, "prod")
    compute = _accumulator(tensor, dtype)
    result = _reduce(_PROD, tensor, axis, keepdims, compute, compute)
    if autodiff.recording() and tensor.dtype.kind == "f":
        axes = shapes.normalize_axes("prod", axis, tensor.ndim)
        autodiff.record((tensor,), (result,), (lambda g: _spread(e.multiply(g, result), tensor, axes) / tensor,))
    return result


def _extreme(rule: Reduction, x: Any, axis: Axis, keepdims: bool) -> Tensor:
    tensor = as_tensor(x, rule.name)
    result = _reduce(rule, tensor, axis, keepdims, tensor.dtype, tensor.dtype)
    if autodiff.recording() and tensor.dtype.kind == "f":
        axes = shapes.normalize_axes(rule.name, axis, tensor.ndim)

        def vjp(gradient: Tensor) -> Tensor:
            ties = e.equal(tensor, _spread(result, tensor, axes)).astype(tensor.dtype)
            return ties * _spread(gradient, tensor, axes) / sum(ties, axis=axes, keepdims=True)

        autodiff.record((tensor,), (result,), (vjp,))
    return result


def max(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest element, NaN if there is one; equal ones share the gradient.

    Raises:
        ShapeError: over no elements.

    Source: Python array API standard, ``max``.
    """
    return _extreme(_MAX, x, axis, keepdims)


def min(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest element, NaN if there is one; equal ones share the gradient.

    Raises:
        ShapeError: over no elements.

    Source: Python array API standard, ``min``.
    """
    return _extreme(_MIN, x, axis, keepdims)


def any(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether some element is non-zero."""
    tensor = as_tensor(x, "any")
    return (
        _reduce(_ANY, tensor, axis, keepdims, dtypes.bool, dtypes.bool)
        if tensor.dtype.kind == "b"
        else any(e.not_equal(tensor, 0), axis=axis, keepdims=keepdims)
    )


def all(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether every element is non-zero."""
    tensor = as_tensor(x, "all")
    return (
        _reduce(_ALL, tensor, axis, keepdims, dtypes.bool, dtypes.bool)
        if tensor.dtype.kind == "b"
        else all(e.not_equal(tensor, 0), axis=axis, keepdims=keepdims)
    )


def _is_finite(x: float) -> float:
    return 1 if x - x == 0 else 0


_ALL_FINITE = _rule("all_finite", e.logical_and, 1, element=_is_finite)


def all_finite(x: Any) -> Tensor:
    """Whether no element is NaN or infinite, in one pass without memory of its own."""
    tensor = _real("all_finite", as_tensor(x, "all_finite"))
    return _reduce(_ALL_FINITE, tensor, None, False, tensor.dtype, dtypes.bool)


def var(x: Any, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """``Σ (x - mean)² / (n - correction)`` over some axes, or all.

    Source: Python array API standard, ``var``.
    """
    tensor = _real("var", as_tensor(x, "var"))
    axes = shapes.normalize_axes("var", axis, tensor.ndim)
    count = math.prod(tensor.shape[place] for place in axes)
    squares = e.square(tensor - mean(tensor, axis=axes, keepdims=True))
    return e.divide(sum(squares, axis=axes, keepdims=keepdims), float(builtins.max(count - correction, 0)))


def std(x: Any, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The square root of `var`."""
    return e.sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def _arg(rule: str, x: Any, axis: int | None, keepdims: bool) -> Tensor:
    tensor = as_tensor(x, f"arg{rule}")
    if tensor.dtype.kind == "b":
        raise DTypeError(f"arg{rule}", "tensors of numbers", "bool", "convert them with .astype()")
    flat = reshape(tensor, (-1,)) if axis is None else tensor
    place = shapes.normalize_axis(f"arg{rule}", 0 if axis is None else axis, flat.ndim)
    if flat.shape[place] == 0:
        raise ShapeError(f"arg{rule}", "at least one element", f"shape {tensor.shape} over axis {axis}")
    last = permute_dims(flat, [a for a in range(flat.ndim) if a != place] + [place])
    result = from_buffer_of(tensor, tensor._backend.arg_reduce(rule, last._buffer))
    if not keepdims:
        return result
    kept = (1,) * tensor.ndim if axis is None else (*tensor.shape[:place], 1, *tensor.shape[place + 1 :])
    return reshape(result, kept)


def argmax(x: Any, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the largest element is, the first of equals; along an axis, or in the flattened tensor. int64.

    Source: Python array API standard, ``argmax``.
    """
    return _arg("max", x, axis, keepdims)


def argmin(x: Any, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where the smallest element is, the first of equals; along an axis, or in the flattened tensor. int64.

    Source: Python array API standard, ``argmin``.
    """
    return _arg("min", x, axis, keepdims)
