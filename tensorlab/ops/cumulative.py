"""Cumulative sums and products, and differences, along an axis."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab import autodiff, dtypes, shapes
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError, short_repr
from tensorlab.ops.dispatch import as_tensor
from tensorlab.ops.indexing import getitem
from tensorlab.ops.joining import concat, flip
from tensorlab.ops.shaping import moveaxis
from tensorlab.rules import Scan
from tensorlab.scalars import scalar_function
from tensorlab.tensor import Tensor, from_buffer_of

__all__ = [
    "cumulative_prod",
    "cumulative_sum",
    "diff",
]


def _add(total: float, error: float, x: float) -> tuple[float, float]:
    after = total + x
    part = after - total
    return after, error + ((total - (after - part)) + (x - part))


def _corrected(total: float, error: float) -> float:
    both = total + error
    return both if both == both else total  # if the total is infinite, its error is NaN


def _multiply(total: float, x: float) -> float:
    return total * x


def _recur(y: float, a: float, b: float) -> float:
    return a * y + b


def _itself(x: float) -> float:
    return x


_of = scalar_function
# The rounding error of each addition, by Knuth's TwoSum, is summed separately: the next step need not wait for it.
RUNNING_SUM = Scan("cumulative_sum", _of(_add), _of(_corrected), (0, 0))
_PROD = Scan("cumulative_prod", _of(_multiply), _of(_itself), (1,))
_RECURRENCE = Scan("recurrence", _of(_recur), _of(_itself), (0,))


def accumulator(who: str, x: Tensor, dtype: Any) -> DType:
    """Return the dtype of a sum: the one that is given, or else int64 or uint64 for integers, as in the standard."""
    if dtype is None:
        own = x._buffer.dtype
        return own if own.kind == "f" else dtypes.uint64 if own.kind == "u" else dtypes.int64
    wanted = dtypes.as_dtype(dtype, who)
    if wanted.kind == "b":
        raise DTypeError(who, "a dtype of numbers", "bool", "use tl.any or tl.all")
    return wanted


def _scan(definition: Scan, inputs: list[Tensor], output: DType) -> Tensor:
    compute = dtypes.float64 if output.kind == "f" else output
    buffers = [x._buffer for x in inputs]
    return from_buffer_of(inputs[0], inputs[0]._backend.scan(definition, buffers, compute, output))


# All of these work along the last axis.


def _reversed(x: Tensor) -> Tensor:
    return flip(x, axis=-1)


def _shifted(x: Tensor, first: float) -> Tensor:
    """Return the elements shifted by one, with ``first`` in front."""
    if not x.shape[-1]:
        return x
    return concat([x.like(np.full((*x.shape[:-1], 1), first)), getitem(x, (..., slice(-1)))], axis=-1)


def _running_sum(x: Tensor, output: DType) -> Tensor:
    result = _scan(RUNNING_SUM, [x], output)
    if autodiff.recording() and x.dtype.kind == output.kind == "f":

        def vjp(g: Tensor) -> Tensor:
            return _reversed(_running_sum(_reversed(g), output)).astype(x.dtype)

        autodiff.record((x,), (result,), (vjp,))
    return result


def _recurrence(a: Tensor, b: Tensor) -> Tensor:
    """Return ``y[i] = a[i] y[i - 1] + b[i]``. Its gradient is a recurrence of the same form.

    With ``t[i] = g[i] + a[i + 1] t[i + 1]`` the gradient of ``b`` is ``t``, and that of ``a`` is ``t[i] y[i - 1]``.
    """
    result = _scan(_RECURRENCE, [a, b], b.dtype)
    if autodiff.recording():
        kept = result.snapshot()  # the caller may assign to the result

        def of_a(g: Tensor) -> Tensor:
            return of_b(g) * _shifted(kept, 0.0)

        def of_b(g: Tensor) -> Tensor:
            return _reversed(_recurrence(_shifted(_reversed(a), 0.0), _reversed(g)))

        autodiff.record((a, b), (result,), (of_a, of_b))
    return result


def _running_product(x: Tensor, output: DType) -> Tensor:
    result = _scan(_PROD, [x], output)
    if autodiff.recording() and x.dtype.kind == output.kind == "f":
        kept = result.snapshot()  # the caller may assign to the result

        def vjp(g: Tensor) -> Tensor:
            # The product before each element, times the sum of the products of what follows it. Without a division,
            # zeros need no special case.
            after = _reversed(_recurrence(_shifted(_reversed(x.astype(output)), 0.0), _reversed(g)))
            return (_shifted(kept, 1.0) * after).astype(x.dtype)

        autodiff.record((x,), (result,), (vjp,))
    return result


def products_of_others(x: Tensor) -> Tensor:
    """Return, for each element, the product of all others along the last axis, without a division."""
    before = _shifted(_running_product(x, x.dtype), 1.0)
    after = _reversed(_shifted(_running_product(_reversed(x), x.dtype), 1.0))
    return before * after


def _cumulative(
    who: str,
    running: Callable[[Tensor, DType], Tensor],
    initial: float,
    x: Any,
    axis: int | None,
    dtype: Any,
    include_initial: bool,
) -> Tensor:
    tensor = as_tensor(x, who)
    if not tensor.ndim or (axis is None and tensor.ndim > 1):
        expected = "an axis for a tensor with several axes" if tensor.ndim else "a tensor with an axis"
        raise ShapeError(who, expected, f"shape {tensor.shape}")
    position = shapes.normalize_axis(who, 0 if axis is None else axis, tensor.ndim)
    result = running(moveaxis(tensor, position, -1), accumulator(who, tensor, dtype))
    if include_initial:
        result = concat([result.like(np.full((*result.shape[:-1], 1), initial)), result], axis=-1)
    return moveaxis(result, -1, position)


def cumulative_sum(x: Any, /, axis: int | None = None, *, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """Return ``y[i] = x[0] + … + x[i]`` along an axis.

    Integers are summed in 64 bits, float32 in float64. The rounding errors of the additions are summed too, so each sum
    is accurate to one or two roundings, however long the axis is.

    Args:
        x: a tensor or an array.
        axis: the axis; None for the only axis of a vector.
        dtype: the dtype of the result.
        include_initial: whether the result begins with 0, and so is longer by one.

    Raises:
        ShapeError: if ``axis`` is None and there is more than one, or if it is out of range.

    Source: Python array API standard, ``cumulative_sum``; Knuth, The Art of Computer Programming, 4.2.2.

    Example:
        >>> tl.cumulative_sum(tl.asarray([1.0, 2.0, 3.0])).tolist()
        [1.0, 3.0, 6.0]
    """
    return _cumulative("cumulative_sum", _running_sum, 0, x, axis, dtype, include_initial)


def cumulative_prod(x: Any, /, axis: int | None = None, *, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """Return ``y[i] = x[0] · … · x[i]`` along an axis. Integers are multiplied in 64 bits, real numbers in float64.

    Args:
        x: a tensor or an array.
        axis: the axis; None for the only axis of a vector.
        dtype: the dtype of the result.
        include_initial: whether the result begins with 1, and so is longer by one.

    Raises:
        ShapeError: if ``axis`` is None and there is more than one, or if it is out of range.

    Source: Python array API standard, ``cumulative_prod``.
    """
    return _cumulative("cumulative_prod", _running_product, 1, x, axis, dtype, include_initial)


def diff(x: Any, /, n: int = 1, axis: int = -1, *, prepend: Any = None, append: Any = None) -> Tensor:
    """Return the differences ``x[i + 1] - x[i]`` along an axis, taken ``n`` times. Unsigned integers wrap around.

    Args:
        x: a tensor or an array of numbers.
        n: how many times to take differences; 0 returns ``x``. The standard has it by name only, NumPy and Keras also
            by position.
        axis: the axis.
        prepend: values to put before ``x`` along the axis first.
        append: values to put after ``x`` along the axis first.

    Raises:
        DTypeError: for bools.
        ArgumentError: for a negative ``n``.
        ShapeError: for an axis that is out of range, or if ``prepend`` or ``append`` does not fit.

    Source: Python array API standard, ``diff``.
    """
    tensor = as_tensor(x, "diff")
    if tensor.dtype.kind == "b":
        raise DTypeError("diff", "tensors of numbers", "bool", "convert them with .astype()")
    position = shapes.normalize_axis("diff", axis, tensor.ndim)
    try:
        times = operator.index(n)
    except TypeError:
        raise ArgumentTypeError("diff", "an integer n", short_repr(n)) from None
    if times < 0:
        raise ArgumentError("diff", "n of at least 0", str(n))
    if times and (prepend is not None or append is not None):
        tensor = concat([part for part in (prepend, tensor, append) if part is not None], axis=position)
    before = (slice(None),) * position
    for _ in range(min(times, tensor.shape[position])):  # after these the result is empty
        tensor = getitem(tensor, (*before, slice(1, None))) - getitem(tensor, (*before, slice(-1)))
    return tensor
