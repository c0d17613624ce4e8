"""`Rows`: a batch of samples that is gathered when something reads it; a plan gathers it itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tensorlab import autodiff
from tensorlab.shapes import Shape
from tensorlab.tensor.core import Tensor

_BUFFER = Tensor.__dict__["_buffer"]  # the slot, which the property of `Rows` hides


class Rows(Tensor):
    """Rows of another tensor. The first read of the elements copies them, and makes this a plain `Tensor`.

    Attributes:
        origin: the tensor, and the indices as a buffer of its backend.
    """

    __slots__ = ()
    origin: tuple[Tensor, Any]

    def __init__(self, source: Tensor, indices: Any) -> None:
        self._backend = source._backend
        self.key = autodiff.new_key()
        self.origin = source, indices

    @property
    def shape(self) -> Shape:
        """The length of each axis; this reads no elements."""
        source, indices = self.origin
        return (*indices.shape, *source.shape[1:])

    @property
    def _buffer(self) -> Any:  # type: ignore[override]
        """Gather the rows."""
        origin = getattr(self, "origin", None)
        if origin is None:  # another thread has gathered them meanwhile
            return _BUFFER.__get__(self)
        source, indices = origin
        buffer = self._backend.gather(source._buffer, indices)
        _BUFFER.__set__(self, buffer)
        self.__class__ = Tensor  # type: ignore[assignment]
        self.origin = None  # type: ignore[assignment]
        return buffer


Rows.__name__ = Rows.__qualname__ = "Tensor"  # shown in messages


def gather(tensors: Iterable[Tensor | None]) -> None:
    """Copy the elements of those tensors that are `Rows`, before code that may keep or change them gets them."""
    for tensor in tensors:
        if type(tensor) is Rows:
            tensor._buffer  # noqa: B018


def can_defer(source: Tensor) -> bool:
    """Return whether a plan can gather rows of a tensor: from memory of the host, without gaps, that kernels read."""
    buffer = source._buffer
    return (
        getattr(source._backend, "listens", False)
        and isinstance(buffer, np.ndarray)
        and buffer.ndim > 0
        and buffer.size > 0
        and buffer.flags.c_contiguous
        and buffer.flags.aligned
        and not source.watched
    )
