"""The layer calls that a thread is executing: whether they train, and what they have built."""

from __future__ import annotations

import threading
from typing import Any, Self

from tensorlab.layers.tracking import Change, Tracked, undo


class Call:
    """A call of a layer, as a ``with`` block. If it raises, everything built during it is undone.

    Args:
        layer: the layer that is called.
        training: whether it trains; if None, the value of the enclosing call, if any.

    Attributes:
        built: the changes that builds have made during this call.
    """

    __slots__ = ("built", "layer", "outer", "training")

    def __init__(self, layer: Tracked, training: Any = None) -> None:
        self.layer = layer
        self.training = training
        self.built: list[Change] = []

    def __enter__(self) -> Self:
        outer = self.outer = context.call
        if self.training is None and outer is not None:
            self.training = outer.training
        context.call = self
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        self.leave(failed=kind is not None)

    def leave(self, failed: bool) -> None:
        """End the call: undo what was built if it failed, and otherwise tell the enclosing call of it."""
        context.call = self.outer
        if self.built and failed:
            undo(self.built)
        elif self.built and self.outer is not None:
            self.outer.built += self.built


class Trial(Call):
    """A call that builds layers and checks shapes. Its outputs, and what layers add to the loss, are not used."""

    __slots__ = ()


class Block(Call):
    """A block of code that may build a layer but is not a call of it, such as `fit`."""

    __slots__ = ()

    def keep(self) -> None:
        """Keep what has been built so far even if this block raises; an enclosing block may still undo it."""
        if self.outer is not None:
            self.outer.built += self.built
        self.built = []


class _Context(threading.local):
    call: Call | None = None
    """The innermost call of this thread."""


context = _Context()


def call_around(layer: Tracked) -> Call | None:
    """Return the innermost enclosing call of another layer, or None."""
    call = context.call
    while call is not None and (call.layer is layer or isinstance(call, Block)):
        call = call.outer
    return call
