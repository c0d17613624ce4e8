"""Sort on the host, and gather on the device. NaN comes last in ascending and in descending order."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tensorlab import autodiff, shapes
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError, short_repr
from tensorlab.ops.dispatch import as_tensor, on_host
from tensorlab.ops.indexing import getitem, take_along_axis
from tensorlab.tensor import Tensor, asarray, from_buffer_of

__all__ = [
    "argsort",
    "sort",
    "top_k",
]

Array = np.ndarray[Any, Any]


class TopK(NamedTuple):
    """The result of `top_k`.

    Attributes:
        values: the largest elements.
        indices: their int64 indices along the last axis.
    """

    values: Tensor
    indices: Tensor


def _key(array: Array, descending: bool) -> Array:
    """Return sort keys: ascending keys are in the wanted order, NaN last. The key of a key is the element."""
    if not descending:
        return array
    return np.negative(array) if array.dtype.kind == "f" else np.invert(array)


def _tensor_and_axis(who: str, x: Any, axis: int) -> tuple[Tensor, int]:
    """Convert an argument to a tensor, and normalize the axis."""
    tensor = as_tensor(x, who)
    return tensor, shapes.normalize_axis(who, axis, tensor.ndim)


def _order(who: str, x: Tensor, axis: int, descending: bool) -> Array:
    # always stable, so that a result does not depend on NumPy's version or the processor
    return np.argsort(_key(on_host(who, x), descending), axis=axis, kind="stable")


def argsort(x: Any, /, axis: int = -1, *, descending: bool = False, stable: bool = True) -> Tensor:
    """Return the int64 indices that sort a tensor along an axis: `take_along_axis` with them equals `sort`.

    Arguments and errors are those of `sort`.

    Source: Python array API standard, ``argsort``.
    """
    tensor, position = _tensor_and_axis("argsort", x, axis)
    return asarray(np.asarray(_order("argsort", tensor, position, descending), np.int64), device=tensor.device)


def sort(x: Any, /, axis: int = -1, *, descending: bool = False, stable: bool = True) -> Tensor:
    """Sort the elements along an axis.

    Args:
        x: a tensor or an array.
        axis: the axis.
        descending: whether the largest element comes first. NaN is always last.
        stable: ignored: equal elements always keep their order.

    Raises:
        ShapeError: for an axis that is out of range.

    Source: Python array API standard, ``sort``.
    """
    tensor, position = _tensor_and_axis("sort", x, axis)
    if autodiff.recording() and tensor.dtype.kind == "f":
        order = _order("sort", tensor, position, descending)
        return _permute(tensor, order, np.argsort(order, axis=position, kind="stable"), position)
    key = _key(on_host("sort", tensor), descending)
    # 0.0 and -0.0 are the only equal elements that differ. Without -0.0, the order of equal elements does not show, and
    # NumPy's fastest sort is used.
    negative_zeros = key.dtype.kind == "f" and np.any(np.signbit(key[key == 0]))
    ordered = np.sort(key, axis=position, kind="stable" if negative_zeros else None)
    return from_buffer_of(tensor, tensor._backend.from_host(_key(ordered, descending)))


def _permute(x: Tensor, order: Array, inverse: Array, axis: int) -> Tensor:
    """Permute the elements along an axis. The vjp gathers with the inverse permutation, instead of a scatter-add."""
    with autodiff.no_grad():
        result = take_along_axis(x, order, axis=axis)
    autodiff.record((x,), (result,), (lambda g: _permute(g, inverse, order, axis),))
    return result


def top_k(x: Any, k: int, sorted: bool = True) -> TopK:
    """Return the ``k`` largest elements along the last axis, the largest first, and their indices.

    Args:
        x: ``(…, n)``.
        k: the number of elements, at most ``n``.
        sorted: ignored: the values are always in descending order, with NaN last. Equal elements keep their order.

    Returns:
        ``values`` and ``indices``, both ``(…, k)``, the indices int64.

    Raises:
        ShapeError: for a tensor of rank 0, or with fewer than ``k`` elements along the last axis.
        ArgumentTypeError: for a ``k`` that is not an integer.
        ArgumentError: for a negative ``k``.

    Source: Keras, ``keras.ops.top_k``.

    Example:
        >>> values, indices = tl.top_k(tl.asarray([1.0, 5.0, 3.0]), 2)
        >>> values.tolist(), indices.tolist()
        ([5.0, 3.0], [1, 2])
    """
    tensor = as_tensor(x, "top_k")
    if not isinstance(k, (int, np.integer)):
        raise ArgumentTypeError("top_k", "an integer k", short_repr(k))
    if k < 0:
        raise ArgumentError("top_k", "k of at least 0", short_repr(k))
    if not tensor.ndim or tensor.shape[-1] < k:
        raise ShapeError("top_k", f"at least {short_repr(k)} elements along the last axis", f"shape {tensor.shape}")
    indices = getitem(argsort(tensor, descending=True), (..., slice(int(k))))
    return TopK(take_along_axis(tensor, indices), indices)
