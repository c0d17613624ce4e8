"""Eigenvalues, singular values, ranks and pseudoinverses."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tensorlab import autodiff, shapes
from tensorlab.errors import ArgumentError, ShapeError, short_repr
from tensorlab.linalg.host import Array, identity, matrices, off_diagonal, on_numpy, scaled
from tensorlab.ops.dispatch import is_scalar
from tensorlab.ops.indexing import getitem
from tensorlab.ops.linalg import matmul
from tensorlab.ops.shaping import expand_dims, matrix_transpose
from tensorlab.rules import finite
from tensorlab.tensor import Tensor

__all__ = ["eigh", "eigvalsh", "matrix_rank", "pinv", "svd", "svdvals"]


class Eigh(NamedTuple):
    """The result of `eigh`."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def eigh(x: Any, /) -> Eigh:
    """Return the eigenvalues of symmetric matrices in ascending order, and the eigenvectors as columns.

    Only the lower triangle is read. The gradient assumes a symmetric matrix. The eigenvectors of equal eigenvalues are
    not unique: their gradient is infinite or NaN, but that of the eigenvalues is finite.

    Args:
        x: matrices, ``(…, n, n)``.

    Returns:
        ``eigenvalues`` of ``(…, n)`` and ``eigenvectors`` of ``(…, n, n)``.

    Raises:
        ShapeError: for matrices that are not square.
        ArgumentError: for NaN or infinity.
        DTypeError: for bools.

    Source: Python array API standard, ``linalg.eigh``.
    """
    a = matrices("eigh", x, square=True)
    values, vectors = on_numpy("eigh", lambda array: tuple(np.linalg.eigh(array)), a, finite=True)
    if autodiff.recording():
        w, v = values.snapshot(), vectors.snapshot()

        def vjp(to_w: Tensor | None, to_v: Tensor | None) -> Tensor | None:
            if to_v is None:
                return to_w if to_w is None else matmul(scaled(v, to_w), matrix_transpose(v))
            gaps = expand_dims(w, axis=-2) - expand_dims(w, axis=-1)
            inner = _off_diagonal_quotient(matmul(matrix_transpose(v), to_v), gaps)
            if to_w is not None:
                inner = inner + scaled(identity(w, w.shape[-1]), to_w)
            outer = matmul(matmul(v, inner), matrix_transpose(v))
            return 0.5 * (outer + matrix_transpose(outer))

        autodiff.record((a,), (values, vectors), (vjp,))
    return Eigh(values, vectors)


def _off_diagonal_quotient(x: Tensor, gaps: Tensor) -> Tensor:
    """Return ``x / gaps`` with 0 on the diagonal."""
    size = gaps.shape[-1]
    return x * off_diagonal(x, size) / (gaps + identity(gaps, size))


def eigvalsh(x: Any, /) -> Tensor:
    """Return the eigenvalues of symmetric matrices in ascending order: ``(…, n, n) → (…, n)``.

    Arguments and errors are those of `eigh`.

    Source: Python array API standard, ``linalg.eigvalsh``.
    """
    if autodiff.recording():
        return eigh(x).eigenvalues
    return on_numpy("eigvalsh", np.linalg.eigvalsh, matrices("eigvalsh", x, square=True), finite=True)  # type: ignore[no-any-return]


class SVD(NamedTuple):
    """The result of `svd`."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def svd(x: Any, /, full_matrices: bool = True) -> SVD:
    """Return the singular value decomposition ``x = U diag(S) Vh``.

    The singular vectors of equal singular values are not unique: their gradient is infinite or NaN, but that of the
    singular values is finite. Columns of ``U`` and rows of ``Vh`` beyond the number of singular values have no
    gradient.

    Args:
        x: matrices, ``(…, m, n)``; let ``k = min(m, n)``.
        full_matrices: whether ``U`` is ``(…, m, m)`` and ``Vh`` is ``(…, n, n)``; otherwise they are ``(…, m, k)`` and
            ``(…, k, n)``.

    Returns:
        ``U``, ``S`` of ``(…, k)`` in descending order, and ``Vh``.

    Raises:
        ShapeError: for fewer than two axes.
        ArgumentError: for NaN or infinity.
        DTypeError: for bools.

    Source: Python array API standard, ``linalg.svd``; Townsend, "Differentiating the Singular Value Decomposition",
    2016.
    """
    a = matrices("svd", x)
    left, middle, right = on_numpy("svd", lambda array: tuple(np.linalg.svd(array, full_matrices)), a, finite=True)
    if autodiff.recording():
        u, s, v = left.snapshot(), middle.snapshot(), right.snapshot()

        def vjp(to_u: Tensor | None, to_s: Tensor | None, to_v: Tensor | None) -> Tensor | None:
            columns = (..., slice(s.shape[-1]))
            rows = (*columns, slice(None))
            if full_matrices:
                to_u = None if to_u is None else getitem(to_u, columns)
                to_v = None if to_v is None else getitem(to_v, rows)
            return _svd_vjp(getitem(u, columns), s, getitem(v, rows), to_u, to_s, to_v)

        autodiff.record((a,), (left, middle, right), (vjp,))
    return SVD(left, middle, right)


def _svd_vjp(
    u: Tensor, s: Tensor, v: Tensor, to_u: Tensor | None, to_s: Tensor | None, to_v: Tensor | None
) -> Tensor | None:
    """Return the gradient of ``u diag(s) v`` from the gradients of its factors.

    The rows of ``v`` are the right singular vectors.
    """
    k = s.shape[-1]
    terms = [] if to_s is None else [scaled(u, to_s)]
    if to_u is not None or to_v is not None:
        rows, columns = expand_dims(s, axis=-1), expand_dims(s, axis=-2)
        gaps = (columns - rows) * (columns + rows)
    if to_u is not None:
        inner = matmul(matrix_transpose(u), to_u)
        skew = _off_diagonal_quotient(inner - matrix_transpose(inner), gaps)
        terms.append(matmul(u, scaled(skew, s)))
        if u.shape[-2] > k:
            terms.append(scaled(to_u - matmul(u, inner), 1.0 / s))
    if to_v is not None:
        inner = matmul(v, matrix_transpose(to_v))
        skew = _off_diagonal_quotient(inner - matrix_transpose(inner), gaps)
        terms.append(matmul(scaled(u, s), skew))
    if not terms and to_v is None:
        return None
    total = matmul(_added(terms), v)
    if to_v is not None and v.shape[-1] > k:
        rest = to_v - matmul(matrix_transpose(inner), v)
        total = total + matmul(scaled(u, 1.0 / s), rest)
    return total


def _added(terms: list[Tensor]) -> Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def svdvals(x: Any, /) -> Tensor:
    """Return the singular values in descending order: ``(…, m, n) → (…, min(m, n))``.

    Arguments and errors are those of `svd`.

    Source: Python array API standard, ``linalg.svdvals``.
    """
    if autodiff.recording():
        return svd(x, full_matrices=False).S
    a = matrices("svdvals", x)
    return on_numpy("svdvals", lambda array: np.linalg.svd(array, compute_uv=False), a, finite=True)  # type: ignore[no-any-return]


def _tolerance(who: str, rtol: Any, a: Tensor) -> Any:
    """Return the relative tolerance: singular values up to this factor times the largest count as 0."""
    if rtol is None:
        return max(a.shape[-2:]) * float(np.finfo(a.dtype).eps)
    if is_scalar(rtol) or isinstance(rtol, np.number):
        return finite(f"{who} rtol", rtol, low=0.0)
    try:
        given = np.asarray(rtol)
    except (ValueError, TypeError, RuntimeError):
        given = np.array(None)
    if given.dtype.kind not in "iuf":
        raise ArgumentError(who, "rtol as a number, or an array of them", short_repr(rtol))
    stack = a.shape[:-2]
    if shapes.broadcast(f"{who} rtol", [given.shape, stack]) != stack:
        expected = f"a shape that broadcasts to {stack}, that of the stack of matrices"
        raise ShapeError(f"{who} rtol", expected, str(given.shape))
    return given


def matrix_rank(x: Any, /, *, rtol: Any = None) -> Tensor:
    """Return the number of singular values above ``rtol`` times the largest one: ``(…, m, n) → (…)``, int64.

    Args:
        x: matrices.
        rtol: a number, or an array of one for each matrix; if None, ``max(m, n)`` times the machine epsilon of the
            dtype.

    Raises:
        ShapeError: for fewer than two axes.
        ArgumentError: for a negative ``rtol``, or NaN or infinity in ``x``.
        DTypeError: for bools.

    Source: Python array API standard, ``linalg.matrix_rank``.
    """
    a = matrices("matrix_rank", x)
    tolerance = np.asarray(_tolerance("matrix_rank", rtol, a))[..., None]

    def count(array: Array) -> Array:
        s = np.linalg.svd(array, compute_uv=False)
        return np.asarray((s > tolerance * s.max(axis=-1, keepdims=True, initial=0.0)).sum(axis=-1), np.int64)

    return on_numpy("matrix_rank", count, a, finite=True)  # type: ignore[no-any-return]


def pinv(x: Any, /, *, rtol: Any = None) -> Tensor:
    """Return the Moore-Penrose pseudoinverse: ``(…, m, n) → (…, n, m)``.

    The gradient assumes that the rank does not change.

    Args:
        x: matrices.
        rtol: singular values up to ``rtol`` times the largest one count as 0; as for `matrix_rank`.

    Raises:
        ShapeError: for fewer than two axes.
        ArgumentError: for a negative ``rtol``, or NaN or infinity in ``x``.
        DTypeError: for bools.

    Source: Python array API standard, ``linalg.pinv``; Golub and Pereyra, "The Differentiation of Pseudo-Inverses and
    Nonlinear Least Squares Problems Whose Variables Separate", 1973.
    """
    a = matrices("pinv", x)
    tolerance = _tolerance("pinv", rtol, a)
    result: Tensor = on_numpy("pinv", lambda array: np.linalg.pinv(array, rcond=tolerance), a, finite=True)
    if autodiff.recording():
        p = result.snapshot()

        def vjp(g: Tensor) -> Tensor:
            transposed, back = matrix_transpose(p), matrix_transpose(g)
            through = -matmul(matmul(transposed, g), transposed)
            rows = matmul(back, matmul(p, transposed))
            columns = matmul(matmul(transposed, p), back)
            return through + rows - matmul(a, matmul(p, rows)) + columns - matmul(matmul(columns, p), a)

        autodiff.record((a,), (result,), (vjp,))
    return result
