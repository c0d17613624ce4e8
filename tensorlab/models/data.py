"""What `fit` and its kind are given, checked once and cut into batches."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from tensorlab import ops, random
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, NonFiniteError, ShapeError
from tensorlab.ops.dispatch import as_tensor
from tensorlab.tensor import Tensor


def check_count(who: str, value: Any, least: int = 1) -> int:
    """A whole number of at least ``least``.

    Raises:
        ArgumentError: if it is not.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        raise ArgumentError(who, f"a whole number of at least {least}", repr(value))
    return number


class Samples:
    """Inputs, and perhaps targets, of equal length.

    Args:
        who: what the data is given to.
        x: the inputs.
        y: the targets.
        targets: whether there have to be targets.
        device: where arrays go, all at once, to be cut into batches there; None for the current device.

    Raises:
        ArgumentTypeError: if targets are missing.
        DTypeError: for anything but numbers.
        ShapeError: if there are none, or their lengths differ.
        NonFiniteError: if an input is NaN or infinite.
    """

    def __init__(self, who: str, x: Any, y: Any = None, targets: bool = False, device: str | None = None) -> None:
        if targets and y is None:
            raise ArgumentTypeError(f"{who} y", "a target for each sample", "None")
        self.x = _numbers(f"{who} x", x, device)
        self.y = None if y is None else _numbers(f"{who} y", y, device)
        if not self.x.ndim or not len(self.x):
            raise ShapeError(f"{who} x", "at least one sample", f"shape {self.x.shape}")
        self.count = len(self.x)
        if self.y is not None and (not self.y.ndim or len(self.y) != self.count):
            raise ShapeError(
                who,
                "x and y of one length",
                f"x of shape {self.x.shape} and y of shape {self.y.shape}",
                "give one target for each sample",
            )
        for name, tensor in (("x", self.x), ("y", self.y)):
            if tensor is not None:
                check_finite(f"{who} {name}", tensor)

    def steps(self, batch_size: int) -> int:
        """The number of batches; the last may be smaller."""
        return math.ceil(self.count / batch_size)

    def batches(self, batch_size: int, shuffle: bool = False) -> Iterator[tuple[Tensor, Tensor | None]]:
        """One batch after the other: in order as views, or shuffled as copies."""
        order = random.generator("shuffle").permutation(self.count) if shuffle else None
        for start in range(0, self.count, batch_size):
            place: Any = slice(start, start + batch_size)
            if order is not None:
                place = order[place]
            yield self.x[place], None if self.y is None else self.y[place]


def _numbers(who: str, value: Any, device: str | None) -> Tensor:
    try:
        return as_tensor(value, who, device)
    except DTypeError as error:
        raise DTypeError(who, error.expected, error.received, error.hint) from None


def check_finite(who: str, tensor: Tensor) -> None:
    """Raise if a tensor has an element that is NaN or infinite.

    Raises:
        NonFiniteError: naming the first such element.
    """
    if tensor.dtype.kind != "f" or ops.all_finite(tensor):
        return
    host = tensor.numpy()
    place = tuple(int(index) for index in np.argwhere(~np.isfinite(host))[0])
    raise NonFiniteError(who, "finite numbers", f"{host[place]} at {place}", "clean the data first")
