"""Elements in order. NaN comes last, ascending and descending; the host sorts, and the device gathers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tensorlab import autodiff, shapes
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError
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
    """What `top_k` returns."""

    values: Tensor
    indices: Tensor


def _key(array: Array, descending: bool) -> Array:
    """What sorts ascending as ``array`` should be sorted: its own inverse, which keeps equals equal and NaN last."""
    if not descending:
        return array
    return np.negative(array) if array.dtype.kind == "f" else np.invert(array)


def _along(who: str, x: Any, axis: int) -> tuple[Tensor, int]:
    """A tensor, and the axis along which it is put in order."""
    tensor = as_tensor(x, who)
    return tensor, shapes.normalize_axis(who, axis, tensor.ndim)


def _order(who: str, x: Tensor, axis: int, descending: bool) -> Array:
    # whether or not equals have to keep their order: then a result does not depend on NumPy's or a processor's taste
    return np.argsort(_key(on_host(who, x), descending), axis=axis, kind="stable")


def argsort(x: Any, /, axis: int = -1, *, descending: bool = False, stable: bool = True) -> Tensor:
    """The indices along an axis that put the elements in order: `take_along_axis` with them is `sort`. int64.

    Takes and raises what `sort` does.

    Source: Python array API standard, ``argsort``.
    """
    tensor, place = _along("argsort", x, axis)
    return asarray(np.asarray(_order("argsort", tensor, place, descending), np.int64), device=tensor.device)


def sort(x: Any, /, axis: int = -1, *, descending: bool = False, stable: bool = True) -> Tensor:
    """The elements in order along an axis.

    Args:
        x: a tensor or an array.
        axis: along which axis.
        descending: whether the largest comes first. NaN is last either way.
        stable: whether equal elements have to keep their order. Here they always do.

    Raises:
        ShapeError: for an axis that is out of range.

    Source: Python array API standard, ``sort``.
    """
    tensor, place = _along("sort", x, axis)
    if autodiff.recording() and tensor.dtype.kind == "f":
        order = _order("sort", tensor, place, descending)
        return _permuted(tensor, order, np.argsort(order, axis=place, kind="stable"), place)
    key = _key(on_host("sort", tensor), descending)
    # Only zeros of two signs are equal and not the same: without them NumPy's fastest sort is as good as a stable one.
    distinct = key.dtype.kind != "f" or not np.any(np.signbit(key[key == 0]))
    ordered = np.sort(key, axis=place, kind=None if distinct else "stable")
    return from_buffer_of(tensor, tensor._backend.from_host(_key(ordered, descending)))


def _permuted(x: Tensor, order: Array, inverse: Array, axis: int) -> Tensor:
    """The elements of each run in another order: of the gradient the same in the inverse order, with no addition."""
    with autodiff.no_grad():
        result = take_along_axis(x, order, axis=axis)
    autodiff.record((x,), (result,), (lambda g: _permuted(g, inverse, order, axis),))
    return result


def top_k(x: Any, k: int, sorted: bool = True) -> TopK:
    """The ``k`` largest elements along the last axis, the largest first, and where they are.

    Args:
        x: ``(…, n)``.
        k: how many, at most ``n``.
        sorted: whether they have to be in order. Here they always are; of equals the first comes first, and NaN last.

    Returns:
        ``values`` and ``indices``, both ``(…, k)``, the indices int64.

    Raises:
        ShapeError: for a tensor of rank 0, or of fewer than ``k`` elements along the last axis.
        ArgumentError: for a negative ``k``.

    Source: Keras, ``keras.ops.top_k``.
    """
    tensor = as_tensor(x, "top_k")
    if not isinstance(k, (int, np.integer)):
        raise ArgumentTypeError("top_k", "a whole number k", repr(k))
    if k < 0:
        raise ArgumentError("top_k", "k of at least 0", str(k))
    if not tensor.ndim or tensor.shape[-1] < k:
        raise ShapeError("top_k", f"at least {k} elements along the last axis", f"shape {tensor.shape}")
    indices = getitem(argsort(tensor, descending=True), (..., slice(int(k))))
    return TopK(take_along_axis(tensor, indices), indices)
