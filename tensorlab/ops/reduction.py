"""Reductions over any set of axes, each defined by scalar functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorlab import autodiff, dtypes, shapes
from tensorlab.backends import Backend
from tensorlab.devices import backend as find_backend
from tensorlab.dtypes import DType
from tensorlab.errors import ShapeError
from tensorlab.ops.arithmetic import add, divide, multiply
from tensorlab.ops.broadcasting import SUM, spread
from tensorlab.ops.comparison import equal, not_equal
from tensorlab.ops.compiled_calls import ReductionCall
from tensorlab.ops.cumulative import accumulator, products_of_others
from tensorlab.ops.dispatch import as_tensor
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
    "max",
    "mean",
    "min",
    "prod",
    "sum",
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

_sum_call, _mean_call, _prod_call, _max_call, _min_call, _any_call, _all_call = [ReductionCall() for _ in range(7)]


def _reduce(
    reduction: Reduction,
    x: Tensor,
    axis: Axis,
    keepdims: bool,
    compute: DType,
    output: DType,
    call: ReductionCall | None = None,
) -> Tensor:
    """Reduce a tensor; tell the compiled call, if there is one for these dtypes, which kernel does so."""
    buffer, backend = x._buffer, x._backend
    axes = None if axis is None else shapes.normalize_axes(reduction.name, axis, buffer.ndim)
    if reduction.initial is None and (not buffer.size if axes is None else 0 in [buffer.shape[k] for k in axes]):
        over = "all axes" if axes is None else f"axes {axes}"
        raise ShapeError(reduction.name, "at least one element", f"shape {x.shape} over {over}", "it has no identity")
    run = backend.reduce(reduction, compute, buffer.dtype, output)
    result = run(buffer, axes)
    if call is not None and buffer.dtype.num not in call.entries:
        call.note(backend, buffer.dtype, output, getattr(run, "kernel", None))
    if keepdims:
        kept = [1 if axes is None or k in axes else length for k, length in enumerate(buffer.shape)]
        result = backend.reshape(result, tuple(kept))
    return Tensor(result, backend)


def broadcast_back(value: Tensor, shape: Shape, axes: tuple[int, ...]) -> Tensor:
    """Broadcast a reduced tensor back to the shape that it had before the reduction over some axes."""
    if value.ndim:
        value = reshape(value, tuple([1 if k in axes else length for k, length in enumerate(shape)]))
    return spread(value, shape)


_SUMS: dict[tuple[Backend, DType], Callable[..., Any]] = {}
"""The functions that sum all elements, by backend and dtype."""


def as_real(who: str, x: Tensor) -> Tensor:
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
    if dtype is None:
        small: Tensor | None = _sum_call.call(x, axis, keepdims)
        if small is not None:
            return small
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
        if own.num not in _sum_call.entries:
            _sum_call.note(backend, own, result._buffer.dtype, getattr(run, "kernel", None))
    else:
        compute = accumulator("sum", tensor, dtype)
        result = _reduce(SUM, tensor, axis, keepdims, compute, compute, _sum_call if dtype is None else None)
    if autodiff.recording() and tensor.dtype.kind == "f":
        axes = shapes.normalize_axes("sum", axis, tensor.ndim)
        shape = tensor.shape  # the tape keeps the shape, not the tensor
        autodiff.record((tensor,), (result,), (lambda g: broadcast_back(g.astype(own), shape, axes),))
    return result


def mean(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Return the arithmetic mean over some axes, or all. The mean of no elements is NaN.

    The mean of integers is float32, computed in float64.

    Source: Python array API standard, ``mean``.

    Example:
        >>> float(tl.mean(tl.asarray([1.0, 2.0, 6.0])))
        3.0
    """
    small: Tensor | None = _mean_call.call(x, axis, keepdims)
    if small is not None:
        return small
    tensor = x if type(x) is Tensor else as_tensor(x, "mean")
    compute, output = (tensor.dtype,) * 2 if tensor.dtype.kind == "f" else (dtypes.float64, dtypes.default_float)
    result = _reduce(MEAN, tensor, axis, keepdims, compute, output, _mean_call)
    if autodiff.recording() and tensor.dtype.kind == "f":
        axes = shapes.normalize_axes("mean", axis, tensor.ndim)
        shape = tensor.shape
        count = math.prod([shape[k] for k in axes])
        autodiff.record((tensor,), (result,), (lambda g: broadcast_back(divide(g, count), shape, axes),))
    return result


def prod(x: Any, /, axis: Axis = None, *, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Return the product over some axes, or all. Integers are multiplied in 64 bits. The product of no elements is 1.

    Raises:
        ShapeError: for an axis that is out of range or given twice.

    Source: Python array API standard, ``prod``.
    """
    if dtype is None:
        small: Tensor | None = _prod_call.call(x, axis, keepdims)
        if small is not None:
            return small
    tensor = as_tensor(x, "prod")
    compute = accumulator("prod", tensor, dtype)
    result = _reduce(_PROD, tensor, axis, keepdims, compute, compute, _prod_call if dtype is None else None)
    if autodiff.recording() and tensor.dtype.kind == "f":
        axes = shapes.normalize_axes("prod", axis, tensor.ndim)
        autodiff.record(
            (tensor,),
            (result,),
            (lambda g: broadcast_back(g.astype(tensor.dtype), tensor.shape, axes) * _others(tensor, axes),),
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


def _extreme(reduction: Reduction, call: ReductionCall, x: Any, axis: Axis, keepdims: bool) -> Tensor:
    small: Tensor | None = call.call(x, axis, keepdims)
    if small is not None:
        return small
    tensor = as_tensor(x, reduction.name)
    result = _reduce(reduction, tensor, axis, keepdims, tensor.dtype, tensor.dtype, call)
    if autodiff.recording() and tensor.dtype.kind == "f":
        axes = shapes.normalize_axes(reduction.name, axis, tensor.ndim)
        kept = result.snapshot()  # the caller may assign to the result

        def vjp(gradient: Tensor) -> Tensor:
            ties = equal(tensor, broadcast_back(kept, tensor.shape, axes)).astype(tensor.dtype)
            return ties * broadcast_back(gradient, tensor.shape, axes) / sum(ties, axis=axes, keepdims=True)

        autodiff.record((tensor,), (result,), (vjp,))
    return result


def max(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Return the largest element over some axes, or all; NaN if any is NaN. Equal elements share the gradient.

    Raises:
        ShapeError: if there are no elements.

    Source: Python array API standard, ``max``.
    """
    return _extreme(_MAX, _max_call, x, axis, keepdims)


def min(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Return the least element over some axes, or all; NaN if any is NaN. Equal elements share the gradient.

    Raises:
        ShapeError: if there are no elements.

    Source: Python array API standard, ``min``.
    """
    return _extreme(_MIN, _min_call, x, axis, keepdims)


def _of_truth(reduction: Reduction, call: ReductionCall, x: Any, axis: Axis, keepdims: bool) -> Tensor:
    small: Tensor | None = call.call(x, axis, keepdims)
    if small is not None:
        return small
    tensor = as_tensor(x, reduction.name)
    truth = tensor if tensor.dtype.kind == "b" else not_equal(tensor, 0)
    return _reduce(reduction, truth, axis, keepdims, dtypes.bool, dtypes.bool, call)


def any(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Return whether any element is nonzero, over some axes, or all; False without elements. NaN is nonzero.

    Raises:
        ShapeError: for an axis that is out of range or given twice.

    Source: Python array API standard, ``any``.
    """
    return _of_truth(_ANY, _any_call, x, axis, keepdims)


def all(x: Any, /, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Return whether all elements are nonzero, over some axes, or all; True without elements. NaN is nonzero.

    Raises:
        ShapeError: for an axis that is out of range or given twice.

    Source: Python array API standard, ``all``.
    """
    return _of_truth(_ALL, _all_call, x, axis, keepdims)


def _is_finite(x: float) -> float:
    return 1 if x - x == 0 else 0


ALL_FINITE = _reduction("all_finite", logical_and, 1, element=_is_finite)


def all_finite(x: Any) -> Tensor:
    """Return whether no element is NaN or infinite, in one pass without temporary memory."""
    tensor = as_real("all_finite", x if isinstance(x, Tensor) else as_tensor(x, "all_finite"))
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
