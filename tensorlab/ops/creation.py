"""Create tensors from shapes and numbers, as in the Python array API standard."""

from __future__ import annotations

import math
import operator
import sys
from typing import Any

import numpy as np

from tensorlab import dtypes, shapes
from tensorlab.dtypes import DType
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError, short_repr
from tensorlab.ops.broadcasting import broadcast_to
from tensorlab.ops.choosing import where
from tensorlab.ops.dispatch import as_tensor, device_of
from tensorlab.ops.shaping import reshape
from tensorlab.tensor import Tensor, asarray, converted

__all__ = [
    "arange",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "linspace",
    "meshgrid",
    "ones",
    "ones_like",
    "tril",
    "triu",
    "zeros",
    "zeros_like",
]


def _filled(who: str, shape: Any, value: Any, dtype: Any, device: str | None) -> Tensor:
    lengths = shapes.as_shape(who, shape)
    wanted = None if dtype is None else dtypes.as_dtype(dtype, who)
    made = converted(who, value, wanted, "cpu", None)
    # A number is a constant, so plans may contain it; the element of a tensor has to be read.
    element = made.numpy() if isinstance(value, Tensor) else made._buffer
    if element.ndim:
        raise ShapeError(who, "one number to fill with", f"shape {element.shape}")
    return asarray(np.full(lengths, element, element.dtype), device=device)


def full(shape: Any, fill_value: float, dtype: Any = None, *, device: str | None = None) -> Tensor:
    """Return a tensor filled with one value. By default its dtype is that of the value.

    Raises:
        ShapeError: for a negative length.
        ArgumentError: for a number that the dtype cannot represent.

    Source: Python array API standard, ``full``.

    Example:
        >>> tl.full((2, 2), 7.0).tolist()
        [[7.0, 7.0], [7.0, 7.0]]
    """
    return _filled("full", shape, fill_value, dtype, device)


def zeros(shape: Any, dtype: Any = None, *, device: str | None = None) -> Tensor:
    """Return a tensor of zeros, float32 by default.

    Source: Python array API standard, ``zeros``.
    """
    return _filled("zeros", shape, 0.0, dtype, device)


def ones(shape: Any, dtype: Any = None, *, device: str | None = None) -> Tensor:
    """Return a tensor of ones, float32 by default.

    Source: Python array API standard, ``ones``.
    """
    return _filled("ones", shape, 1.0, dtype, device)


def empty(shape: Any, dtype: Any = None, *, device: str | None = None) -> Tensor:
    """Return a tensor of zeros, float32 by default. Its values would otherwise be undefined.

    Source: Python array API standard, ``empty``.
    """
    return _filled("empty", shape, 0.0, dtype, device)


def _filled_like(who: str, x: Any, value: Any, dtype: Any, device: str | None) -> Tensor:
    tensor = as_tensor(x, who)
    wanted, target = (tensor.dtype if dtype is None else dtype), (tensor.device if device is None else device)
    return _filled(who, tensor.shape, value, wanted, target)


def full_like(x: Any, /, fill_value: float, dtype: Any = None, *, device: str | None = None) -> Tensor:
    """Return a tensor filled with one value, by default with the shape, dtype and device of ``x``.

    Raises:
        ArgumentError: for a number that the dtype cannot represent.

    Source: Python array API standard, ``full_like``.
    """
    return _filled_like("full_like", x, fill_value, dtype, device)


def zeros_like(x: Any, /, dtype: Any = None, *, device: str | None = None) -> Tensor:
    """Return zeros, by default with the shape, dtype and device of ``x``.

    Source: Python array API standard, ``zeros_like``.
    """
    return _filled_like("zeros_like", x, 0, dtype, device)


def ones_like(x: Any, /, dtype: Any = None, *, device: str | None = None) -> Tensor:
    """Return ones, by default with the shape, dtype and device of ``x``.

    Source: Python array API standard, ``ones_like``.
    """
    return _filled_like("ones_like", x, 1, dtype, device)


def empty_like(x: Any, /, dtype: Any = None, *, device: str | None = None) -> Tensor:
    """Return zeros, by default with the shape, dtype and device of ``x``.

    Source: Python array API standard, ``empty_like``.
    """
    return _filled_like("empty_like", x, 0, dtype, device)


def _numbers(who: str, *values: Any) -> list[int | float]:
    """Convert values to Python numbers; integers stay exact."""
    numbers: list[int | float] = []
    for value in values:
        try:
            numbers.append(operator.index(value))
        except TypeError:
            try:
                numbers.append(float(value))
            except (TypeError, ValueError):
                raise ArgumentTypeError(who, "numbers", short_repr(value)) from None
    return numbers


def _check_range(who: str, dtype: DType, *values: float) -> None:
    """Raise ArgumentError for numbers that a dtype cannot represent, and integers beyond every float."""
    for value in values:
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            fits = limits.min <= value <= limits.max
        else:
            fits = not isinstance(value, int) or abs(value) <= sys.float_info.max
        if not fits:
            raise ArgumentError(who, f"numbers that {dtype} holds", short_repr(value), "give another dtype")


def _integer_steps(first: int, by: int, count: int, wanted: DType) -> np.ndarray[Any, Any]:
    """Return ``first + k * by`` for ``k < count``, each exact, or rounded once to a real dtype."""
    ends, exact = (first, first + (count - 1) * by), wanted
    if wanted.kind == "f":
        if min(ends) < -(2**63) or max(ends) >= (2**63 if min(ends) < 0 else 2**64):  # wider than any integer dtype
            return np.array([first + k * by for k in range(count)], object).astype(wanted)
        exact = dtypes.int64 if max(ends) < 2**63 else dtypes.uint64
    # modulo 2**64, where wrapping around is harmless
    words = np.arange(count, dtype=np.uint64) * np.uint64(by % 2**64) + np.uint64(first % 2**64)
    return words.astype(exact).astype(wanted)


def arange(
    start: float, /, stop: float | None = None, step: float = 1, dtype: Any = None, *, device: str | None = None
) -> Tensor:
    """Return ``start, start + step, …`` up to but excluding ``stop``. With one argument it is ``stop``, from 0.

    Integers are exact, or rounded once to a real dtype. Real numbers are ``start + k * step``, computed in float64. The
    dtype is int64 unless an argument is real or a dtype is given.

    Raises:
        ArgumentError: for a step of 0, for arguments that are not finite, or for numbers that the dtype cannot
            represent.
        DTypeError: for the dtype bool.

    Source: Python array API standard, ``arange``.

    Example:
        >>> tl.arange(1, 7, 2).tolist()
        [1, 3, 5]
    """
    first, end, by = _numbers("arange", *((0, start) if stop is None else (start, stop)), step)
    wanted = dtypes.result_type("arange", [], [first, end, by]) if dtype is None else dtypes.as_dtype(dtype, "arange")
    if wanted.kind == "b":
        raise DTypeError("arange", "a dtype of numbers", "bool")
    if wanted.kind in "iu":
        first, end, by = (int(x) if isinstance(x, float) and x.is_integer() else x for x in (first, end, by))
    whole = isinstance(first, int) and isinstance(end, int) and isinstance(by, int)
    try:
        count = max(0, -int((first - end) // by) if whole else math.ceil((float(end) - float(first)) / float(by)))
    except (ArithmeticError, ValueError):  # a step of 0, an infinity, or a NaN
        given = f"{short_repr(first)}, {short_repr(end)}, step {short_repr(by)}"
        raise ArgumentError("arange", "finite numbers and a step other than 0", given) from None
    shapes.as_shape("arange", count)
    if count:
        _check_range("arange", wanted, first, first + (count - 1) * by)
    if whole:
        return asarray(_integer_steps(int(first), int(by), count, wanted), device=device)
    with np.errstate(over="ignore"):  # numbers too large for float32 become infinite
        values = (first + np.arange(count, dtype=np.float64) * by).astype(wanted)
    return asarray(values, device=device)


def linspace(
    start: float, stop: float, /, num: int, *, dtype: Any = None, device: str | None = None, endpoint: bool = True
) -> Tensor:
    """Return ``num`` evenly spaced numbers from ``start`` to ``stop``, float32 by default.

    ``stop`` is the last number unless ``endpoint`` is False. In an integer dtype numbers are rounded down, exactly if
    ``start`` and ``stop`` are integers.

    Raises:
        ArgumentError: for a negative ``num``, or for numbers that are not finite or that the dtype cannot represent.
        ArgumentTypeError: for a ``num`` that is not an integer.
        DTypeError: for the dtype bool.

    Source: Python array API standard, ``linspace``.

    Example:
        >>> tl.linspace(0.0, 1.0, 5).tolist()
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    wanted = dtypes.default_float if dtype is None else dtypes.as_dtype(dtype, "linspace")
    first, last = _numbers("linspace", start, stop)
    (count,) = _numbers("linspace", num)
    if not isinstance(count, int):
        raise ArgumentTypeError("linspace", "an integer number of elements", short_repr(num))
    if count < 0:
        raise ArgumentError("linspace", "a number of elements of at least 0", str(count))
    shapes.as_shape("linspace", count)
    if wanted.kind == "b":
        raise DTypeError("linspace", "a dtype of numbers", "bool")
    _check_range("linspace", wanted, first, last)
    if not (math.isfinite(first) and math.isfinite(last)):
        raise ArgumentError("linspace", "finite numbers", f"{short_repr(first)} and {short_repr(last)}")
    if wanted.kind in "iu" and first == int(first) and last == int(last):
        values = _integer_fractions(int(first), int(last), count, endpoint, wanted)
    else:
        values = _fractions(float(first), float(last), count, endpoint)
        with np.errstate(over="ignore"):  # numbers too large for float32 become infinite
            values = (np.floor(values) if wanted.kind in "iu" else values).astype(wanted)
    return asarray(values, device=device)


def _fractions(first: float, last: float, count: int, endpoint: bool) -> np.ndarray[Any, Any]:
    if math.isfinite(last - first):
        return np.linspace(first, last, count, endpoint=endpoint)
    return 2.0 * np.linspace(0.5 * first, 0.5 * last, count, endpoint=endpoint)


def _integer_fractions(first: int, last: int, count: int, endpoint: bool, wanted: DType) -> np.ndarray[Any, Any]:
    """Return ``⌊first + k (last - first) / n⌋`` for ``k < count``, exactly."""
    parts = max(1, count - 1 if endpoint else count)
    whole, rest = divmod(last - first, parts)
    k = np.arange(count, dtype=np.uint64)
    if parts < 2**32:
        carried = k * np.uint64(rest) // np.uint64(parts)  # both factors are below 2**32
    else:
        carried = np.array([int(each) * rest // parts for each in k], np.uint64)
    return (k * np.uint64(whole % 2**64) + carried + np.uint64(first % 2**64)).astype(wanted)


def eye(
    n_rows: int, n_cols: int | None = None, /, k: int = 0, *, dtype: Any = None, device: str | None = None
) -> Tensor:
    """Return a matrix with ones on the ``k``-th diagonal and zeros elsewhere, float32 by default.

    A positive ``k`` is above the main diagonal.

    Raises:
        ShapeError: for a negative length.

    Source: Python array API standard, ``eye``.
    """
    wanted = dtypes.default_float if dtype is None else dtypes.as_dtype(dtype, "eye")
    rows, columns = shapes.as_shape("eye", (n_rows, n_rows if n_cols is None else n_cols))
    return asarray(_diagonal("eye", rows, columns, k, np.equal).astype(wanted), device=device)


def _diagonal(who: str, rows: int, columns: int, k: Any, compare: np.ufunc) -> np.ndarray[Any, Any]:
    """Return where the column compares with the row plus ``k``: the ``k``-th diagonal, or one side of it."""
    (offset,) = _numbers(who, k)
    if not isinstance(offset, int):
        raise ArgumentTypeError(who, "an integer diagonal k", short_repr(k))
    offset = max(-rows, min(columns, offset))  # diagonals farther away are empty too
    return np.asarray(compare(np.arange(columns), np.arange(rows)[:, None] + offset))


def _triangle(who: str, x: Any, k: int, compare: np.ufunc) -> Tensor:
    tensor = as_tensor(x, who)
    if tensor.ndim < 2:
        raise ShapeError(who, "at least two axes", f"shape {tensor.shape}")
    inside = _diagonal(who, tensor.shape[-2], tensor.shape[-1], k, compare)
    return where(asarray(inside, device=tensor.device), tensor, zeros_like(tensor[..., :1, :1]))


def tril(x: Any, /, k: int = 0) -> Tensor:
    """Return the matrices along the last two axes with zeros above the ``k``-th diagonal.

    Raises:
        ShapeError: for fewer than two axes.

    Source: Python array API standard, ``tril``.
    """
    return _triangle("tril", x, k, np.less_equal)


def triu(x: Any, /, k: int = 0) -> Tensor:
    """Return the matrices along the last two axes with zeros below the ``k``-th diagonal.

    Raises:
        ShapeError: for fewer than two axes.

    Source: Python array API standard, ``triu``.
    """
    return _triangle("triu", x, k, np.greater_equal)


def meshgrid(*arrays: Any, indexing: str = "xy") -> list[Tensor]:
    """Return, for each vector, a view over the grid of all vectors that varies along its own axis.

    Args:
        arrays: vectors of one dtype.
        indexing: "ij": the ``k``-th vector varies along axis ``k``; "xy": the first two axes are exchanged.

    Raises:
        ShapeError: for something that is not a vector.
        DTypeError: for vectors of different dtypes.
        ArgumentError: for another ``indexing``.

    Source: Python array API standard, ``meshgrid``.
    """
    if indexing not in ("xy", "ij"):
        raise ArgumentError("meshgrid", "indexing 'xy' or 'ij'", short_repr(indexing))
    device = device_of(arrays)
    tensors = [as_tensor(array, "meshgrid", device) for array in arrays]
    if any(tensor.ndim != 1 for tensor in tensors):
        raise ShapeError("meshgrid", "vectors", " and ".join(f"shape {tensor.shape}" for tensor in tensors))
    if len({tensor.dtype for tensor in tensors}) > 1:
        raise DTypeError("meshgrid", "vectors of one dtype", " and ".join(str(tensor.dtype) for tensor in tensors))
    axes = list(range(len(tensors)))
    if indexing == "xy":
        axes[:2] = axes[1::-1]
    grid = [0] * len(tensors)
    for axis, tensor in zip(axes, tensors, strict=True):
        grid[axis] = tensor.size
    return [
        broadcast_to(reshape(tensor, [-1 if k == axis else 1 for k in range(len(grid))]), grid)
        for axis, tensor in zip(axes, tensors, strict=True)
    ]
