"""Crossentropies of each sample, as functions of tensors.

The result of a `softmax` or `sigmoid` remembers its logits until another operation is applied to it. The crossentropies
compute from these logits, whatever ``from_logits`` is, and so are exact and have gradients where the outputs are 0 or
1. Other outputs are clipped to ``[1e-7, 1 - 1e-7]``.

They are in `tensorlab.ops` only. The losses of the same names use them.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab import autodiff, dtypes, shapes
from tensorlab.backends.listening import repeating
from tensorlab.errors import ArgumentError, DTypeError, ShapeError, levels_to_the_user
from tensorlab.ops.activations import log_softmax, softmax
from tensorlab.ops.dispatch import as_tensor, common_backend, device_of
from tensorlab.ops.lift import elementwise
from tensorlab.ops.probabilities import Probabilities, logits_of, with_axis_last
from tensorlab.ops.reduction import sum
from tensorlab.ops.shaping import expand_dims
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor

__all__ = ["binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"]

# Keras's epsilon: probabilities are clipped to this distance from 0 and 1 before their logarithm is taken.
_EPSILON = 1e-7


def _clipped(p: float) -> float:
    return min(max(p, _EPSILON), 1.0 - _EPSILON)


@elementwise
def binary_term(y_true: float, y_pred: float) -> float:
    p = _clipped(y_pred)
    return -(y_true * math.log(p) + (1.0 - y_true) * math.log(1.0 - p))


@elementwise
def binary_term_from_logits(y_true: float, y_pred: float) -> float:
    return max(y_pred, 0.0) - y_pred * y_true + math.log1p(math.exp(-abs(y_pred)))


@elementwise
def _categorical_term(y_true: float, y_pred: float) -> float:
    return -y_true * math.log(_clipped(y_pred))


@elementwise
def categorical_cost(y_true: float, log_p: float) -> float:
    return 0.0 if y_true == 0 else -y_true * log_p  # avoids 0 · ∞ where a class that is not the target has logit -∞


@elementwise
def categorical_slope(gradient: float, p: float, y_true: float, total: float) -> float:
    return gradient * (p * total - y_true)


@elementwise
def _sparse_term(y_true: float, y_pred: float, total: float, label: float) -> float:
    return -math.log(_clipped(y_pred / total)) if y_true == label else 0.0


@elementwise
def sparse_cost(y_true: float, log_p: float, label: float) -> float:
    return -log_p if y_true == label else 0.0


@elementwise
def sparse_slope(gradient: float, p: float, y_true: float, label: float) -> float:
    return gradient * (p - 1.0 if y_true == label else p)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """Compute ``-(t ln p + (1 - t) ln(1 - p))`` of every element.

    Args:
        target: probabilities ``t``, of the outputs' shape.
        output: probabilities ``p``, or logits.
        from_logits: whether the outputs are logits ``x``, with ``p = 1 / (1 + e⁻ˣ)``. For the result of a `sigmoid` its
            logits are used in any case.

    Returns:
        A tensor of the same shape, of the outputs' dtype.

    Raises:
        ShapeError: for targets of another shape than the outputs.
        DeviceError: for tensors on different devices.

    Source: Keras, ``keras.ops.binary_crossentropy``.

    Example:
        >>> print(tl.ops.binary_crossentropy([0.0, 1.0], [0.5, 0.25]).numpy().round(4))
        [0.6931 1.3863]
    """
    who = "binary_crossentropy"
    targets, outputs = _pair(who, target, output)
    _check_shape(who, targets, outputs.shape)
    return binary(who, targets.astype(outputs.dtype), outputs, from_logits)


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """Compute ``-Σ t ln p`` along an axis, for targets that are probabilities, such as one-hot rows.

    Args:
        target: probabilities ``t``, of the outputs' shape.
        output: probabilities ``p``, which are divided by their sum, or logits.
        from_logits: whether the outputs are logits. For the result of a `softmax` along this axis its logits are used
            in any case.
        axis: the axis of classes.

    Returns:
        A tensor without that axis, of the outputs' dtype.

    Raises:
        ShapeError: for targets of another shape than the outputs, or an axis that is out of range.
        DeviceError: for tensors on different devices.

    Source: Keras, ``keras.ops.categorical_crossentropy``.

    Example:
        >>> print(tl.ops.categorical_crossentropy([[0.0, 1.0]], [[0.75, 0.25]]).numpy().round(4))
        [1.3863]
    """
    who = "categorical_crossentropy"
    targets, outputs = _pair(who, target, output)
    _check_shape(who, targets, outputs.shape)
    position = shapes.normalize_axis(who, axis, outputs.ndim)
    targets, outputs = with_axis_last(targets.astype(outputs.dtype), position), with_axis_last(outputs, position)
    return categorical(who, targets, outputs, from_logits)


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """Compute ``-ln p[label]`` along an axis, for targets that are labels.

    Args:
        target: labels from 0 to the number of classes minus 1, of the outputs' shape without the axis of classes, or
            with length 1 along it.
        output: probabilities ``p``, which are divided by their sum, or logits.
        from_logits: whether the outputs are logits. For the result of a `softmax` along this axis its logits are used
            in any case.
        axis: the axis of classes.

    Returns:
        A tensor without that axis, of the outputs' dtype.

    Raises:
        ShapeError: unless there is one label for each sample; for an axis that is out of range.
        ArgumentError: for a label that is not the index of a class.
        DTypeError: for labels that are not integers.
        DeviceError: for tensors on different devices.

    Source: Keras, ``keras.ops.sparse_categorical_crossentropy``.

    Example:
        >>> print(tl.ops.sparse_categorical_crossentropy([1], [[0.75, 0.25]]).numpy().round(4))
        [1.3863]
    """
    who = "sparse_categorical_crossentropy"
    targets, outputs = _pair(who, target, output)
    position = shapes.normalize_axis(who, axis, outputs.ndim)
    outputs = with_axis_last(outputs, position)
    targets = with_axis_last(targets, position) if targets.ndim == outputs.ndim else targets
    check_labels(who, targets, outputs.shape)
    return sparse(who, targets, outputs, from_logits)


def _pair(who: str, target: Any, output: Any) -> tuple[Tensor, Tensor]:
    device = device_of((output, target))
    outputs = output if isinstance(output, Probabilities) else as_tensor(output, who, device)
    targets = as_tensor(target, who, device)
    common_backend(who, (outputs, targets))
    return targets, outputs if outputs.dtype.kind == "f" else outputs.astype(dtypes.default_float)


def _check_shape(who: str, targets: Tensor, shape: Shape) -> None:
    if targets.shape != shape:
        raise ShapeError(who, f"targets of the outputs' shape {shape}", str(targets.shape))


def check_labels(who: str, targets: Tensor, shape: Shape, ignored: int | None = None) -> None:
    """Check that there is one label for each sample, and that each is the index of a class.

    Args:
        who: the operation, for messages.
        targets: the labels.
        shape: the shape of the outputs.
        ignored: a label that is valid too.

    Raises:
        ShapeError: for another number of labels than samples.
        ArgumentError: for a label that is not the index of a class.
        DTypeError: for labels that are not integers.
    """
    if not shape:
        raise ShapeError(who, "outputs with an axis of classes", "a number", "the shape is (samples, classes)")
    if targets.shape not in (shape[:-1], (*shape[:-1], 1)):
        hint = "for one-hot targets use categorical_crossentropy" if targets.shape == shape else ""
        raise ShapeError(who, f"labels of shape {shape[:-1]}", str(targets.shape), hint)
    with repeating(_check_values, who, targets._buffer, shape[-1], ignored):
        _check_values(who, targets.numpy(), shape[-1], ignored)


def _check_values(who: str, host: np.ndarray[Any, Any], classes: int, ignored: int | None) -> None:
    if host.dtype.kind == "b" or (host.dtype.kind == "f" and not np.array_equal(host, np.floor(host))):
        raise DTypeError(who, "labels that are integers", str(host.dtype))
    invalid = (host < 0) | (host >= classes)
    wrong = np.flatnonzero(invalid if ignored is None else invalid & (host != ignored))
    if wrong.size:
        value = host.ravel()[wrong[0]]
        raise ArgumentError(
            who,
            f"labels from 0 to {classes - 1} for {classes} outputs",
            f"{value} at position {wrong[0]}" + (f", and {wrong.size - 1} more" if wrong.size > 1 else ""),
            "correct the labels, or give the last layer more units",
        )


# The losses call these. Targets and outputs fit each other, and the classes are along the last axis.


def binary(who: str, targets: Tensor, outputs: Tensor, from_logits: bool) -> Tensor:
    """Return the binary crossentropy of each element."""
    logits = logits_or_none(who, from_logits, "sigmoid", outputs)
    return binary_term(targets, outputs) if logits is None else binary_term_from_logits(targets, logits)


def categorical(who: str, targets: Tensor, outputs: Tensor, from_logits: bool) -> Tensor:
    """Return the crossentropy of each sample, with targets of the outputs' dtype and shape."""
    logits = logits_or_none(who, from_logits, "softmax", outputs)
    if logits is not None:
        return _categorical_from_logits(targets, logits, None if logits is outputs else outputs.snapshot())
    normalized = outputs / sum(outputs, axis=-1, keepdims=True)
    return sum(_categorical_term(targets, normalized), axis=-1)


def sparse(who: str, targets: Tensor, outputs: Tensor, from_logits: bool) -> Tensor:
    """Return the crossentropy of each sample, with labels that `check_labels` has checked."""
    targets, labels = columns(targets, outputs)
    logits = logits_or_none(who, from_logits, "softmax", outputs)
    if logits is not None:
        return _sparse_from_logits(targets, logits, labels, None if logits is outputs else outputs.snapshot())
    return sum(_sparse_term(targets, outputs, sum(outputs, axis=-1, keepdims=True), labels), axis=-1)


def columns(targets: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return labels as a column, and the labels of all classes, both as numbers of the outputs' dtype."""
    targets = targets.astype(outputs.dtype)
    if targets.ndim < outputs.ndim:
        targets = expand_dims(targets, axis=targets.ndim)
    backend = outputs._backend
    return targets, Tensor(backend.from_host(np.arange(outputs.shape[-1], dtype=outputs.dtype)), backend)


def logits_or_none(name: str, from_logits: bool, source: str, outputs: Tensor) -> Tensor | None:
    """Return the logits to compute from, which are the outputs or what they were made of; None if there are none."""
    made_of = logits_of(source, outputs)
    if made_of is not None and from_logits:
        warnings.warn(
            f"{name}: from_logits=True, but the outputs are those of a {source}; its inputs are taken as the logits",
            stacklevel=levels_to_the_user(),
        )
    return outputs if from_logits and made_of is None else made_of


def _column(gradient: Tensor) -> Tensor:
    return expand_dims(gradient, axis=gradient.ndim)


# The gradient with respect to the logits is that of softmax and logarithm together, p - t, without loss of accuracy.


def _softmax_of(logits: Tensor, p: Tensor | None) -> Callable[[], Tensor]:
    """Return a function that returns the softmax. It refers to ``p`` or the logits, not both, as a tape keeps it."""
    return (lambda: softmax(logits)) if p is None else (lambda: p)


def _categorical_from_logits(targets: Tensor, logits: Tensor, p: Tensor | None) -> Tensor:
    """Return ``-Σ t ln softmax(x)`` over the last axis; ``p`` is the softmax, if it is known."""
    with autodiff.no_grad():
        each = sum(categorical_cost(targets, log_softmax(logits)), axis=-1)

    probabilities = _softmax_of(logits, p)

    def by_logits(gradient: Tensor) -> Tensor:
        return categorical_slope(_column(gradient), probabilities(), targets, sum(targets, axis=-1, keepdims=True))

    def by_targets(gradient: Tensor) -> Tensor:
        return -_column(gradient) * log_softmax(logits)

    autodiff.record((logits, targets), (each,), (by_logits, by_targets))
    return each


def _sparse_from_logits(targets: Tensor, logits: Tensor, labels: Tensor, p: Tensor | None) -> Tensor:
    """Return ``-ln softmax(x)[label]`` over the last axis; ``p`` is the softmax, if it is known."""
    with autodiff.no_grad():
        each = sum(sparse_cost(targets, log_softmax(logits), labels), axis=-1)

    probabilities = _softmax_of(logits, p)

    def by_logits(gradient: Tensor) -> Tensor:
        return sparse_slope(_column(gradient), probabilities(), targets, labels)

    autodiff.record((logits,), (each,), (by_logits,))
    return each
