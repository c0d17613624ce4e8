"""Argument conversion for linear algebra, and calls of NumPy on the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab import dtypes
from tensorlab.errors import ArgumentError, DTypeError, ShapeError
from tensorlab.ops.dispatch import as_tensor, on_host
from tensorlab.ops.shaping import expand_dims
from tensorlab.tensor import Tensor

Array = np.ndarray[Any, Any]


def real(who: str, x: Any, device: str | None = None) -> Tensor:
    """Convert an argument to a floating-point tensor; integers become float32.

    Raises:
        DTypeError: for bools.
    """
    tensor = as_tensor(x, who, device)
    if tensor.dtype.kind == "b":
        raise DTypeError(who, "tensors of numbers", "bool", "convert them with .astype()")
    return tensor if tensor.dtype.kind == "f" else tensor.astype(dtypes.default_float)


def matrices(who: str, x: Any, square: bool = False) -> Tensor:
    """Convert an argument to a floating-point matrix or a stack of matrices.

    Raises:
        ShapeError: for fewer than two axes, or matrices that must be square and are not.
        DTypeError: for bools.
    """
    tensor = real(who, x)
    if tensor.ndim < 2:
        raise ShapeError(who, "a matrix, or a stack of matrices", f"shape {tensor.shape}")
    if square and tensor.shape[-1] != tensor.shape[-2]:
        raise ShapeError(who, "square matrices", f"shape {tensor.shape}")
    return tensor


def on_numpy(who: str, function: Callable[..., Any], *tensors: Tensor, finite: bool = False) -> Any:
    """Apply a function of ``numpy.linalg`` to tensors on one device. The backend may warn or raise.

    Args:
        who: the operation, for messages.
        function: a function of arrays that returns one array or a tuple of arrays.
        tensors: its arguments.
        finite: whether to raise for NaN and infinity, for which NumPy raises or returns arbitrary numbers.

    Returns:
        the results as tensors on the same device.

    Raises:
        ArgumentError: for arguments that the function cannot handle, such as a singular matrix.
    """
    arrays = [on_host(who, tensor) for tensor in tensors]
    if finite and not all(np.isfinite(array).all() for array in arrays):
        raise ArgumentError(who, "finite numbers", "NaN or infinity")
    try:
        with np.errstate(all="ignore"):
            found = function(*arrays)
    except np.linalg.LinAlgError as error:
        text = str(error).rstrip(".")
        if "ingular" in text:
            hint = "use linalg.pinv, or add a multiple of the identity"
            raise ArgumentError(who, "matrices that have an inverse", "a singular matrix", hint) from None
        if "ositive definite" in text:
            hint = "the lower triangle of each is read"
            raise ArgumentError(who, "positive definite matrices", "another one", hint) from None
        raise ArgumentError(who, "matrices that NumPy can compute with", f"others: {text}") from None
    return (
        tuple(_on_device(tensors[0], part) for part in found)
        if isinstance(found, tuple)
        else _on_device(tensors[0], found)
    )


def _on_device(like: Tensor, array: Any) -> Tensor:
    return Tensor(like._backend.from_host(np.ascontiguousarray(array).reshape(np.shape(array))), like._backend)


def scaled(matrix: Tensor, columns: Tensor) -> Tensor:
    """Return ``matrix @ diag(columns)``."""
    return matrix * expand_dims(columns, axis=-2)


def off_diagonal(like: Tensor, size: int) -> Tensor:
    """Return a square matrix with 0 on the diagonal and 1 elsewhere, on the device of ``like``."""
    return like.like(1.0 - np.eye(size))


def identity(like: Tensor, size: int) -> Tensor:
    """Return the identity matrix of a size, on the device of ``like``."""
    return like.like(np.eye(size))
