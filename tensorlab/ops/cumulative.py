"""What goes along an axis: running sums and products, and differences of neighbours."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab import autodiff, dtypes, shapes
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
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
    return both if both == both else total  # the error of an infinite total is NaN


def _multiply(total: float, x: float) -> float:
    return total * x


def _recur(y: float, a: float, b: float) -> float:
    return a * y + b


def _itself(x: float) -> float:
    return x


_of = scalar_function
# Knuth's exact error of each addition is summed beside the total, off the chain of steps that wait for each other.
_SUM = Scan("cumulative_sum", _of(_add), _of(_corrected), (0, 0))
_PROD = Scan("cumulative_prod", _of(_multiply), _of(_itself), (1,))
_RECURRENCE = Scan("recurrence", _of(_recur), _of(_itself), (0,))


def accumulator(who: str, x: Tensor, dtype: Any) -> DType:
    """The dtype of a sum: the one asked for, else wide enough for integers (array API standard)."""
    if dtype is None:
        own = x._buffer.dtype
        return own if own.kind == "f" else dtypes.uint64 if own.kind == "u" else dtypes.int64
    wanted = dtypes.as_dtype(dtype, who)
    if wanted.kind == "b":
        raise DTypeError(who, "a dtype of numbers", "bool", "use tl.any or tl.all")
    return wanted


def _scan(rule: Scan, inputs: list[Tensor], output: DType) -> Tensor:
    compute = dtypes.float64 if output.kind == "f" else output
    buffers = [x._buffer for x in inputs]
    return from_buffer_of(inputs[0], inputs[0]._backend.scan(rule, buffers, compute, output))


# Each along the last axis.


def _backwards(x: Tensor) -> Tensor:
    return flip(x, axis=-1)


def _moved_on(x: Tensor, first: float) -> Tensor:
    """One place on, with ``first`` in front."""
    if not x.shape[-1]:
        return x
    return concat([x.like(np.full((*x.shape[:-1], 1), first)), getitem(x, (..., slice(-1)))], axis=-1)


def _running_sum(x: Tensor, output: DType) -> Tensor:
    result = _scan(_SUM, [x], output)
    if autodiff.recording() and x.dtype.kind == output.kind == "f":

        def vjp(g: Tensor) -> Tensor:
            return _backwards(_running_sum(_backwards(g), output)).astype(x.dtype)

        autodiff.record((x,), (result,), (vjp,))
    return result


def _recurrence(a: Tensor, b: Tensor) -> Tensor:
    """``y[i] = a[i] y[i - 1] + b[i]``, of which running sums and products are special cases, and the gradient another.

    With ``t[i] = g[i] + a[i + 1] t[i + 1]`` the gradient of ``b`` is ``t``, and that of ``a`` is ``t[i] y[i - 1]``.
    """
    result = _scan(_RECURRENCE, [a, b], b.dtype)
    if autodiff.recording():
        kept = result.snapshot()  # the caller may assign to the result

        def of_a(g: Tensor) -> Tensor:
            return of_b(g) * _moved_on(kept, 0.0)

        def of_b(g: Tensor) -> Tensor:
            return _backwards(_recurrence(_moved_on(_backwards(a), 0.0), _backwards(g)))

        autodiff.record((a, b), (result,), (of_a, of_b))
    return result


def _running_product(x: Tensor, output: DType) -> Tensor:
    result = _scan(_PROD, [x], output)
    if autodiff.recording() and x.dtype.kind == output.kind == "f":
        kept = result.snapshot()  # the caller may assign to the result

        def vjp(g: Tensor) -> Tensor:
            # All that comes before an element, times what comes after it, summed over where the products end: no
            # division, so zeros are nothing special.
            after = _backwards(_recurrence(_moved_on(_backwards(x.astype(output)), 0.0), _backwards(g)))
            return (_moved_on(kept, 1.0) * after).astype(x.dtype)

        autodiff.record((x,), (result,), (vjp,))
    return result


def products_of_others(x: Tensor) -> Tensor:
    """For each element the product of all others along the last axis, without a division."""
    before = _moved_on(_running_product(x, x.dtype), 1.0)
    after = _backwards(_moved_on(_running_product(_backwards(x), x.dtype), 1.0))
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
        expected = "an axis, for a tensor of more than one" if tensor.ndim else "a tensor with an axis"
        raise ShapeError(who, expected, f"shape {tensor.shape}")
    place = shapes.normalize_axis(who, 0 if axis is None else axis, tensor.ndim)
    result = running(moveaxis(tensor, place, -1), accumulator(who, tensor, dtype))
    if include_initial:
        result = concat([result.like(np.full((*result.shape[:-1], 1), initial)), result], axis=-1)
    return moveaxis(result, -1, place)


def cumulative_sum(x: Any, /, axis: int | None = None, *, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """``y[i] = x[0] + … + x[i]`` along an axis; integers are summed in 64 bits.

    Every sum is right but for its last rounding or two, however long the axis is: float32 is summed in float64, and the
    errors of the additions are summed, too.

    Args:
        x: a tensor or an array.
        axis: along which axis; None for a vector's only one.
        dtype: of the result.
        include_initial: whether the 0 before the first element is part of the result, which is then one longer.

    Raises:
        ShapeError: if ``axis`` is None and there is more than one, or if it is out of range.

    Source: Python array API standard, ``cumulative_sum``; Knuth, The Art of Computer Programming, 4.2.2.
    """
    return _cumulative("cumulative_sum", _running_sum, 0, x, axis, dtype, include_initial)


def cumulative_prod(x: Any, /, axis: int | None = None, *, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """``y[i] = x[0] · … · x[i]`` along an axis; integers are multiplied in 64 bits, reals in float64.

    Args:
        x: a tensor or an array.
        axis: along which axis; None for a vector's only one.
        dtype: of the result.
        include_initial: whether the 1 before the first element is part of the result, which is then one longer.

    Raises:
        ShapeError: if ``axis`` is None and there is more than one, or if it is out of range.

    Source: Python array API standard, ``cumulative_prod``.
    """
    return _cumulative("cumulative_prod", _running_product, 1, x, axis, dtype, include_initial)


def diff(x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Tensor:
    """``x[i + 1] - x[i]`` along an axis, ``n`` times over; unsigned integers wrap around.

    Args:
        x: a tensor or an array of numbers.
        axis: along which axis.
        n: how many times; 0 gives ``x`` as it is.
        prepend, append: what to put before and after ``x`` along the axis first.

    Raises:
        DTypeError: for bools.
        ArgumentError: for a negative ``n``.
        ShapeError: for an axis that is out of range, or if what is put before and after does not fit.

    Source: Python array API standard, ``diff``.
    """
    tensor = as_tensor(x, "diff")
    if tensor.dtype.kind == "b":
        raise DTypeError("diff", "tensors of numbers", "bool", "convert them with .astype()")
    place = shapes.normalize_axis("diff", axis, tensor.ndim)
    try:
        times = operator.index(n)
    except TypeError:
        raise ArgumentTypeError("diff", "a whole number n", repr(n)) from None
    if times < 0:
        raise ArgumentError("diff", "n of at least 0", str(n))
    if times and (prepend is not None or append is not None):
        tensor = concat([part for part in (prepend, tensor, append) if part is not None], axis=place)
    before = (slice(None),) * place
    for _ in range(min(times, tensor.shape[place])):  # then there is nothing left
        tensor = getitem(tensor, (*before, slice(1, None))) - getitem(tensor, (*before, slice(-1)))
    return tensor
