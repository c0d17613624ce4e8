"""The functions of all built-in activations, which `tensorlab.activations` and the layers of activations use.

Those that are also operations of tensorlab are lifted here; the others are plain functions of numbers. Only `tanh`, a
function of the array API standard, is elsewhere: in `tensorlab.ops.trigonometric`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from tensorlab import autodiff, dtypes, shapes
from tensorlab.ops.arithmetic import add
from tensorlab.ops.dispatch import as_tensor
from tensorlab.ops.extrema import maximum
from tensorlab.ops.lift import elementwise
from tensorlab.ops.probabilities import Probabilities, Sigmoid, as_logits, softmax_along
from tensorlab.ops.reduction import Axis, sum
from tensorlab.ops.shaping import permute_dims, reshape
from tensorlab.rules import Rowwise
from tensorlab.scalars import scalar_function
from tensorlab.tensor import Tensor

__all__ = [
    "log_softmax",
    "relu",
    "sigmoid",
    "softmax",
]


@elementwise(domain="number")
def relu(x: float) -> float:
    """Return ``max(x, 0)``; NaN for NaN. The derivative at 0 is 0. Takes every dtype but bool."""
    return 0 if x <= 0 else x


@elementwise
def thresholded_relu(x: float, slope: float, threshold: float) -> float:
    """Return ``x`` above a threshold, else ``slope · (x - threshold)``."""
    if x > threshold:
        return x
    return slope * (x - threshold) if slope != 0.0 else 0.0  # 0 times infinity is NaN


@elementwise
def bounded_relu(x: float, slope: float, threshold: float, largest: float) -> float:
    """Return `thresholded_relu`, but at most ``largest``."""
    if x > threshold:
        return x if x < largest else largest
    return slope * (x - threshold) if slope != 0.0 else 0.0


# The plain functions are written so that no large input of either sign gives NaN or an early overflow.


def elu(x: float, alpha: float = 1.0) -> float:
    """Compute ``x`` where it is above 0, else ``alpha · (exp(x) - 1)``.

    Source: Clevert et al., "Fast and Accurate Deep Network Learning by Exponential Linear Units", arXiv:1511.07289.
    """
    return x if x > 0.0 else alpha * math.expm1(x)


def exponential(x: float) -> float:
    """Compute ``exp(x)``. Source: Keras, ``keras.activations.exponential``."""
    return math.exp(x)


def gelu(x: float) -> float:
    """Compute ``x · Φ(x)``, where ``Φ(x) = (1 + erf(x / √2)) / 2`` is the normal distribution function.

    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", arXiv:1606.08415.
    """
    return 0.5 * x * (1.0 + math.erf(x / math.sqrt(2.0)))


def hard_sigmoid(x: float) -> float:
    """Compute ``x / 6 + 1/2``, limited to ``[0, 1]``. Source: Keras, ``keras.activations.hard_sigmoid``."""
    return min(max(x / 6.0 + 0.5, 0.0), 1.0)


def leaky_relu(x: float, negative_slope: float = 0.2) -> float:
    """Compute ``x`` where it is above 0, else ``negative_slope · x``.

    Source: Keras, ``keras.activations.leaky_relu``.
    """
    return x if x > 0.0 else negative_slope * x


def relu6(x: float) -> float:
    """Compute ``x``, limited to ``[0, 6]``. Source: Keras, ``keras.activations.relu6``."""
    return min(max(x, 0.0), 6.0)


def selu(x: float) -> float:
    """Compute 1.0507… times the `elu` of ``alpha = 1.6733…``, which keep mean 0 and variance 1 from layer to layer.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", arXiv:1706.02515.
    """
    return 1.0507009873554805 * (x if x > 0.0 else 1.6732632423543772 * math.expm1(x))


def silu(x: float) -> float:
    """Compute ``x / (1 + exp(-x))``, which is also known as swish.

    Source: Ramachandran et al., "Searching for Activation Functions", arXiv:1710.05941.

    Example:
        >>> tl.activations.silu([0.0, 100.0]).tolist()
        [0.0, 100.0]
    """
    if x > 0.0:
        return x / (1.0 + math.exp(-x))
    power = math.exp(x)
    return x * power / (1.0 + power)


def softplus(x: float) -> float:
    """Compute ``ln(1 + exp(x))``. Source: Keras, ``keras.activations.softplus``."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def softsign(x: float) -> float:
    """Compute ``x / (1 + |x|)``. Source: Keras, ``keras.activations.softsign``."""
    return x / (1.0 + abs(x))


def _sigmoid(x: float) -> float:
    """Return ``1 / (1 + e⁻ˣ)``.

    The result remembers ``x``, so that a crossentropy can compute from the logits, as for `softmax`.
    """
    return 1.0 / (1.0 + math.exp(-x))


sigmoid = Sigmoid(scalar_function(_sigmoid), name="sigmoid")

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
SOFTMAX = Rowwise("softmax", _EXPONENTIALS, _of(_normalized))
LOG_SOFTMAX = Rowwise("log_softmax", _EXPONENTIALS, _of(_log_normalized))
_SOFTMAX_VJP = Rowwise("softmax_vjp", ((add.scalar, _of(_times)),), _of(_weighted_difference))


def _rowwise(definition: Rowwise, *inputs: Tensor) -> Tensor:
    backend = inputs[0]._backend
    return Tensor(backend.rowwise(definition, [*map(_buffer, inputs)]), backend)


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
    if type(x) is Tensor and type(axis) is int and axis == -1 and x._buffer.dtype.kind == "f" and x._buffer.ndim:
        return Probabilities.of("softmax", _softmax(x), x)  # the common case
    return _along_last("softmax", as_logits(x, "softmax"), axis, _softmax_of_logits)


def _softmax_of_logits(x: Tensor) -> Tensor:
    return Probabilities.of("softmax", _softmax(x), x)


def _softmax(x: Tensor) -> Tensor:
    backend = x._backend
    y = Tensor(backend.rowwise(SOFTMAX, (x._buffer,)), backend)
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
    y = _rowwise(LOG_SOFTMAX, x)
    if autodiff.recording():

        def vjp(g: Tensor) -> Tensor:
            return g - _softmax(x) * sum(g, axis=-1, keepdims=True)

        autodiff.record((x,), (y,), (vjp,))
    return y
