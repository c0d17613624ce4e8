"""Who checks the values that layers, tapes and training steps compute: nobody, or `tensorlab.debug`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Protocol


class Watcher(Protocol):
    """What is called with values while they are computed. It may raise."""

    def outputs(self, layer: Any, inputs: Any, outputs: Any) -> None:
        """Take the outputs of a layer."""

    def loss(self, model: Any, loss: Any) -> None:
        """Take the loss of a training step."""

    def weights(self, optimizer: Any, weights: Sequence[Any]) -> None:
        """Take the weights after a training step."""

    def vjps(self, inputs: Sequence[Any], vjps: Any) -> Any:
        """Return what a tape records in place of the vjps of an operation."""


class _Here(threading.local):
    def __init__(self) -> None:
        self.watchers: list[Watcher] = []
        """The watchers of the blocks that this thread is in, innermost last; only the innermost is called."""


here = _Here()
