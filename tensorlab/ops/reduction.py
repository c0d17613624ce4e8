"""Reductions over any set of axes, each defined by scalar functions."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorlab import autodiff, dtypes, shapes
from tensorlab.backends import Backend
from tensorlab.devices import backend as find_backend
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentTypeError, ShapeError, short_repr
from tensorlab.ops.arithmetic import add, divide, multiply, square
from tensorlab.ops.broadcasting import SUM, broadcast_to, spread
from tensorlab.ops.comparison import equal, not_equal
from tensorlab.ops.cumulative import accumulator, products_of_others
from tensorlab.ops.dispatch import as_tensor, is_scalar
from tensorlab.ops.extrema import maximum, minimum
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.logical import logical_and, logical_or
from tensorlab.ops.shaping import permute_dims, reshape
from tensorlab.rules import Reduction, finite
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


def _reduction(
    name: str, combine: Elementwise, initial: float | None, element: Any = _itself, result: Any = None
) -> Reduction:
    return Reduction(
        name,
        combine.scalar,
        scalar_function(element),
        None if result is None else scalar_function(result),
        initial,
    )


MEAN = _reduction("mean", add, 0, result=_ratio)
_PROD = _reduction("prod", multiply, 1)
_MAX = _reduction("max", maximum, None)
_MIN = _reduction("min", minimum, None)
_ANY = _reduction("any", logical_or, 0, element=_truth)
_ALL = _reduction("all", logical_and, 1, element=_truth)


def _reduce(reduction: Reduction, x: Tensor, axis: Axis, keepdims: bool, compute: DType, output: DType) -> Tensor:
    buffer, backend = x._buffer, x._backend
    axes = None if axis is None else shapes.normalize_axes(reduction.name, axis, buffer.ndim)
    if reduction.initial is None and (not buffer.size if axes is None else 0 in [buffer.shape[k] for k in axes]):
        over = "all axes" if axes is None else f"axes {axes}"
        raise ShapeError(reduction.name, "at least one element", f"shape {x.shape} over {over}", "it has no identity")
    result = backend.reduce(reduction, compute, buffer.dtype, output)(buffer, axes)
    if keepdims:
        kept = [1 if axes is None or k in axes else length for k, length in enumerate(buffer.shape)]
        result = backend.reshape(result, tuple(kept))
    return Tensor(result, backend)


def _broadcast_back(value: Tensor, shape: Shape, axes: tuple[int, ...]) -> Tensor:
    """Broadcast a reduced tensor back to the shape that it had before the reduction over some axes."""
    if value.ndim:
        value = reshape(value, tuple([1 if k in axes else length for k, length in enumerate(shape)]))
    return spread(value, shape)


_SUMS: dict[tuple[Backend, DType], Callable[..., Any]] = {}
"""The functions that sum all elements, by backend and dtype."""


def _real(who: str, x: Tensor) -> Tensor:
    return x if x.dtype.kind == "f" else x.astype(dtypes.default_float)


def sum(x: Any, /, axis: Axis = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Return the sum over some axes, or all. Integers are summed in 64 bits. The sum of no elements is 0.

    Raises:
        ShapeError: for an axis that is out of range or given twice.

    Source: Python array API standard, ``sum``.

    Example:
        >>> tl.sum(tl.ones((2, 3)), axis=0, keepdims=True).tolist()
        [[2.0, 2.0, 2.0]]
    """
    # The gradient needs no elements, so no snapshot has to keep them.
    tensor = x if isinstance(x, Tensor) and not x.watched else as_tensor(x, "sum")
    buffer, backend = tensor._buffer, tensor._backend
    own = buffer.dtype
    if axis is dtype is None and not keepdims:  # the common case, without the checks of axes
        run = _SUMS.get((backend, own))
        if run is None:
            compute = accumulator("sum", tensor, None)
            run = _SUMS[backend, own] = backend.reduce(SUM, compute, own, compute)
        result = Tensor(run(buffer, None), backend)
    else:
        compute = accumulator("sum", tensor, dtype)
        result = _reduce(SUM, tensor, axis, keepdims, compute, compute)
    if autodiff.recording() and tensor.dtype.kind == "f":
        axes = shapes.normalize_axes("sum", axis, tensor.ndim)
        shape = tensor.shape  # the tape keeps the shape, not the tensor
        autodiff.record((tensor,), (result,), (lambda g: _broadcast_back(g.astype(own), shape, axes),))
    return result


def mean(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Return the arithmetic mean over some axes, or all. The mean of no elements is NaN.

    The mean of integers is float32, computed in float64.

    Source: Python array API standard, ``mean``.

    Example:
        >>> float(tl.mean(tl.asarray([1.0, 2.0, 6.0])))
        3.0
    """
    tensor = x if type(x) is Tensor else as_tensor(x, "mean")
    compute, output = (tensor.dtype,) * 2 if tensor.dtype.kind == "f" else (dtypes.float64, dtypes.default_float)
    result = _reduce(MEAN, tensor, axis, keepdims, compute, output)
    if autodiff.recording() and tensor.dtype.kind == "f":
        axes = shapes.normalize_axes("mean", axis, tensor.ndim)
        shape = tensor.shape
        count = math.prod([shape[k] for k in axes])
        autodiff.record((tensor,), (result,), (lambda g: _broadcast_back(divide(g, count), shape, axes),))
    return result


def prod(x: Any, /, axis: Axis = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Return the product over some axes, or all. Integers are multiplied in 64 bits. The product of no elements is 1.

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
            (lambda g: _broadcast_back(g.astype(tensor.dtype), tensor.shape, axes) * _others(tensor, axes),),
        )
    return result


def _others(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return, for each element, the product of all others over some axes, in float64 so that fewer overflow."""
    order = [k for k in range(x.ndim) if k not in axes] + list(axes)
    ordered = permute_dims(x, order).astype(dtypes.float64)
    kept = ordered.shape[: x.ndim - len(axes)]
    others = products_of_others(reshape(ordered, (*kept, math.prod(ordered.shape[len(kept) :]))))
    inverse = [order.index(k) for k in range(x.ndim)]
    return permute_dims(reshape(others, ordered.shape), inverse).astype(x.dtype)


def _extreme(reduction: Reduction, x: Any, axis: Axis, keepdims: bool) -> Tensor:
    tensor = as_tensor(x, reduction.name)
    result = _reduce(reduction, tensor, axis, keepdims, tensor.dtype, tensor.dtype)
    if autodiff.recording() and tensor.dtype.kind == "f":
        axes = shapes.normalize_axes(reduction.name, axis, tensor.ndim)
        kept = result.snapshot()  # the caller may assign to the result

        def vjp(gradient: Tensor) -> Tensor:
            ties = equal(tensor, _broadcast_back(kept, tensor.shape, axes)).astype(tensor.dtype)
            return ties * _broadcast_back(gradient, tensor.shape, axes) / sum(ties, axis=axes, keepdims=True)

        autodiff.record((tensor,), (result,), (vjp,))
    return result


def max(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Return the largest element over some axes, or all; NaN if any is NaN. Equal elements share the gradient.

    Raises:
        ShapeError: if there are no elements.

    Source: Python array API standard, ``max``.
    """
    return _extreme(_MAX, x, axis, keepdims)


def min(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Return the least element over some axes, or all; NaN if any is NaN. Equal elements share the gradient.

    Raises:
        ShapeError: if there are no elements.

    Source: Python array API standard, ``min``.
    """
    return _extreme(_MIN, x, axis, keepdims)


def any(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Return whether any element is nonzero, over some axes, or all; False without elements. NaN is nonzero.

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
    """Return whether all elements are nonzero, over some axes, or all; True without elements. NaN is nonzero.

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


ALL_FINITE = _reduction("all_finite", logical_and, 1, element=_is_finite)


def all_finite(x: Any) -> Tensor:
    """Return whether no element is NaN or infinite, in one pass without temporary memory."""
    tensor = _real("all_finite", x if isinstance(x, Tensor) else as_tensor(x, "all_finite"))
    return _reduce(ALL_FINITE, tensor, None, False, tensor.dtype, dtypes.bool)


def are_finite(array: np.ndarray[Any, Any]) -> bool:
    """Return whether all elements of an aligned array of real numbers on the host are finite."""
    run = find_backend("cpu").reduce(ALL_FINITE, array.dtype, array.dtype, dtypes.bool)
    return bool(run(array, None).item())


def only_finite(x: Tensor) -> bool:
    """Return `all_finite` of a tensor of real numbers as a Python bool; it is not an operation on the tensor."""
    buffer, backend = x._buffer, x._backend
    run = backend.reduce(ALL_FINITE, buffer.dtype, buffer.dtype, dtypes.bool)
    return bool(backend.to_host(run(buffer, None)).item())


def _correction(who: str, value: Any) -> float:
    if is_scalar(value) or isinstance(value, np.number):
        return finite(f"{who} correction", value)
    raise ArgumentTypeError(who, "a correction that is a number", short_repr(value))


def var(x: Any, /, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """Return the variance ``Σ (x - mean)² / (n - correction)`` over some axes, or all; NaN unless ``n > correction``.

    The variance of integers is float32, computed in float64.

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
    count = math.prod(tensor.shape[k] for k in axes)
    squares = square(tensor - mean(tensor, axis=axes, keepdims=True))
    divisor = count - _correction("var", correction)
    return divide(sum(squares, axis=axes, keepdims=keepdims), divisor if divisor > 0 else math.nan)


def _deviation(variance: float) -> float:
    return math.sqrt(variance) if variance != 0 else 0.0  # 0 is the minimum: the derivative is 0, not infinite


_root_of_variance = Elementwise(scalar_function(_deviation))


def std(x: Any, /, axis: Axis = None, *, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """Return the standard deviation, the square root of `var`. If all elements are equal its gradient is 0.

    Source: Python array API standard, ``std``.
    """
    return _root_of_variance(var(x, axis=axis, correction=correction, keepdims=keepdims))


def _scaled(x: float, largest: float) -> float:
    return math.exp(x - largest) if x != largest else 1.0  # also if the largest is infinite


def _scaled_back(total: float, largest: float) -> float:
    return math.log(total) + largest


def _fraction(x: float, largest: float, total: float) -> float:
    return 0.0 if largest == -math.inf else _scaled(x, largest) / total


_exp_scaled, _log_scaled, _fractions = (
    Elementwise(scalar_function(function)) for function in (_scaled, _scaled_back, _fraction)
)


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return ``log Σ exp(x)`` over some axes, or all, without overflow; -inf without elements.

    It is -inf if all elements are -inf, and inf if one is inf. Elements that are inf share the gradient. If all are
    -inf it is 0. Integers are converted to float32.

    Raises:
        ShapeError: for an axis that is out of range or given twice.

    Source: Keras, ``keras.ops.logsumexp``.
    """
    tensor = _real("logsumexp", as_tensor(x, "logsumexp"))
    axes = shapes.normalize_axes("logsumexp", axis, tensor.ndim)
    kept = tuple(1 if k in axes else length for k, length in enumerate(tensor.shape))
    with autodiff.no_grad():
        empty = builtins.any(tensor.shape[k] == 0 for k in axes)
        largest = broadcast_to(tensor.like(0), kept) if empty else max(tensor, axis=axes, keepdims=True)
        total = sum(_exp_scaled(tensor, largest), axis=axes, keepdims=True)  # if any is inf, their number
        result = _log_scaled(total, largest)
        if not keepdims:
            result = reshape(result, [length for k, length in enumerate(tensor.shape) if k not in axes])
    if autodiff.recording():

        def vjp(gradient: Tensor) -> Tensor:
            return _broadcast_back(gradient, tensor.shape, axes) * _softmax_over(axes, tensor, largest, total)

        autodiff.record((tensor,), (result,), (vjp,))
    return result


def _softmax_over(axes: tuple[int, ...], x: Tensor, largest: Tensor, total: Tensor) -> Tensor:
    with autodiff.no_grad():
        result = _fractions(x, largest, total)
    if autodiff.recording():

        def vjp(gradient: Tensor) -> Tensor:
            part = result * gradient
            return part - result * sum(part, axis=axes, keepdims=True)

        autodiff.record((x,), (result,), (vjp,))
    return result
