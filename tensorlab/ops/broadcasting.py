"""Broadcasting, and the sum over broadcast axes; each is the gradient of the other."""

from __future__ import annotations

from typing import Any

from tensorlab import autodiff
from tensorlab.errors import ShapeError
from tensorlab.ops.dispatch import as_tensor, device_of
from tensorlab.rules import Reduction
from tensorlab.scalars import scalar_function
from tensorlab.shapes import Shape, as_shape, broadcast
from tensorlab.tensor import Tensor, from_buffer_of

__all__ = [
    "broadcast_arrays",
    "broadcast_shapes",
    "broadcast_to",
]


def _plus(x1: float, x2: float) -> float:
    return x1 + x2


def _itself(x: float) -> float:
    return x


SUM = Reduction("sum", scalar_function(_plus), scalar_function(_itself), initial=0)


def broadcast_shapes(*shapes: Any) -> Shape:
    """Return the shape that tensors of these shapes broadcast to; ``()`` without any.

    Raises:
        ShapeError: if two lengths of an axis differ and neither is 1.

    Source: Python array API standard, ``broadcast_shapes``.
    """
    return broadcast("broadcast_shapes", [as_shape("broadcast_shapes", shape) for shape in shapes])


def broadcast_arrays(*arrays: Any) -> list[Tensor]:
    """Return tensors broadcast to their common shape. Each keeps its dtype.

    Raises:
        ShapeError: if two lengths of an axis differ and neither is 1.

    Source: Python array API standard, ``broadcast_arrays``.
    """
    device = device_of(arrays)
    tensors = [as_tensor(array, "broadcast_arrays", device) for array in arrays]
    lengths = broadcast("broadcast_arrays", [tensor.shape for tensor in tensors])
    return [spread(tensor, lengths) for tensor in tensors]


def broadcast_to(x: Any, /, shape: Any) -> Tensor:
    """Return a view of a tensor that is repeated along axes of length 1 and new leading axes.

    Raises:
        ShapeError: if it does not broadcast to this shape.

    Source: Python array API standard, ``broadcast_to``.
    """
    tensor, lengths = as_tensor(x, "broadcast_to"), as_shape("broadcast_to", shape)
    if broadcast("broadcast_to", [tensor.shape, lengths]) != lengths:
        raise ShapeError("broadcast_to", f"a tensor that broadcasts to {lengths}", f"shape {tensor.shape}")
    return spread(tensor, lengths)


def spread(x: Tensor, shape: Shape) -> Tensor:
    """Return `broadcast_to` for a shape that is known to fit."""
    if x.shape == shape:
        return x
    result = from_buffer_of(x, x._backend.broadcast_to(x._buffer, shape))
    if autodiff.recording() and x.dtype.kind == "f":
        own = x.shape  # the tape keeps the shape, not the tensor
        autodiff.record((x,), (result,), (lambda gradient: sum_to(gradient, own),))
    return result


def sum_to(x: Tensor, shape: Shape) -> Tensor:
    """Return the sum over the axes along which a tensor of a shape was broadcast."""
    if x.shape == shape:
        return x
    lead = x.ndim - len(shape)
    own = x.shape
    axes = tuple([axis for axis in range(x.ndim) if axis < lead or (shape[axis - lead] == 1 and own[axis] != 1)])
    backend = x._backend
    buffer = backend.reshape(backend.reduce(SUM, x.dtype, x.dtype, x.dtype)(x._buffer, axes), shape)
    result = from_buffer_of(x, buffer)
    if autodiff.recording() and x.dtype.kind == "f":
        autodiff.record((x,), (result,), (lambda gradient: spread(gradient, own),))
    return result
