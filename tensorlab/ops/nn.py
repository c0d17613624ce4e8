"""Operations of neural networks: softmax, one-hot encoding and dense layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import attrgetter
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from tensorlab import autodiff, dtypes, shapes
from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError
from tensorlab.ops.arithmetic import add
from tensorlab.ops.broadcasting import sum_to
from tensorlab.ops.comparison import equal
from tensorlab.ops.dispatch import as_tensor, together
from tensorlab.ops.extrema import maximum
from tensorlab.ops.lift import Elementwise
from tensorlab.ops.linalg import product_vjps
from tensorlab.ops.probabilities import Probabilities, Sigmoid, as_logits, softmax_along
from tensorlab.ops.reduction import Axis, sum
from tensorlab.ops.shaping import expand_dims, permute_dims, reshape
from tensorlab.rules import Rowwise
from tensorlab.scalars import compose, scalar_function
from tensorlab.tensor import Tensor, asarray, from_buffer_of

__all__ = [
    "dense",
    "log_softmax",
    "one_hot",
    "softmax",
    "stop_gradient",
]

_of = scalar_function
_buffer = attrgetter("_buffer")


def _element(x: float) -> float:
    return x


def _shifted_exp(x: float, largest: float) -> float:
    return math.exp(x - largest)


def _normalized(kept: float, x: float, largest: float, total: float) -> float:
    return kept / total


def _log_normalized(kept: float, x: float, largest: float, total: float) -> float:
    return x - largest - math.log(total)


def _times(gradient: float, y: float) -> float:
    return gradient * y


def _weighted_difference(kept: float, gradient: float, y: float, total: float) -> float:
    return kept - y * total


_EXPONENTIALS = ((maximum.scalar, _of(_element)), (add.scalar, _of(_shifted_exp)))
_SOFTMAX = Rowwise("softmax", _EXPONENTIALS, _of(_normalized))
_LOG_SOFTMAX = Rowwise("log_softmax", _EXPONENTIALS, _of(_log_normalized))
_SOFTMAX_VJP = Rowwise("softmax_vjp", ((add.scalar, _of(_times)),), _of(_weighted_difference))


def _rowwise(definition: Rowwise, *inputs: Tensor) -> Tensor:
    return from_buffer_of(inputs[0], inputs[0]._backend.rowwise(definition, [*map(_buffer, inputs)]))


def _along_last(who: str, x: Any, axis: Axis, operation: Callable[[Tensor], Tensor]) -> Tensor:
    tensor = as_tensor(x, who)
    if tensor.dtype.kind != "f":
        tensor = tensor.astype(dtypes.default_float)
    axes = shapes.normalize_axes(who, axis, tensor.ndim)
    if axes == (tensor.ndim - 1,):
        return operation(tensor)
    order = [k for k in range(tensor.ndim) if k not in axes] + list(axes)
    ordered = permute_dims(tensor, order)
    kept = ordered.shape[: tensor.ndim - len(axes)]
    rows = reshape(ordered, (*kept, math.prod(ordered.shape[len(kept) :])))
    result = permute_dims(reshape(operation(rows), ordered.shape), [order.index(k) for k in range(tensor.ndim)])
    if operation is _softmax_of_logits and len(axes) == 1:
        return Probabilities.of(softmax_along(axes[0], tensor.ndim), result, tensor)
    return result


def softmax(x: Any, axis: Axis = -1) -> Tensor:
    """Return ``exp(x) / Σ exp(x)`` along one or several axes, computed without overflow.

    The result along one axis remembers ``x`` until another operation is applied to it. A crossentropy computes from
    ``x``, and so has a gradient where the result is 0 or 1. To get the gradient with respect to the result itself, call
    ``tape.watch`` with it.

    Raises:
        ShapeError: for an axis that is out of range or given twice.

    Source: Keras, ``keras.ops.softmax``.
    """
    return _along_last("softmax", as_logits(x, "softmax"), axis, _softmax_of_logits)


def _softmax_of_logits(x: Tensor) -> Tensor:
    return Probabilities.of("softmax", _softmax(x), x)


def _softmax(x: Tensor) -> Tensor:
    y = _rowwise(_SOFTMAX, x)
    if autodiff.recording():
        kept = y.snapshot()  # the caller may assign to the result
        autodiff.record((x,), (y,), (lambda g: _softmax_vjp(g, kept),))
    return y


def _softmax_vjp(g: Tensor, y: Tensor) -> Tensor:
    """Return ``y (g - Σ g y)``."""
    result = _rowwise(_SOFTMAX_VJP, g, y)
    if autodiff.recording():

        def from_y(flowing: Tensor) -> Tensor:
            total = sum(g * y, axis=-1, keepdims=True)
            return flowing * (g - total) - g * sum(flowing * y, axis=-1, keepdims=True)

        autodiff.record((g, y), (result,), (lambda flowing: _softmax_vjp(flowing, y), from_y))
    return result


def log_softmax(x: Any, axis: Axis = -1) -> Tensor:
    """Return ``x - log Σ exp(x)`` along one or several axes, computed without overflow.

    Raises:
        ShapeError: for an axis that is out of range or given twice.

    Source: Keras, ``keras.ops.log_softmax``.
    """
    return _along_last("log_softmax", x, axis, _log_softmax)


def _log_softmax(x: Tensor) -> Tensor:
    y = _rowwise(_LOG_SOFTMAX, x)
    if autodiff.recording():

        def vjp(g: Tensor) -> Tensor:
            return g - _softmax(x) * sum(g, axis=-1, keepdims=True)

        autodiff.record((x,), (y,), (vjp,))
    return y


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


_biased: WeakKeyDictionary[Elementwise, Elementwise] = WeakKeyDictionary()


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
        raise ArgumentTypeError("dense", "an Activation, another elementwise operation, or None", repr(activation))
    if offset is not None and offset._buffer.shape != b.shape[1:]:
        raise ShapeError("dense", f"a bias of shape {b.shape[1:]}", str(offset.shape))
    if a.ndim != 2:
        flat = dense(rows.reshape((int(np.prod(a.shape[:-1])), a.shape[-1])), weights, offset, activation)
        return flat.reshape((*a.shape[:-1], b.shape[1]))
    epilogue, operands = _epilogue(activation, offset)
    recording = autodiff.recording()
    keep = recording and activation is not None
    scalar = None if epilogue is None else epilogue.scalar
    buffer, product = backend.matmul(a, b, scalar, [*map(_buffer, operands)], keep)
    result = Tensor(buffer, backend)
    if recording:
        _record_dense(rows, weights, operands, epilogue, Tensor(product, backend) if keep else result, result)
    return result


def _epilogue(activation: Elementwise | None, bias: Tensor | None) -> tuple[Elementwise | None, list[Tensor]]:
    """Return the operation to apply to the product, and its other arguments."""
    if bias is None:
        return activation, []
    if activation is None:
        return add, [bias]
    found = _biased.get(activation)
    if found is None:
        found = _biased[activation] = Elementwise(compose(activation.scalar, add.scalar))
    return found, [bias]


def _record_dense(
    x: Tensor,
    kernel: Tensor,
    operands: list[Tensor],
    epilogue: Elementwise | None,
    product: Tensor,
    result: Tensor,
) -> None:
    """Record the operations that the result is made of: the product, the addition of the bias, and the activation."""
    fused = product is not result
    if not fused:
        product = from_buffer_of(result, result._buffer) if operands else result
    kept = product.snapshot()  # the caller may assign to the result
    autodiff.record((x, kernel), (product,), product_vjps(x, kernel))
    inner = product
    if operands:
        (bias,) = operands
        # With an activation the sum is not stored. This tensor stands for it on the tape.
        inner = from_buffer_of(result, result._buffer) if fused else result
        shape = bias.shape
        autodiff.record((product, bias), (inner,), (lambda g: g, lambda g: sum_to(g, shape)))
    if fused and epilogue is not None:
        autodiff.record((inner,), (result,), (lambda g: epilogue.vjp(0)(g, kept, *operands),))
