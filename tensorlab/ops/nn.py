"""Operations of neural networks: one-hot encoding, dense layers, and constants for tapes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import autodiff, dtypes, shapes
from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError, short_repr
from tensorlab.ops.arithmetic import add
from tensorlab.ops.broadcasting import sum_to
from tensorlab.ops.comparison import equal
from tensorlab.ops.dispatch import as_tensor, together
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.linalg import product_vjps
from tensorlab.ops.probabilities import Sigmoid
from tensorlab.ops.shaping import expand_dims, permute_dims
from tensorlab.scalars import compose
from tensorlab.tensor import Tensor, asarray, from_buffer_of

__all__ = [
    "dense",
    "one_hot",
    "stop_gradient",
]


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None) -> Tensor:
    """Return the one-hot encoding of integers: 1 at index ``x`` of a new axis, 0 elsewhere.

    An integer that is not an index of the new axis gives zeros only.

    Args:
        x: integers.
        num_classes: the length of the new axis.
        axis: the position of the new axis.
        dtype: the dtype of the result; None for float32.

    Raises:
        DTypeError: if ``x`` is not of integers.
        ShapeError: for a negative ``num_classes``, or an axis that is out of range.
        ArgumentTypeError: for a ``num_classes`` that is not an integer.

    Source: Keras, ``keras.ops.one_hot``.

    Example:
        >>> tl.one_hot(tl.asarray([2, 0]), 3).tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    tensor = as_tensor(x, "one_hot")
    if tensor.dtype.kind not in "iu":
        raise DTypeError("one_hot", "a tensor of integers", str(tensor.dtype), 'use .astype("int64")')
    count = shapes.as_length("one_hot num_classes", num_classes)
    if count > np.iinfo(tensor.dtype).max:
        tensor = tensor.astype(dtypes.int64)
    classes = asarray(np.arange(count, dtype=tensor.dtype), device=tensor.device)
    result = equal(expand_dims(tensor, axis=tensor.ndim), classes)
    position = shapes.normalize_axis("one_hot", axis, tensor.ndim + 1)
    order = list(range(tensor.ndim))
    order.insert(position, tensor.ndim)
    return permute_dims(result, order).astype(dtypes.default_float if dtype is None else dtype)


def stop_gradient(x: Any) -> Tensor:
    """Return the same values as a constant for every tape.

    Source: Keras, ``keras.ops.stop_gradient``.
    """
    tensor = as_tensor(x, "stop_gradient")
    return from_buffer_of(tensor, tensor._buffer)


def dense(x: Any, kernel: Any, bias: Any = None, activation: Elementwise | None = None) -> Tensor:
    """Return ``activation(x · kernel + bias)``. Bias and activation are applied while the product is in cache.

    Args:
        x: ``(…, k)``.
        kernel: ``(k, n)``.
        bias: ``(n,)`` or None.
        activation: an elementwise operation of one argument, or None.

    Returns:
        ``(…, n)``.

    Raises:
        ShapeError: if the shapes do not fit.
        DTypeError: if the dtypes have no common type or are not real.

    Example:
        >>> tl.dense(tl.ones((1, 2)), tl.ones((2, 3)), tl.asarray([0.0, 1.0, -5.0]), tl.relu).tolist()
        [[2.0, 3.0, 0.0]]
    """
    if activation is not None and isinstance(activation, Sigmoid):
        return activation(dense(x, kernel, bias))  # separately, because the result keeps its logits
    tensors = together("dense", x, kernel) if bias is None else together("dense", x, kernel, bias)
    rows, weights, offset = tensors[0], tensors[1], None if bias is None else tensors[2]
    a, b, backend = rows._buffer, weights._buffer, rows._backend
    if a.dtype.kind != "f":
        raise DTypeError("dense", "real tensors", str(a.dtype), 'use .astype("float32")')
    if b.ndim != 2 or not a.ndim or a.shape[-1] != b.shape[0]:
        raise ShapeError("dense", "x of (..., k) and a kernel of (k, n)", f"shapes {a.shape} and {b.shape}")
    if activation is not None and not isinstance(activation, Elementwise):
        raise ArgumentTypeError(
            "dense", "an Activation, another elementwise operation, or None", short_repr(activation)
        )
    if offset is not None and offset._buffer.shape != b.shape[1:]:
        raise ShapeError("dense", f"a bias of shape {b.shape[1:]}", str(offset.shape))
    if a.ndim != 2:
        flat = dense(rows.reshape((int(np.prod(a.shape[:-1])), a.shape[-1])), weights, offset, activation)
        return flat.reshape((*a.shape[:-1], b.shape[1]))
    epilogue = activation
    if offset is not None:
        epilogue = add if activation is None else activation._biased or biased(activation)
    recording = autodiff.recording()
    keep = recording and activation is not None
    scalar = None if epilogue is None else epilogue.scalar
    buffer, product = backend.matmul(a, b, scalar, () if offset is None else (offset._buffer,), keep)
    result = Tensor(buffer, backend)
    if recording:
        operands = [] if offset is None else [offset]
        made = Tensor(product, backend) if keep else result
        record_fused(rows, weights, product_vjps(rows, weights), operands, epilogue, made, result)
    return result


def biased(activation: Elementwise) -> Elementwise:
    """Return the operation ``activation(x + bias)``, always the same object for an activation."""
    found = activation._biased
    if found is None:
        found = activation._biased = Elementwise(compose(activation.scalar, add.scalar))
    return found


def record_fused(
    x: Tensor,
    kernel: Tensor,
    vjps: tuple[autodiff.Vjp, autodiff.Vjp],
    operands: list[Tensor],
    epilogue: Elementwise | None,
    product: Tensor,
    result: Tensor,
) -> None:
    """Record the operations that the result is made of: the product, the addition of the bias, and the activation.

    Args:
        x: the first factor.
        kernel: the second factor.
        vjps: those of the product for both factors.
        operands: the bias, if there is one.
        epilogue: the activation after the addition of the bias; the addition alone, or None.
        product: the product without the epilogue; the result itself if it is not needed.
        result: the result.
    """
    fused = product is not result
    if not fused:
        product = from_buffer_of(result, result._buffer) if operands else result
    kept = product.snapshot()  # the caller may assign to the result
    autodiff.record((x, kernel), (product,), vjps)
    inner = product
    if operands:
        (bias,) = operands
        # With an activation the sum is not stored. This tensor stands for it on the tape.
        inner = from_buffer_of(result, result._buffer) if fused else result
        shape = bias.shape
        autodiff.record((product, bias), (inner,), (lambda g: g, lambda g: sum_to(g, shape)))
    if fused and epilogue is not None:
        autodiff.record((inner,), (result,), (lambda g: epilogue.vjp(0)(g, kept, *operands),))
