"""Change shapes and axes, as views where possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab import autodiff, shapes
from tensorlab.errors import ArgumentError, ShapeError
from tensorlab.ops.dispatch import as_tensor
from tensorlab.tensor import Tensor, from_buffer_of

__all__ = [
    "expand_dims",
    "matrix_transpose",
    "moveaxis",
    "permute_dims",
    "reshape",
    "squeeze",
    "transpose",
]


def recorded(x: Tensor, buffer: Any, vjp: autodiff.Vjp) -> Tensor:
    """Return a tensor made of elements of ``x`` only, recorded on the tape with its vjp."""
    result = from_buffer_of(x, buffer)
    if autodiff.recording() and x.dtype.kind == "f":
        autodiff.record((x,), (result,), (vjp,))
    return result


def reshape(x: Any, /, shape: Any, *, copy: bool | None = None) -> Tensor:
    """Return the same elements, in C order, in another shape.

    Args:
        x: a tensor or an array.
        shape: the lengths of the result. One of them may be -1, to be computed.
        copy: True to copy, False to raise if a copy is needed, None for a view if the strides allow it.

    Raises:
        ShapeError: if the number of elements does not fit.
        ArgumentError: if ``copy`` is False and a copy is needed.

    Source: Python array API standard, ``reshape``.
    """
    tensor = x if type(x) is Tensor else as_tensor(x, "reshape")
    lengths = shapes.resolve_reshape("reshape", shape, tensor.size, tensor.shape)
    if copy:
        tensor = tensor.astype(tensor.dtype, copy=True)
    if lengths == tensor.shape:
        return tensor.snapshot() if tensor is x else tensor
    backend = tensor._backend
    buffer = backend.reshape(tensor._buffer, lengths)
    if copy is False and tensor.size and not backend.shares_memory(buffer, tensor._buffer):
        raise ArgumentError(
            "reshape",
            "elements that lie in C order in memory, for copy=False",
            f"a tensor of shape {tensor.shape} that does not fit {lengths} as it lies",
            "leave copy out",
        )
    own = tensor.shape  # the tape keeps the shape, not the tensor
    return recorded(tensor, buffer, lambda g: reshape(g, own))


def permute_dims(x: Any, /, axes: Sequence[int]) -> Tensor:
    """Return a view with the axes in another order.

    Raises:
        ShapeError: unless ``axes`` names each axis once.

    Source: Python array API standard, ``permute_dims``.
    """
    tensor = as_tensor(x, "permute_dims")
    given = shapes.as_axes("permute_dims", axes)
    order = tuple(shapes.normalize_axis("permute_dims", axis, tensor.ndim) for axis in given)
    if sorted(order) != list(range(tensor.ndim)):
        raise ShapeError("permute_dims", f"each of {tensor.ndim} axes once", str(given))
    buffer = tensor._backend.permute(tensor._buffer, order)
    return recorded(tensor, buffer, lambda g: permute_dims(g, np.argsort(order).tolist()))


def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """Return a view with the axes reversed, or in the given order.

    Source: ``numpy.transpose``.
    """
    tensor = as_tensor(x, "transpose")
    if axes is None:
        return swap_last(tensor) if tensor.ndim == 2 else permute_dims(tensor, range(tensor.ndim)[::-1])
    return permute_dims(tensor, axes)


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int], /) -> Tensor:
    """Return a view with some axes moved to other positions. The other axes keep their order.

    Raises:
        ShapeError: if an axis is out of range or given twice, or if there are not as many positions as axes.

    Source: Python array API standard, ``moveaxis``.
    """
    tensor = as_tensor(x, "moveaxis")
    origins, targets = (
        [shapes.normalize_axis("moveaxis", axis, tensor.ndim) for axis in _listed(given)]
        for given in (source, destination)
    )
    if len(set(origins)) != len(origins) or len(set(targets)) != len(targets) or len(origins) != len(targets):
        raise ShapeError("moveaxis", "as many different positions as different axes", f"{source} to {destination}")
    order = [axis for axis in range(tensor.ndim) if axis not in origins]
    for target, origin in sorted(zip(targets, origins, strict=True)):
        order.insert(target, origin)
    return permute_dims(tensor, order)


def _listed(axes: Any) -> Sequence[Any]:
    return axes if isinstance(axes, (tuple, list)) else (axes,)


def matrix_transpose(x: Any, /) -> Tensor:
    """Return a view with the last two axes exchanged.

    Raises:
        ShapeError: for fewer than two axes.

    Source: Python array API standard, ``matrix_transpose``.
    """
    tensor = as_tensor(x, "matrix_transpose")
    if tensor.ndim < 2:
        raise ShapeError("matrix_transpose", "at least two axes", f"shape {tensor.shape}")
    return swap_last(tensor)


def swap_last(x: Tensor) -> Tensor:
    """Return a view with the last two axes exchanged, of a tensor of at least two axes."""
    rank = x.ndim
    return recorded(x, x._backend.permute(x._buffer, (*range(rank - 2), rank - 1, rank - 2)), swap_last)


def expand_dims(x: Any, /, axis: int | Sequence[int] = 0) -> Tensor:
    """Insert axes of length 1 at the positions ``axis`` of the result.

    Raises:
        ShapeError: if a position is out of range or given twice.

    Source: Python array API standard, ``expand_dims``.
    """
    tensor = x if type(x) is Tensor else as_tensor(x, "expand_dims")
    rank = tensor.ndim + 1
    if type(axis) is int and -rank <= axis < rank <= shapes.MAX_RANK:  # one axis, the common case
        position, own = axis % rank, tensor.shape
        buffer = tensor._backend.reshape(tensor._buffer, (*own[:position], 1, *own[position:]))
        return recorded(tensor, buffer, lambda g: reshape(g, own))
    given = _listed(axis)
    new = shapes.normalize_axes("expand_dims", tuple(given), tensor.ndim + len(given))
    lengths = iter(tensor.shape)
    return reshape(tensor, [1 if k in new else next(lengths) for k in range(tensor.ndim + len(given))])


def squeeze(x: Any, /, axis: int | Sequence[int] | None = None) -> Tensor:
    """Remove the given axes of length 1, or all of them if ``axis`` is None.

    Raises:
        ShapeError: if a given axis has another length, is out of range or is given twice.

    Source: Python array API standard, ``squeeze``.
    """
    tensor = as_tensor(x, "squeeze")
    if axis is None:
        axes = tuple(k for k, length in enumerate(tensor.shape) if length == 1)
    else:
        axes = shapes.normalize_axes("squeeze", axis, tensor.ndim)
    if any(tensor.shape[k] != 1 for k in axes):
        raise ShapeError("squeeze", "axes of length 1", f"axes {axes} of shape {tensor.shape}")
    return reshape(tensor, tuple(length for k, length in enumerate(tensor.shape) if k not in axes))
