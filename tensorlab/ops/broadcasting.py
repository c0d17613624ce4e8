"""Broadcasting and its opposite, each the gradient of the other."""

from __future__ import annotations

from typing import Any

from tensorlab import autodiff, shapes
from tensorlab.errors import ShapeError
from tensorlab.ops.dispatch import as_tensor
from tensorlab.rules import Reduction
from tensorlab.scalars import ScalarFunction
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor, from_buffer_of

__all__ = [
    "broadcast_to",
]


def _plus(x1: float, x2: float) -> float:
    return x1 + x2


def _itself(x: float) -> float:
    return x


SUM = Reduction("sum", ScalarFunction.of(_plus), ScalarFunction.of(_itself), initial=0)


def broadcast_to(x: Any, shape: Any) -> Tensor:
    """Repeated along axes of length 1 and new leading axes.

    Raises:
        ShapeError: if it does not broadcast to this shape.
    """
    tensor, lengths = as_tensor(x, "broadcast_to"), shapes.as_shape("broadcast_to", shape)
    if shapes.broadcast("broadcast_to", [tensor.shape, lengths]) != lengths:
        raise ShapeError("broadcast_to", f"a tensor that broadcasts to {lengths}", f"shape {tensor.shape}")
    return spread(tensor, lengths)


def spread(x: Tensor, shape: Shape) -> Tensor:
    """`broadcast_to` for a shape that is known to fit."""
    if x.shape == shape:
        return x
    result = from_buffer_of(x, x._backend.broadcast_to(x._buffer, shape))
    if autodiff.recording() and x.dtype.kind == "f":
        autodiff.record((x,), (result,), (lambda gradient: sum_to(gradient, x.shape),))
    return result


def sum_to(x: Tensor, shape: Shape) -> Tensor:
    """The sum over every axis along which a tensor of ``shape`` was repeated."""
    if x.shape == shape:
        return x
    lead = x.ndim - len(shape)
    axes = tuple(axis for axis in range(x.ndim) if axis < lead or (shape[axis - lead] == 1 and x.shape[axis] != 1))
    backend = x._backend
    buffer = backend.reshape(backend.reduce(SUM, x.dtype, x.dtype, x.dtype)(x._buffer, axes), shape)
    result = from_buffer_of(x, buffer)
    if autodiff.recording() and x.dtype.kind == "f":
        autodiff.record((x,), (result,), (lambda gradient: spread(gradient, x.shape),))
    return result
