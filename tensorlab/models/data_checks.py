"""Checks of the data that `fit`, `evaluate` and `predict` are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tensorlab.errors import ArgumentError, ArgumentTypeError, NonFiniteError, short_repr
from tensorlab.ops.reduction import only_finite
from tensorlab.rules import finite, integer
from tensorlab.tensor import Tensor


def check_count(who: str, value: Any, least: int = 1) -> int:
    """Return a value as an int of at least ``least``, or raise ArgumentError."""
    return integer(who, value, least)


def weights_by_label(who: str, class_weight: Any) -> dict[int, float]:
    """Return the weights of classes by label.

    Raises:
        ArgumentError: for anything but a dict of labels and finite numbers.
    """
    if not isinstance(class_weight, Mapping) or not all(isinstance(k, (int, np.integer)) for k in class_weight):
        raise ArgumentError(who, "a dict of weights by label", short_repr(class_weight), "write e.g. {0: 1.0, 1: 50.0}")
    return {int(label): finite(f"{who} of {label}", weight) for label, weight in class_weight.items()}


def refuse_batches(who: str, value: Any) -> None:
    """Raise ArgumentTypeError for a generator or another iterable, where an array has to be given."""
    if hasattr(value, "__next__") or (hasattr(value, "__iter__") and not hasattr(value, "__len__")):
        hint = "give x as an array; fit, evaluate and predict also take batches (x, y) as x"
        raise ArgumentTypeError(who, "an array of all samples", type(value).__name__, hint)


def check_finite(who: str, tensor: Tensor, positions: Sequence[int] | None = None) -> None:
    """Raise if a tensor has an element that is NaN or infinite.

    Args:
        who: the argument, for messages.
        tensor: the tensor.
        positions: the index of each sample in the array that was passed; None if the tensor has all samples in order.

    Raises:
        NonFiniteError: naming the first such element.
    """
    if tensor.dtype.kind != "f" or only_finite(tensor):
        return
    host = tensor.numpy()
    first, *others = (int(index) for index in np.argwhere(~np.isfinite(host))[0])
    value = host[first, *others]
    position = (first if positions is None else int(positions[first]), *others)
    raise NonFiniteError(who, "finite numbers", f"{value} at {position}", "clean the data first")
