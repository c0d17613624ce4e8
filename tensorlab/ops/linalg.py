"""Products of matrices and vectors."""

from __future__ import annotations

from typing import Any

from tensorlab import autodiff, dtypes, shapes
from tensorlab.errors import DTypeError, ShapeError
from tensorlab.ops.broadcasting import broadcast_to
from tensorlab.ops.dispatch import as_tensor, common_backend, device_of
from tensorlab.ops.shaping import expand_dims, reshape, squeeze, swap_last
from tensorlab.tensor import Tensor

__all__ = [
    "dot",
    "matmul",
    "outer",
]


def _operands(who: str, x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    alike = type(x1) is Tensor and type(x2) is Tensor and x1._backend is x2._backend and x1.dtype is x2.dtype
    if alike and x1.dtype.kind != "b":  # nearly always, and nothing else has to be found out
        return x1, x2
    device = device_of((x1, x2))
    a, b = as_tensor(x1, who, device), as_tensor(x2, who, device)
    common = dtypes.result_type(who, [a.dtype, b.dtype], [])
    if common.kind == "b":
        raise DTypeError(who, "tensors of numbers", "bool", "convert them with .astype()")
    a, b = a.astype(common), b.astype(common)
    common_backend(who, (a, b))
    return a, b


def matmul(x1: Any, x2: Any) -> Tensor:
    """The matrix product: ``(…, m, k) · (…, k, n) → (…, m, n)``, the leading axes broadcast.

    A vector on the left counts as one row, on the right as one column, and the axis that it lacks is missing from the
    result.

    Raises:
        ShapeError: if the inner lengths differ, or for a tensor of rank 0.
        DTypeError: if the dtypes have no common type.

    Source: Python array API standard, ``matmul``.
    """
    a, b = _operands("matmul", x1, x2)
    if a.ndim == 2 == b.ndim and a.shape[1] == b.shape[0]:  # nearly always
        return _product(a, b)
    if not a.ndim or not b.ndim:
        raise ShapeError("matmul", "tensors with an axis", f"shapes {a.shape} and {b.shape}", "use * for scalars")
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ShapeError("matmul", "equal inner lengths", f"shapes {a.shape} and {b.shape}")
    if a.ndim == 1:
        return squeeze(matmul(expand_dims(a, axis=0), b), axis=-1 if b.ndim == 1 else -2)
    if b.ndim == 1:
        return squeeze(matmul(a, expand_dims(b, axis=1)), axis=-1)
    if b.ndim == 2 and a.ndim > 2:  # one product of many rows instead of many products
        rows = reshape(a, (-1, a.shape[-1])) if a.shape[-1] else reshape(a, (a.size, 0))
        return reshape(_product(rows, b), (*a.shape[:-1], b.shape[-1])) if a.size else _stacked(a, b)
    return _stacked(a, b)


def _stacked(a: Tensor, b: Tensor) -> Tensor:
    if a.shape[:-2] == b.shape[:-2]:
        return _product(a, b)
    lead = shapes.broadcast("matmul", [a.shape[:-2], b.shape[:-2]])
    return _product(broadcast_to(a, (*lead, *a.shape[-2:])), broadcast_to(b, (*lead, *b.shape[-2:])))


def _product(a: Tensor, b: Tensor) -> Tensor:
    backend = a._backend
    result = Tensor(backend.matmul(a._buffer, b._buffer)[0], backend)
    if autodiff.recording() and a.dtype.kind == "f":
        autodiff.record(
            (a, b),
            (result,),
            product_vjps(a, b),
        )
    return result


def product_vjps(a: Tensor, b: Tensor) -> tuple[autodiff.Vjp, autodiff.Vjp]:
    """The gradients of ``a · b``, of matrices of equal leading axes, from that of the product."""
    return lambda g: _product(g, swap_last(b)), lambda g: _product(swap_last(a), g)


def dot(x1: Any, x2: Any) -> Tensor:
    """NumPy's dot: over the last axis of ``x1`` and the last but one of ``x2``; a product with a scalar multiplies.

    ``(a, b, c, d) · (d,) → (a, b, c)`` and ``(a, b, c, d) · (d, e) → (a, b, c, e)``.

    Raises:
        ShapeError: if the inner lengths differ.

    Source: ``numpy.dot``.
    """
    a, b = as_tensor(x1, "dot"), as_tensor(x2, "dot")
    if not a.ndim or not b.ndim:
        return a * b
    if b.ndim <= 2:
        return matmul(a, b)
    inner = b.shape[-2]
    if a.shape[-1] != inner:
        raise ShapeError("dot", "equal inner lengths", f"shapes {a.shape} and {b.shape}")
    from tensorlab.ops.shaping import permute_dims

    front = permute_dims(b, (b.ndim - 2, *range(b.ndim - 2), b.ndim - 1))
    product = matmul(a, reshape(front, (inner, -1)))
    return reshape(product, (*a.shape[:-1], *b.shape[:-2], b.shape[-1]))


def outer(x1: Any, x2: Any) -> Tensor:
    """Every product of an element of one vector with an element of the other: ``(m,), (n,) → (m, n)``.

    Raises:
        ShapeError: unless both have one axis.
    """
    a, b = as_tensor(x1, "outer"), as_tensor(x2, "outer")
    if a.ndim != 1 or b.ndim != 1:
        raise ShapeError("outer", "two vectors", f"shapes {a.shape} and {b.shape}")
    return expand_dims(a, axis=1) * b
