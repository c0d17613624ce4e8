"""A mean that is accumulated over batches, and read from the device as late as possible."""

from __future__ import annotations

from tensorlab.tensor import Tensor

_UNREAD = 64
"""Batches after which means are read. A device would stall if each were read at once."""


class RunningMean:
    """The weighted mean of the batches so far, in float64.

    Attributes:
        total: the sum of what has been read, each batch times its weight.
        weight: the sum of these weights.
    """

    __slots__ = ("pending", "total", "weight")

    def __init__(self, total: float = 0.0, weight: float = 0.0) -> None:
        self.total, self.weight = total, weight
        self.pending: list[tuple[float | Tensor, float | Tensor]] = []  # not in the total yet

    def add(self, mean: float | Tensor, weight: float | Tensor) -> None:
        """Add a batch. Its mean is ignored if its weight is 0."""
        self.pending.append((mean, weight))
        if len(self.pending) >= _UNREAD:
            self.read()

    def read(self) -> RunningMean:
        """Read pending values from the device, and return the mean."""
        pending, self.pending = self.pending, []
        for mean, given in pending:
            weight = float(given)
            if weight:
                self.total += float(mean) * weight
                self.weight += weight
        return self

    def state(self) -> tuple[float, float]:
        """Return the arguments of the constructor, after `read`."""
        return self.total, self.weight

    def __copy__(self) -> RunningMean:
        made = RunningMean()
        made.total, made.weight, made.pending = self.total, self.weight, self.pending.copy()
        return made
