"""Norms of vectors and matrices."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from tensorlab import autodiff, dtypes, shapes
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.linalg.host import matrices, real
from tensorlab.linalg.spectral import svdvals
from tensorlab.ops import arithmetic, reduction
from tensorlab.ops.comparison import not_equal
from tensorlab.ops.dispatch import is_scalar
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.powers import pow
from tensorlab.ops.reduction import Axis, _reduce, _reduction, broadcast_back
from tensorlab.ops.shaping import moveaxis, reshape
from tensorlab.scalars import scalar_function
from tensorlab.tensor import Tensor

__all__ = ["matrix_norm", "norm", "vector_norm"]


def _square(x: float) -> float:
    return x * x


def _root(total: float, count: float) -> float:
    return math.sqrt(total)


def _direction(x: float, norm: float) -> float:
    return x / norm if norm != 0 else 0.0


def _slope(x: float, norm: float, p: float) -> float:
    """Return the derivative of the norm by ``x``: ``sign(x) (|x| / norm)^(p - 1)``, but 0 where ``x`` is 0."""
    if x == 0 or norm == 0:
        return 0.0
    return math.pow(x / norm, p - 1.0) if x > 0 else -math.pow(-x / norm, p - 1.0)


_EUCLIDEAN = _reduction("vector_norm", arithmetic.add, 0, element=_square, result=_root)
_directions, _slopes = (Elementwise(scalar_function(function)) for function in (_direction, _slope))


def vector_norm(x: Any, /, *, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Tensor:
    """Return ``(Σ |x|^ord)^(1 / ord)`` over one or more axes.

    ``ord=inf`` gives the largest ``|x|``, ``-inf`` the smallest, and 0 the number of nonzero elements. The gradient is
    0 where all elements are 0. Elements that tie for the largest or smallest share the gradient. Integers become
    float32.

    Args:
        x: a tensor or an array.
        axis: an axis or a tuple of axes; None for all.
        keepdims: whether to keep the reduced axes with length 1.
        ord: any real number, or an infinity.

    Raises:
        ArgumentError: for an ``ord`` that is not a number.
        ShapeError: for an axis that is out of range or given twice, or for an infinite ``ord`` without elements.
        DTypeError: for bools.

    Example:
        >>> tl.linalg.vector_norm([3.0, 4.0])
        Tensor(5., dtype=float32)

    Source: Python array API standard, ``linalg.vector_norm``.
    """
    tensor = real("vector_norm", x)
    axes = shapes.normalize_axes("vector_norm", axis, tensor.ndim)
    if not (is_scalar(ord) or isinstance(ord, np.number)) or ord != ord or _too_large(ord):
        raise ArgumentError("vector_norm", "an ord that is a real number or an infinity", short_repr(ord))
    if ord == 2:
        return _euclidean(tensor, axes, keepdims)
    if ord == 1:
        return reduction.sum(arithmetic.abs(tensor), axis=axes, keepdims=keepdims)
    if ord == 0:
        return reduction.sum(not_equal(tensor, 0).astype(tensor.dtype), axis=axes, keepdims=keepdims)
    if math.isinf(ord):
        extreme = reduction.max if ord > 0 else reduction.min
        return extreme(arithmetic.abs(tensor), axis=axes, keepdims=keepdims)
    return _power_norm(tensor, axes, keepdims, float(ord))


def _too_large(ord: float) -> bool:
    """Return whether this is an integer beyond every float."""
    return isinstance(ord, int) and abs(ord) > sys.float_info.max


def _euclidean(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    # accumulate in float64, where the square of a float32 number cannot overflow
    result = _reduce(_EUCLIDEAN, x, axes, keepdims, dtypes.float64, x.dtype)
    if autodiff.recording():
        norm, shape = result.snapshot(), x.shape

        def vjp(g: Tensor) -> Tensor:
            return broadcast_back(g, shape, axes) * _directions(x, broadcast_back(norm, shape, axes))

        autodiff.record((x,), (result,), (vjp,))
    return result


def _power_norm(x: Tensor, axes: tuple[int, ...], keepdims: bool, p: float) -> Tensor:
    shape = x.shape
    with autodiff.no_grad():
        result = _scaled_power_norm(arithmetic.abs(x), axes, keepdims, p)
    if autodiff.recording():
        norm = result.snapshot()

        def vjp(g: Tensor) -> Tensor:
            return broadcast_back(g, shape, axes) * _slopes(x, broadcast_back(norm, shape, axes), p)

        autodiff.record((x,), (result,), (vjp,))
    return result


def _scale(x: float) -> float:
    return x if x - x == 0 and x != 0 else 1.0


_scales = Elementwise(scalar_function(_scale))


def _scaled_power_norm(sizes: Tensor, axes: tuple[int, ...], keepdims: bool, p: float) -> Tensor:
    """Return the norm of ``sizes``, computed after division by the dominant element so that no power overflows."""
    if 0 in [sizes.shape[k] for k in axes]:
        return reduction.sum(sizes, axis=axes, keepdims=keepdims)
    extreme = reduction.max if p > 0 else reduction.min
    scale = _scales(extreme(sizes, axis=axes, keepdims=True))
    powers = pow(sizes / scale, p)
    result = pow(reduction.sum(powers, axis=axes, keepdims=True), 1.0 / p) * scale
    return result if keepdims else reshape(result, [n for k, n in enumerate(sizes.shape) if k not in axes])


_OF_SINGULAR_VALUES: dict[Any, Any] = {"nuc": reduction.sum, 2: reduction.max, -2: reduction.min}
_OF_SUMS: dict[Any, tuple[Any, int]] = {
    1: (reduction.max, -2),
    -1: (reduction.min, -2),
    math.inf: (reduction.max, -1),
    -math.inf: (reduction.min, -1),
}


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """Return a norm of matrices: ``(…, m, n) → (…)``.

    The gradient of "fro" is 0 where all elements are 0. Values that tie for the largest or smallest share the gradient.

    Args:
        x: matrices.
        keepdims: whether to keep the last two axes with length 1.
        ord: "fro" for the square root of the sum of squares, "nuc" for the sum of the singular values, 2 and -2 for the
            largest and smallest singular value, 1 and -1 for the largest and smallest column sum of ``|x|``, inf and
            -inf for the largest and smallest row sum.

    Raises:
        ArgumentError: for another ``ord``, or NaN or infinity where singular values are needed.
        ShapeError: for fewer than two axes, or a maximum or minimum without elements.
        DTypeError: for bools.

    Source: Python array API standard, ``linalg.matrix_norm``.
    """
    tensor = matrices("matrix_norm", x)
    known = ["fro", *_OF_SINGULAR_VALUES, *_OF_SUMS]
    if isinstance(ord, bool) or not isinstance(ord, (str, int, float)) or ord not in known:
        raise ArgumentError("matrix_norm", f"an ord of {', '.join(map(repr, known))}", short_repr(ord))
    if ord == "fro":
        result = _euclidean(tensor, (tensor.ndim - 2, tensor.ndim - 1), False)
    elif ord in _OF_SINGULAR_VALUES:
        result = _OF_SINGULAR_VALUES[ord](svdvals(tensor), axis=-1)
    else:
        extreme, axis = _OF_SUMS[ord]
        result = extreme(reduction.sum(arithmetic.abs(tensor), axis=axis), axis=-1)
    return reshape(result, (*result.shape, 1, 1)) if keepdims else result


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return a norm of vectors along one axis, or of matrices along two, like ``numpy.linalg.norm``.

    Args:
        x: a tensor or an array.
        ord: as for `vector_norm` or `matrix_norm`; if None, 2 for vectors and "fro" for matrices.
        axis: one axis, or two. None for the axes of a vector or a matrix; for all axes if ``ord`` is None too.
        keepdims: whether to keep the reduced axes with length 1.

    Raises:
        ShapeError: for another number of axes, or an axis that is out of range.
        ArgumentError: for another ``ord``.

    Source: Keras, ``keras.ops.norm``.
    """
    tensor = real("norm", x)
    if axis is None and (ord is None or tensor.ndim == 1):
        return vector_norm(tensor, keepdims=keepdims, ord=2 if ord is None else ord)
    given = axis if isinstance(axis, (tuple, list)) else range(tensor.ndim) if axis is None else (axis,)
    axes = [shapes.normalize_axis("norm", each, tensor.ndim) for each in given]
    if len(axes) == 1:
        return vector_norm(tensor, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ShapeError("norm", "one axis, or two that differ", f"{tuple(given)} of shape {tensor.shape}")
    result = matrix_norm(moveaxis(tensor, axes, (-2, -1)), ord="fro" if ord is None else ord)
    kept = tuple(1 if k in axes else length for k, length in enumerate(tensor.shape))
    return reshape(result, kept) if keepdims else result
