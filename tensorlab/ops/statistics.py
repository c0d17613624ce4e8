"""Variance, standard deviation and log-sum-exp: reductions in several passes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorlab import autodiff, dtypes, shapes
from tensorlab.errors import ArgumentTypeError, short_repr
from tensorlab.ops.arithmetic import divide, square
from tensorlab.ops.broadcasting import broadcast_to
from tensorlab.ops.dispatch import as_tensor, is_scalar
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.reduction import Axis, as_real, broadcast_back, max, mean, sum
from tensorlab.ops.shaping import reshape
from tensorlab.rules import finite
from tensorlab.scalars import scalar_function
from tensorlab.tensor import Tensor

__all__ = [
    "logsumexp",
    "std",
    "var",
]


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
    tensor = as_real("logsumexp", as_tensor(x, "logsumexp"))
    axes = shapes.normalize_axes("logsumexp", axis, tensor.ndim)
    kept = tuple(1 if k in axes else length for k, length in enumerate(tensor.shape))
    with autodiff.no_grad():
        empty = any(tensor.shape[k] == 0 for k in axes)
        largest = broadcast_to(tensor.like(0), kept) if empty else max(tensor, axis=axes, keepdims=True)
        total = sum(_exp_scaled(tensor, largest), axis=axes, keepdims=True)  # if any is inf, their number
        result = _log_scaled(total, largest)
        if not keepdims:
            result = reshape(result, [length for k, length in enumerate(tensor.shape) if k not in axes])
    if autodiff.recording():

        def vjp(gradient: Tensor) -> Tensor:
            return broadcast_back(gradient, tensor.shape, axes) * _softmax_over(axes, tensor, largest, total)

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
