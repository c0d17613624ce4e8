"""Reductions over any set of axes, each a table entry of scalar functions."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab import autodiff, dtypes, shapes
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentTypeError, ShapeError
from tensorlab.ops.arithmetic import add, divide, multiply, square
from tensorlab.ops.broadcasting import SUM, broadcast_to
from tensorlab.ops.comparison import equal, not_equal
from tensorlab.ops.cumulative import accumulator, products_of_others
from tensorlab.ops.dispatch import as_tensor, is_scalar
from tensorlab.ops.extrema import maximum, minimum
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.logical import logical_and, logical_or
from tensorlab.ops.shaping import permute_dims, reshape
from tensorlab.rules import Reduction
from tensorlab.scalars import scalar_function
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor

__all__ = [
    "all",
    "all_finite",
    "any",
    "logsumexp",
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
        scalar_function(element),
        None if result is None else scalar_function(result),
        initial,
    )


_MEAN = _rule("mean", add, 0, result=_ratio)
_PROD = _rule("prod", multiply, 1)
_MAX = _rule("max", maximum, None)
_MIN = _rule("min", minimum, None)
_ANY = _rule("any", logical_or, 0, element=_truth)
_ALL = _rule("all", logical_and, 1, element=_truth)


def _reduce(rule: Reduction, x: Tensor, axis: Axis, keepdims: bool, compute: DType, output: DType) -> Tensor:
    buffer, backend = x._buffer, x._backend
    axes = None if axis is None else shapes.normalize_axes(rule.name, axis, buffer.ndim)
    if rule.initial is None and (not buffer.size if axes is None else 0 in [buffer.shape[place] for place in axes]):
        over = "all axes" if axes is None else f"axes {axes}"
        raise ShapeError(rule.name, "at least one element", f"shape {x.shape} over {over}", "it has no identity")
    result = backend.reduce(rule, compute, buffer.dtype, output)(buffer, axes)
    if keepdims:
        kept = [1 if axes is None or place in axes else length for place, length in enumerate(buffer.shape)]
        result = backend.reshape(result, tuple(kept))
    return Tensor(result, backend)


def _spread(value: Tensor, shape: Shape, axes: tuple[int, ...]) -> Tensor:
    """A reduced tensor, repeated along the axes that it lost of this shape."""
    kept = tuple(1 if place in axes else length for place, length in enumerate(shape))
    return broadcast_to(reshape(value, kept), shape)


def _real(who: str, x: Tensor) -> Tensor:
    return x if x.dtype.kind == "f" else x.astype(dtypes.default_float)


def sum(x: Any, /, axis: Axis = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over some axes, or all; integers are summed in 64 bits. Over no elements it is 0.

    Raises:
        ShapeError: for an axis that is out of range or given twice.

    Source: Python array API standard, ``sum``.
    """
    # The gradient needs no element, so the memory of the tensor may change afterwards.
    tensor = x if isinstance(x, Tensor) and not x.watched else as_tensor(x, "sum")
    buffer, backend = tensor._buffer, tensor._backend
    own = buffer.dtype
    compute = own if dtype is None and own.kind == "f" else accumulator("sum", tensor, dtype)
    if axis is None and not keepdims:  # so often that it need not go through the rest
        result = Tensor(backend.reduce(SUM, compute, own, compute)(buffer, None), backend)
    else:
        result = _reduce(SUM, tensor, axis, keepdims, compute, compute)
    if autodiff.recording() and tensor.dtype.kind == "f":
        axes = shapes.normalize_axes("sum", axis, tensor.ndim)
        shape = tensor.shape  # so that the tape keeps this alone
        autodiff.record((tensor,), (result,), (lambda g: _spread(g.astype(own), shape, axes),))
    return result


def mean(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The arithmetic mean over some axes, or all; NaN over no elements.

    Of integers it is float32, computed in float64.

    Source: Python array API standard, ``mean``.
    """
    tensor = as_tensor(x, "mean")
    compute, output = (tensor.dtype,) * 2 if tensor.dtype.kind == "f" else (dtypes.float64, dtypes.default_float)
    result = _reduce(_MEAN, tensor, axis, keepdims, compute, output)
    if autodiff.recording() and tensor.dtype.kind == "f":
        axes = shapes.normalize_axes("mean", axis, tensor.ndim)
        shape = tensor.shape
        count = math.prod(shape[place] for place in axes)
        autodiff.record((tensor,), (result,), (lambda g: _spread(divide(g, count), shape, axes),))
    return result


def prod(x: Any, /, axis: Axis = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The product over some axes, or all; integers are multiplied in 64 bits. Over no elements it is 1.

    Raises:
        ShapeError: for an axis that is out of range or given twice.

    Source: Python array API standard, ``prod``.
    """
    tensor = as_tensor(x, "prod")
    compute = accumulator("prod", tensor, dtype)
    result = _reduce(_PROD, tensor, axis, keepdims, compute, compute)
    if autodiff.recording() and tensor.dtype.kind == "f":
        axes = shapes.normalize_axes("prod", axis, tensor.ndim)
        autodiff.record(
            (tensor,),
            (result,),
            (lambda g: _spread(g.astype(tensor.dtype), tensor.shape, axes) * _others(tensor, axes),),
        )
    return result


def _others(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """For each element the product of all others over some axes; in float64, where fewer of the products overflow."""
    order = [place for place in range(x.ndim) if place not in axes] + list(axes)
    ordered = permute_dims(x, order).astype(dtypes.float64)
    kept = ordered.shape[: x.ndim - len(axes)]
    others = products_of_others(reshape(ordered, (*kept, math.prod(ordered.shape[len(kept) :]))))
    inverse = [order.index(place) for place in range(x.ndim)]
    return permute_dims(reshape(others, ordered.shape), inverse).astype(x.dtype)


def _extreme(rule: Reduction, x: Any, axis: Axis, keepdims: bool) -> Tensor:
    tensor = as_tensor(x, rule.name)
    result = _reduce(rule, tensor, axis, keepdims, tensor.dtype, tensor.dtype)
    if autodiff.recording() and tensor.dtype.kind == "f":
        axes = shapes.normalize_axes(rule.name, axis, tensor.ndim)
        kept = result.snapshot()  # the caller may assign to the result

        def vjp(gradient: Tensor) -> Tensor:
            ties = equal(tensor, _spread(kept, tensor.shape, axes)).astype(tensor.dtype)
            return ties * _spread(gradient, tensor.shape, axes) / sum(ties, axis=axes, keepdims=True)

        autodiff.record((tensor,), (result,), (vjp,))
    return result


def max(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The largest element, NaN if there is one; equal ones share the gradient.

    Raises:
        ShapeError: over no elements.

    Source: Python array API standard, ``max``.
    """
    return _extreme(_MAX, x, axis, keepdims)


def min(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """The smallest element, NaN if there is one; equal ones share the gradient.

    Raises:
        ShapeError: over no elements.

    Source: Python array API standard, ``min``.
    """
    return _extreme(_MIN, x, axis, keepdims)


def any(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Whether some element is not zero, over some axes, or all; over no elements False. NaN is not zero.

    Raises:
        ShapeError: for an axis that is out of range or given twice.

    Source: Python array API standard, ``any``.
    """
    tensor = as_tensor(x, "any")
    return (
        _reduce(_ANY, tensor, axis, keepdims, dtypes.bool, dtypes.bool)
        if tensor.dtype.kind == "b"
        else any(not_equal(tensor, 0), axis=axis, keepdims=keepdims)
    )


def all(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Whether every element is not zero, over some axes, or all; over no elements True. NaN is not zero.

    Raises:
        ShapeError: for an axis that is out of range or given twice.

    Source: Python array API standard, ``all``.
    """
    tensor = as_tensor(x, "all")
    return (
        _reduce(_ALL, tensor, axis, keepdims, dtypes.bool, dtypes.bool)
        if tensor.dtype.kind == "b"
        else all(not_equal(tensor, 0), axis=axis, keepdims=keepdims)
    )


def _is_finite(x: float) -> float:
    return 1 if x - x == 0 else 0


_ALL_FINITE = _rule("all_finite", logical_and, 1, element=_is_finite)


def all_finite(x: Any) -> Tensor:
    """Whether no element is NaN or infinite, in one pass without memory of its own."""
    tensor = _real("all_finite", as_tensor(x, "all_finite"))
    return _reduce(_ALL_FINITE, tensor, None, False, tensor.dtype, dtypes.bool)


def _correction(who: str, value: Any) -> float:
    if is_scalar(value) or isinstance(value, np.number):
        return float(value)
    raise ArgumentTypeError(who, "a correction that is a number", repr(value))


def var(x: Any, /, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """``Σ (x - mean)² / (n - correction)`` over some axes, or all; NaN unless ``n > correction``.

    Of integers it is float32, computed in float64.

    Raises:
        ShapeError: for an axis that is out of range or given twice.
        ArgumentTypeError: for a ``correction`` that is not a number.

    Source: Python array API standard, ``var``.
    """
    tensor = as_tensor(x, "var")
    if tensor.dtype.kind != "f":
        exact = tensor.astype(dtypes.float64)
        return var(exact, axis=axis, correction=correction, keepdims=keepdims).astype(dtypes.default_float)
    axes = shapes.normalize_axes("var", axis, tensor.ndim)
    count = math.prod(tensor.shape[place] for place in axes)
    squares = square(tensor - mean(tensor, axis=axes, keepdims=True))
    divisor = count - _correction("var", correction)
    return divide(sum(squares, axis=axes, keepdims=keepdims), divisor if divisor > 0 else math.nan)


def _deviation(variance: float) -> float:
    return math.sqrt(variance) if variance != 0 else 0.0  # the least there is, so its slope is 0 and not infinite


_root_of_variance = Elementwise(scalar_function(_deviation))


def std(x: Any, /, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The square root of `var`. Where all elements are alike its gradient is 0.

    Source: Python array API standard, ``std``.
    """
    return _root_of_variance(var(x, axis=axis, correction=correction, keepdims=keepdims))


def _scaled(x: float, largest: float) -> float:
    return math.exp(x - largest) if x != largest else 1.0  # of the largest also where it is infinite


def _scaled_back(total: float, largest: float) -> float:
    return math.log(total) + largest


def _share(x: float, largest: float, total: float) -> float:
    return 0.0 if largest == -math.inf else _scaled(x, largest) / total


_exp_scaled, _log_scaled, _shares = (
    Elementwise(scalar_function(function)) for function in (_scaled, _scaled_back, _share)
)


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """``log Σ exp(x)`` over some axes, or all, without overflow; -inf over no elements.

    Of infinities it is their limit: -inf if all are -inf, inf if one is inf. So is the gradient: elements that are inf
    share it; it is 0 if all are -inf. Integers become float32.

    Raises:
        ShapeError: for an axis that is out of range or given twice.

    Source: Keras, ``keras.ops.logsumexp``.
    """
    tensor = _real("logsumexp", as_tensor(x, "logsumexp"))
    axes = shapes.normalize_axes("logsumexp", axis, tensor.ndim)
    kept = tuple(1 if place in axes else length for place, length in enumerate(tensor.shape))
    with autodiff.no_grad():
        empty = builtins.any(tensor.shape[place] == 0 for place in axes)
        largest = broadcast_to(tensor.like(0), kept) if empty else max(tensor, axis=axes, keepdims=True)
        total = sum(_exp_scaled(tensor, largest), axis=axes, keepdims=True)  # the number of those that are inf, if any
        result = _log_scaled(total, largest)
        if not keepdims:
            result = reshape(result, [length for place, length in enumerate(tensor.shape) if place not in axes])
    if autodiff.recording():

        def vjp(gradient: Tensor) -> Tensor:
            return _spread(gradient, tensor.shape, axes) * _softmax_over(axes, tensor, largest, total)

        autodiff.record((tensor,), (result,), (vjp,))
    return result


def _softmax_over(axes: tuple[int, ...], x: Tensor, largest: Tensor, total: Tensor) -> Tensor:
    with autodiff.no_grad():
        result = _shares(x, largest, total)
    if autodiff.recording():

        def vjp(gradient: Tensor) -> Tensor:
            part = result * gradient
            return part - result * sum(part, axis=axes, keepdims=True)

        autodiff.record((x,), (result,), (vjp,))
    return result
