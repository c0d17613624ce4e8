"""Whether the outputs of a layer for a sample depend on that sample only."""

from __future__ import annotations

from tensorlab.layers.tracking import Tracked

_CALLS = {"__call__", "call"}


def is_samplewise(layer: Tracked) -> bool:
    """Return whether a layer is `samplewise`, by a declaration in the class that implements its `call` or below it."""
    if not _CALLS.isdisjoint(vars(layer)):
        return False
    for cls in type(layer).__mro__:
        if "samplewise" in vars(cls):
            return bool(layer.samplewise)  # type: ignore[attr-defined]
        if not _CALLS.isdisjoint(vars(cls)):
            return False
    return False
