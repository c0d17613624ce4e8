"""Operations under their names in ``keras.ops``. They are in `tensorlab.ops` only, as each has another name too."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab import shapes
from tensorlab.errors import ArgumentTypeError, ShapeError, short_repr
from tensorlab.ops import arithmetic, logical, powers, trigonometric
from tensorlab.ops.arithmetic import abs, subtract
from tensorlab.ops.comparison import equal, less_equal
from tensorlab.ops.creation import eye
from tensorlab.ops.cumulative import cumulative_prod, cumulative_sum
from tensorlab.ops.dispatch import as_tensor
from tensorlab.ops.floating import isfinite, isnan
from tensorlab.ops.indexing import getitem
from tensorlab.ops.joining import concat
from tensorlab.ops.lift import astype
from tensorlab.ops.logical import logical_and, logical_or
from tensorlab.ops.reduction import all, max, min
from tensorlab.ops.shaping import permute_dims, reshape
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor, asarray

__all__ = [
    "absolute",
    "allclose",
    "amax",
    "amin",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "array",
    "bitwise_not",
    "cast",
    "convert_to_numpy",
    "convert_to_tensor",
    "copy",
    "cumprod",
    "cumsum",
    "hstack",
    "identity",
    "is_tensor",
    "isclose",
    "left_shift",
    "mod",
    "ndim",
    "power",
    "ravel",
    "right_shift",
    "shape",
    "size",
    "split",
    "swapaxes",
    "true_divide",
    "vstack",
]

absolute = arithmetic.abs
amax, amin = max, min
arccos, arccosh, arcsin, arcsinh = trigonometric.acos, trigonometric.acosh, trigonometric.asin, trigonometric.asinh
arctan, arctan2, arctanh = trigonometric.atan, trigonometric.atan2, trigonometric.atanh
bitwise_not = logical.bitwise_invert
left_shift, right_shift = logical.bitwise_left_shift, logical.bitwise_right_shift
mod, power, true_divide = arithmetic.remainder, powers.pow, arithmetic.divide


def convert_to_tensor(x: Any, dtype: Any = None) -> Tensor:
    """Convert numbers or an array to a tensor, as `asarray` does. Source: Keras, ``keras.ops.convert_to_tensor``."""
    return asarray(x, dtype=dtype)


array = convert_to_tensor


def convert_to_numpy(x: Any) -> np.ndarray[Any, Any]:
    """Return a copy of the elements as a NumPy array. Source: Keras, ``keras.ops.convert_to_numpy``."""
    return np.array(as_tensor(x, "convert_to_numpy").numpy())


def is_tensor(x: Any) -> bool:
    """Return whether an object is a tensor. Source: Keras, ``keras.ops.is_tensor``."""
    return isinstance(x, Tensor)


def cast(x: Any, dtype: Any) -> Tensor:
    """Convert a tensor to another dtype, as `astype` does. Source: Keras, ``keras.ops.cast``."""
    return astype(x, dtype, copy=False)


def copy(x: Any) -> Tensor:
    """Return a copy of a tensor. Source: Keras, ``keras.ops.copy``."""
    return asarray(as_tensor(x, "copy"), copy=True)


def shape(x: Any) -> Shape:
    """Return the length of each axis. Source: Keras, ``keras.ops.shape``."""
    return as_tensor(x, "shape").shape


def size(x: Any) -> int:
    """Return the number of elements. Source: Keras, ``keras.ops.size``."""
    return as_tensor(x, "size").size


def ndim(x: Any) -> int:
    """Return the number of axes. Source: Keras, ``keras.ops.ndim``."""
    return as_tensor(x, "ndim").ndim


def identity(n: int, dtype: Any = None) -> Tensor:
    """Return the identity matrix. Source: Keras, ``keras.ops.identity``."""
    return eye(n, dtype=dtype)


def ravel(x: Any) -> Tensor:
    """Return the elements as a vector, in C order. Source: Keras, ``keras.ops.ravel``."""
    return reshape(x, (-1,))


def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """Return the tensor with two axes exchanged.

    Raises:
        ShapeError: for an axis that is out of range.

    Source: Keras, ``keras.ops.swapaxes``.
    """
    tensor = as_tensor(x, "swapaxes")
    first, second = (shapes.normalize_axis("swapaxes", axis, tensor.ndim) for axis in (axis1, axis2))
    order = list(range(tensor.ndim))
    order[first], order[second] = second, first
    return permute_dims(tensor, order)


def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Return `cumulative_sum`, of the flattened tensor if ``axis`` is None. Source: Keras, ``keras.ops.cumsum``."""
    return cumulative_sum(ravel(x) if axis is None else x, axis, dtype=dtype)


def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Return `cumulative_prod`, of the flattened tensor if ``axis`` is None. Source: Keras, ``keras.ops.cumprod``."""
    return cumulative_prod(ravel(x) if axis is None else x, axis, dtype=dtype)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Return the parts of a tensor along an axis.

    Args:
        x: a tensor or an array.
        indices_or_sections: the number of equal parts, or the indices at which the second and later parts begin.
        axis: the axis.

    Raises:
        ShapeError: if parts of equal length are not possible, or for an axis that is out of range.
        ArgumentTypeError: for indices that are not integers.

    Source: Keras, ``keras.ops.split``.
    """
    tensor = as_tensor(x, "split")
    position = shapes.normalize_axis("split", axis, tensor.ndim)
    length = tensor.shape[position]
    try:
        if isinstance(indices_or_sections, (list, tuple, np.ndarray)):
            starts = [operator.index(start) for start in indices_or_sections]
        else:
            count = operator.index(indices_or_sections)
            if count < 1 or length % count:
                raise ShapeError("split", f"a number of parts that {length} is a multiple of", str(count))
            starts = [part * (length // count) for part in range(1, count)]
    except TypeError:
        raise ArgumentTypeError("split", "integers", short_repr(indices_or_sections)) from None
    before = (slice(None),) * position
    return [
        getitem(tensor, (*before, slice(start, end)))
        for start, end in zip([0, *starts], [*starts, length], strict=True)
    ]


def hstack(xs: Sequence[Any]) -> Tensor:
    """Join tensors along the second axis, vectors along their only axis. Source: Keras, ``keras.ops.hstack``."""
    tensors = [as_tensor(x, "hstack") for x in xs]
    return concat(tensors, 0 if tensors and tensors[0].ndim == 1 else 1)


def vstack(xs: Sequence[Any]) -> Tensor:
    """Join tensors along the first axis. Vectors become rows. Source: Keras, ``keras.ops.vstack``."""
    tensors = [as_tensor(x, "vstack") for x in xs]
    return concat([reshape(x, (1, -1)) if x.ndim == 1 else x for x in tensors], 0)


def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Return where ``|x1 - x2| ≤ atol + rtol |x2|``.

    Equal infinities are close, and with ``equal_nan`` so are two NaN.

    Source: Keras, ``keras.ops.isclose``.
    """
    near = less_equal(abs(subtract(x1, x2)), atol + rtol * abs(x2))
    close = logical_or(logical_and(near, isfinite(x2)), equal(x1, x2))
    return logical_or(close, logical_and(isnan(x1), isnan(x2))) if equal_nan else close


def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Return whether all elements are close, as `isclose` defines it. Source: Keras, ``keras.ops.allclose``."""
    return all(isclose(x1, x2, rtol, atol, equal_nan))
