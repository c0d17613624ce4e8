"""Masks of tensors: which steps of sequences are data, and which are padding.

A layer attaches a mask to its outputs, and the next layer reads it from its inputs. It belongs to the object and lives
as long; results of operations have none. Tensors have no slot for it, because few need one.
"""

from __future__ import annotations

import weakref
from typing import Any

from tensorlab.tensor.core import Tensor

_masks: dict[int, tuple[weakref.ref[Tensor], Tensor]] = {}
"""The masks by the keys of tensors, each with a reference to the tensor, which removes it."""


def mask_of(value: Any) -> Tensor | None:
    """Return the mask of a tensor, bools of shape ``(batch, time)``; None if it has none, or for anything else."""
    if not _masks or not isinstance(value, Tensor):
        return None
    found = _masks.get(value.key)
    return None if found is None else found[1]


def attach_mask(tensor: Tensor, mask: Tensor) -> None:
    """Attach a mask to a tensor, in place of the one it may have."""
    key = tensor.key

    def forget(reference: weakref.ref[Tensor]) -> None:
        if _masks.get(key, (None,))[0] is reference:  # another object with this key may have come since
            del _masks[key]

    _masks[key] = weakref.ref(tensor, forget), mask
