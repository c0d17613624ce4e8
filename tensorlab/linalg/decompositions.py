"""Cholesky and QR factorizations."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tensorlab import autodiff
from tensorlab.errors import ArgumentError, StateError, short_repr
from tensorlab.linalg.host import identity, matrices, on_numpy
from tensorlab.linalg.solving import _solve
from tensorlab.ops.creation import tril
from tensorlab.ops.indexing import getitem
from tensorlab.ops.joining import concat
from tensorlab.ops.linalg import matmul
from tensorlab.ops.shaping import matrix_transpose
from tensorlab.tensor import Tensor

__all__ = ["cholesky", "qr"]


def cholesky(x: Any, /, *, upper: bool = False) -> Tensor:
    """Return the lower triangular ``L`` with ``x = L Lᵀ``, or the upper triangular ``U`` with ``x = Uᵀ U``.

    The gradient assumes a symmetric matrix.

    Args:
        x: symmetric positive definite matrices, ``(…, n, n)``; only the lower triangle is read, or the upper one for
            ``U``.
        upper: whether to return ``U``.

    Raises:
        ShapeError: for matrices that are not square.
        ArgumentError: for a matrix that is not positive definite.
        DTypeError: for bools.

    Source: Python array API standard, ``linalg.cholesky``; Murray, "Differentiation of the Cholesky decomposition",
    2016.

    Example:
        >>> tl.linalg.cholesky([[4.0, 2.0], [2.0, 5.0]]).tolist()
        [[2.0, 0.0], [1.0, 2.0]]
    """
    a = matrices("cholesky", x, square=True)
    return matrix_transpose(_cholesky(matrix_transpose(a))) if upper else _cholesky(a)


def _cholesky(a: Tensor) -> Tensor:
    result: Tensor = on_numpy("cholesky", np.linalg.cholesky, a)
    if autodiff.recording():
        lower = result.snapshot()

        def vjp(g: Tensor) -> Tensor:
            upper = matrix_transpose(lower)
            inner = tril(matmul(upper, g))
            inner = inner - 0.5 * inner * identity(inner, inner.shape[-1])
            outer = matrix_transpose(_solve(upper, inner))
            half = _solve(upper, outer)
            return 0.5 * (half + matrix_transpose(half))

        autodiff.record((a,), (result,), (vjp,))
    return result


class QR(NamedTuple):
    """The result of `qr`."""

    Q: Tensor
    R: Tensor


def qr(x: Any, /, mode: str = "reduced") -> QR:
    """Return the orthonormal ``Q`` and the upper triangular ``R`` with ``x = Q R``.

    Args:
        x: matrices, ``(…, m, n)``; let ``k = min(m, n)``.
        mode: "reduced" for ``Q`` of ``(…, m, k)`` and ``R`` of ``(…, k, n)``; "complete" for ``Q`` of ``(…, m, m)``
            and ``R`` of ``(…, m, n)``, which has a gradient only if ``m ≤ n``.

    Raises:
        ArgumentError: for another mode.
        ShapeError: for fewer than two axes.
        DTypeError: for bools.
        StateError: in the backward pass, if there is no gradient.

    Source: Python array API standard, ``linalg.qr``; Walter and Lehmann, "Algorithmic Differentiation of Linear
    Algebra Functions", 2018.
    """
    if mode not in ("reduced", "complete"):
        raise ArgumentError("qr", "mode 'reduced' or 'complete'", short_repr(mode))
    a = matrices("qr", x)
    factors: Any = np.linalg.qr
    q, r = on_numpy("qr", lambda array: tuple(factors(array, mode)), a)
    if autodiff.recording():
        kept = q.snapshot(), r.snapshot()

        def vjp(to_q: Tensor | None, to_r: Tensor | None) -> Tensor | None:
            if kept[0].shape[-1] > kept[1].shape[-1]:
                hint = "use mode='reduced'"
                raise StateError("qr", f"mode='complete' has no gradient for shape {a.shape}", hint)
            return _qr_vjp(a, *kept, to_q, to_r)

        autodiff.record((a,), (q, r), (vjp,))
    return QR(q, r)


def _qr_vjp(a: Tensor, q: Tensor, r: Tensor, to_q: Tensor | None, to_r: Tensor | None) -> Tensor | None:
    if to_q is None and to_r is None:
        return None
    to_q, to_r = (y * 0.0 if g is None else g for g, y in ((to_q, q), (to_r, r)))
    k = q.shape[-1]
    if a.shape[-1] == k:
        return _square_qr_vjp(q, r, to_q, to_r)
    left, right = (..., slice(k)), (..., slice(k, None))  # q depends only on the first k columns
    to_q = to_q + matmul(getitem(a, right), matrix_transpose(getitem(to_r, right)))
    to_left = _square_qr_vjp(q, getitem(r, left), to_q, getitem(to_r, left))
    return concat([to_left, matmul(q, getitem(to_r, right))], axis=-1)


def _square_qr_vjp(q: Tensor, r: Tensor, to_q: Tensor, to_r: Tensor) -> Tensor:
    """Return ``(q̄ + q copyltu(r r̄ᵀ - q̄ᵀ q)) r⁻ᵀ``; copyltu copies the lower triangle into the upper one."""
    inner = matmul(r, matrix_transpose(to_r)) - matmul(matrix_transpose(to_q), q)
    symmetric = tril(inner) + matrix_transpose(tril(inner, k=-1))
    return matrix_transpose(_solve(r, matrix_transpose(to_q + matmul(q, symmetric))))
