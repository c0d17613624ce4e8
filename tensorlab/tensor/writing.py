"""In-place writes: `MutableTensor`, and `writing`, the only way to write into one.

Memory is written only by a thread that has acquired `lock`, only while the buffer is removed from the ``_buffer`` slot
of its tensor, and only if nothing else refers to the buffer. If something does, the write goes to a copy.

So a concurrent reader is always safe. Either it got its reference before the write, and the write goes to a copy; or it
finds the slot empty and waits for the write to end. Other reads cost nothing: Python calls `__getattr__` only for an
empty slot, and compiled calls, which read the slot directly, fall back to Python if it is empty.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, cast

import numpy as np

from tensorlab import forks
from tensorlab.backends import Backend, Buffer
from tensorlab.backends.listening import listening, replaced
from tensorlab.tensor.core import Tensor

lock = forks.lock(forks.WRITING)
"""Held during every write. Forking waits for it, so that no child process starts with a half-written buffer."""


class Claim:
    """A buffer removed from its tensor for writing.

    The slot of the tensor is empty until the write ends; the tensor refers to the claim meanwhile.

    Attributes:
        buffer: the buffer to write into or to replace. The tensor gets it when the write ends.
    """

    __slots__ = ("_references", "buffer")

    def __init__(self, tensor: Tensor) -> None:
        try:
            self.buffer = _read(tensor)
        except AttributeError:  # a signal handler or a finalizer interrupts a write of the same thread, and writes too
            self.buffer, self._references = tensor.origin.buffer, sys.maxsize
            tensor.origin = self
        else:
            tensor.origin = self
            del tensor._buffer  # before counting: a reader that comes later finds the slot empty
            self._references = sys.getrefcount(self.buffer)

    @property
    def alone(self) -> bool:
        """Whether nothing else referred to the buffer."""
        return self._references <= _ALONE

    def replace(self, buffer: Buffer) -> None:
        """Give the tensor another buffer, a copy that has just been made, when the write ends."""
        if listening[0]:
            replaced(buffer, self.buffer)
        self.buffer = buffer


_read: Any = Tensor.__dict__["_buffer"].__get__
"""Read the ``_buffer`` slot of a tensor without waiting for a write."""

_ALONE = Claim(Tensor(np.empty(0), cast(Backend, None)))._references


class MutableTensor(Tensor):
    """A tensor that owns its memory and can be written into with `writing`."""

    __slots__ = ()
    written = True

    def __getattr__(self, name: str) -> Any:  # Python calls it only if the slot is empty
        if name != "_buffer":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self._settled()

    def _settled(self) -> Buffer:
        """Wait for the current write to end, and return the buffer."""
        with lock:
            try:
                return cast(Buffer, _read(self))
            except AttributeError:  # a signal handler or a finalizer interrupts a write of the same thread, and reads
                return cast(Buffer, self._backend.copy(self.origin.buffer))


MutableTensor.__name__ = MutableTensor.__qualname__ = "Tensor"  # shown in messages


class writing:  # noqa: N801  (used like a function)
    """Claim the buffers of tensors for the duration of a ``with`` block; readers wait until it ends.

    Args:
        tensors: the tensors to write into. One that is not a `MutableTensor` becomes one, and its elements are copied.
        keep: whether the old elements are needed. If not, a claim that is not alone keeps the old buffer; replace that
            buffer and do not write into it.

    Example:
        >>> from tensorlab.tensor.writing import writing
        >>> variable, source = tl.Variable([1.0, 2.0]), tl.asarray([3.0, 4.0])
        >>> with writing([variable]) as (claim,):
        ...     variable._backend.copy_into(claim.buffer, source._buffer)
        >>> variable.tolist()
        [3.0, 4.0]
    """

    def __init__(self, tensors: Iterable[Tensor], keep: bool = True) -> None:
        self._tensors, self._keep = tensors, keep
        self._claims: list[tuple[Tensor, Claim]] = []

    def __enter__(self) -> list[Claim]:
        lock.acquire()
        try:
            for tensor in self._tensors:
                if not tensor.written:
                    tensor._buffer = tensor._backend.copy(tensor._buffer)
                    tensor.__class__ = MutableTensor
                    tensor.origin = None
                claim = Claim(tensor)
                self._claims.append((tensor, claim))
                if self._keep and claim._references > _ALONE:
                    claim.replace(tensor._backend.copy(claim.buffer))
        except BaseException:
            self.__exit__()
            raise
        return [claim for _, claim in self._claims]

    def __exit__(self, *exception: object) -> None:
        try:
            for tensor, claim in self._claims:
                if tensor.origin is claim:
                    tensor._buffer = claim.buffer
                    tensor.origin = None
        finally:
            lock.release()
