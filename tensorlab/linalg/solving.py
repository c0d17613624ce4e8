"""Linear systems, inverses and determinants."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tensorlab import autodiff, shapes
from tensorlab.errors import ArgumentTypeError, ShapeError, short_repr
from tensorlab.linalg.host import Array, identity, matrices, on_numpy, real
from tensorlab.ops.broadcasting import broadcast_to
from tensorlab.ops.dispatch import device_of, together
from tensorlab.ops.linalg import matmul
from tensorlab.ops.reduction import sum
from tensorlab.ops.shaping import expand_dims, matrix_transpose, reshape, squeeze
from tensorlab.tensor import Tensor

__all__ = ["det", "inv", "matrix_power", "slogdet", "solve"]


def solve(x1: Any, x2: Any, /) -> Tensor:
    """Solve ``x1 @ x = x2`` for ``x``.

    Args:
        x1: square matrices, ``(…, n, n)``.
        x2: one vector ``(n,)``, or matrices ``(…, n, k)``; leading axes broadcast.

    Raises:
        ShapeError: for matrices that are not square, or shapes that do not fit.
        ArgumentError: for a singular matrix.
        DTypeError: for bools, or if the dtypes have no common type.

    Example:
        >>> tl.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0])
        Tensor([1. , 0.5], dtype=float32)

    Source: Python array API standard, ``linalg.solve``.
    """
    device = device_of((x1, x2))
    a, b = together("solve", *(real("solve", x, device) for x in (x1, x2)))
    a = matrices("solve", a, square=True)
    if not b.ndim or b.shape[-1 if b.ndim == 1 else -2] != a.shape[-1]:
        expected = f"x2 of shape ({a.shape[-1]},) or (..., {a.shape[-1]}, k)"
        raise ShapeError("solve", expected, f"shapes {a.shape} and {b.shape}")
    if b.ndim == 1:
        return squeeze(solve(a, expand_dims(b, axis=-1)), axis=-1)
    lead = shapes.broadcast("solve", [a.shape[:-2], b.shape[:-2]], of=(a.shape, b.shape))
    return _solve(broadcast_to(a, (*lead, *a.shape[-2:])), broadcast_to(b, (*lead, *b.shape[-2:])))


def _solve(a: Tensor, b: Tensor) -> Tensor:
    """Solve for matrices with equal leading axes."""
    result = on_numpy("solve", np.linalg.solve, a, b)
    if autodiff.recording():
        x = result.snapshot()

        def vjp(g: Tensor) -> tuple[Tensor, Tensor]:
            to_b = _solve(matrix_transpose(a), g)
            return -matmul(to_b, matrix_transpose(x)), to_b

        autodiff.record((a, b), (result,), vjp)
    return result  # type: ignore[no-any-return]


def inv(x: Any, /) -> Tensor:
    """Return the inverse of square matrices, ``(…, n, n)``.

    Raises:
        ShapeError: for matrices that are not square.
        ArgumentError: for a singular matrix.
        DTypeError: for bools.

    Example:
        >>> tl.linalg.inv([[2.0, 0.0], [0.0, 4.0]])
        Tensor([[0.5 , 0.  ],
                [0.  , 0.25]], dtype=float32)

    Source: Python array API standard, ``linalg.inv``.
    """
    return _inverse("inv", matrices("inv", x, square=True), np.linalg.inv)


def _inverse(who: str, a: Tensor, function: Any) -> Tensor:
    result: Tensor = on_numpy(who, function, a)
    if autodiff.recording():
        inverse = result.snapshot()

        def vjp(g: Tensor) -> Tensor:
            transposed = matrix_transpose(inverse)
            return -matmul(matmul(transposed, g), transposed)

        autodiff.record((a,), (result,), (vjp,))
    return result


def _inverse_or_nan(array: Array) -> Array:
    """Return the inverses of matrices, with NaN for singular ones."""
    try:
        return np.asarray(np.linalg.inv(array))
    except np.linalg.LinAlgError:
        if array.ndim == 2:
            return np.full_like(array, np.nan)
        return np.stack([_inverse_or_nan(matrix) for matrix in array])


def det(x: Any, /) -> Tensor:
    """Return the determinant of square matrices, ``(…, n, n) → (…)``; 1 for an empty matrix.

    The gradient is the matrix of cofactors. It and the second derivative are also correct for singular matrices; higher
    derivatives need an invertible matrix.

    Raises:
        ShapeError: for matrices that are not square.
        DTypeError: for bools.

    Example:
        >>> tl.linalg.det([[1.0, 2.0], [3.0, 4.0]])
        Tensor(-2., dtype=float32)

    Source: Python array API standard, ``linalg.det``.
    """
    a = matrices("det", x, square=True)
    result: Tensor = on_numpy("det", np.linalg.det, a)
    if autodiff.recording():
        autodiff.record((a,), (result,), (lambda g: _outside(g) * _cofactors(a),))
    return result


def _outside(g: Tensor) -> Tensor:
    """Add two axes of length 1 to numbers per matrix, so that they broadcast to the matrices."""
    return reshape(g, (*g.shape, 1, 1))


def _cofactors(a: Tensor) -> Tensor:
    result: Tensor = on_numpy("det", _of_finite(_host_cofactors), a)
    if autodiff.recording():
        autodiff.record((a,), (result,), (lambda g: _cofactors_vjp(a, g),))
    return result


def _cofactors_vjp(a: Tensor, g: Tensor) -> Tensor:
    if not autodiff.recording():
        return on_numpy("det", _of_finite(_host_cofactors_vjp), a, g)  # type: ignore[no-any-return]
    inverse = matrix_transpose(inv(a))
    inner = sum(inverse * g, axis=(-2, -1), keepdims=True)
    return _outside(det(a)) * (inner * inverse - matmul(matmul(inverse, matrix_transpose(g)), inverse))


def _of_finite(function: Callable[..., Array]) -> Callable[..., Array]:
    """Wrap a function of matrices so that it returns NaN for matrices with NaN or infinity, which have no SVD."""

    def call(a: Array, *others: Array) -> Array:
        finite = np.isfinite(a).all(axis=(-2, -1), keepdims=True)
        return np.where(finite, function(np.where(finite, a, a.dtype.type(0)), *others), a.dtype.type(np.nan))

    return call


def _products_without(values: Array, *indices: int) -> Array:
    return np.asarray(np.prod(np.delete(values, indices, axis=-1), axis=-1))


def _host_cofactors(a: Array) -> Array:
    """Return the cofactors ``det(u v) · u diag(Π_{j≠i} s_j) v``, from the SVD ``u diag(s) v``, without a division."""
    u, s, v = np.linalg.svd(a)
    size = s.shape[-1]
    others = np.stack([_products_without(s, i) for i in range(size)], axis=-1) if size else s
    return np.asarray(_sign(u, v) * ((u * others[..., None, :]) @ v), a.dtype)


def _host_cofactors_vjp(a: Array, g: Array) -> Array:
    """Return the vjp of the cofactors, computed in the basis in which they are diagonal."""
    u, s, v = np.linalg.svd(a)
    h = np.swapaxes(u, -1, -2) @ g @ np.swapaxes(v, -1, -2)
    others = np.zeros_like(h)
    for i in range(s.shape[-1]):
        for j in range(i):
            others[..., i, j] = others[..., j, i] = _products_without(s, i, j)
    inner = -others * np.swapaxes(h, -1, -2)
    diagonal = np.einsum("...ij,...jj->...i", others, h)
    inner += diagonal[..., None] * np.eye(s.shape[-1])
    return np.asarray(_sign(u, v) * (u @ inner @ v), a.dtype)


def _sign(u: Array, v: Array) -> Array:
    return np.asarray(np.round(np.linalg.det(u) * np.linalg.det(v)))[..., None, None]


class SlogDet(NamedTuple):
    """The result of `slogdet`."""

    sign: Tensor
    logabsdet: Tensor


def slogdet(x: Any, /) -> SlogDet:
    """Return the sign and the logarithm of the absolute value of the determinant of square matrices.

    Returns:
        ``sign`` (1, -1 or 0) and ``logabsdet`` (-inf for a singular matrix), both ``(…)``. The gradient for a singular
        matrix is NaN.

    Raises:
        ShapeError: for matrices that are not square.
        DTypeError: for bools.

    Source: Python array API standard, ``linalg.slogdet``.
    """
    a = matrices("slogdet", x, square=True)
    sign, logarithm = on_numpy("slogdet", lambda array: tuple(np.linalg.slogdet(array)), a)
    if autodiff.recording():

        def vjp(_: Tensor | None, g: Tensor | None) -> Tensor | None:
            return g if g is None else _outside(g) * matrix_transpose(_inverse("slogdet", a, _inverse_or_nan))

        autodiff.record((a,), (sign, logarithm), (vjp,))
    return SlogDet(sign, logarithm)


def matrix_power(x: Any, n: int, /) -> Tensor:
    """Return integer powers of square matrices; a negative power is a power of the inverse.

    Raises:
        ShapeError: for matrices that are not square.
        ArgumentError: for a singular matrix and a negative ``n``.
        ArgumentTypeError: for an ``n`` that is not an integer.
        DTypeError: for bools.

    Source: Python array API standard, ``linalg.matrix_power``.
    """
    base = matrices("matrix_power", x, square=True)
    try:
        power = operator.index(n)
    except TypeError:
        raise ArgumentTypeError("matrix_power", "an integer power", short_repr(n)) from None
    if power < 0:
        base, power = _inverse("matrix_power", base, np.linalg.inv), -power
    result = None
    while power:  # binary exponentiation
        if power & 1:
            result = base if result is None else matmul(result, base)
        power >>= 1
        if power:
            base = matmul(base, base)
    return broadcast_to(identity(base, base.shape[-1]), base.shape) if result is None else result
