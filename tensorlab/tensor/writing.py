"""Memory that is written in place: `MutableTensor`, and the one way to write into it, `writing`.

The rule: memory is written only by a thread that holds `lock`, only while the buffer is out of its tensor's slot, and
only if nobody else has a reference to the buffer; otherwise a copy takes its place. So a reader either has a
reference from before the write, and the write goes to a copy, or it finds the slot empty and waits for the write to
end. Reading costs nothing else: Python calls `__getattr__` only for an empty slot, and compiled calls, which read the
slot without waiting, leave the call to Python then.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, cast

import numpy as np

from tensorlab import forks
from tensorlab.backends import Backend, Buffer
from tensorlab.tensor.core import Tensor

lock = forks.lock(forks.WRITING)
"""Held during every write. A fork waits for it: no child begins with memory that is half written."""


class Claim:
    """A buffer that may be written into; it is out of its tensor's slot meanwhile, and the tensor remembers the claim.

    Attributes:
        buffer: what is written into, or replaced by another buffer. The tensor has it afterwards.
    """

    __slots__ = ("_references", "buffer")

    def __init__(self, tensor: Tensor) -> None:
        try:
            self.buffer = _read(tensor)
        except AttributeError:  # a signal handler or a finalizer writes while its own thread does
            self.buffer, self._references = tensor.origin.buffer, sys.maxsize
            tensor.origin = self
        else:
            tensor.origin = self
            del tensor._buffer  # first, so that the next line misses nobody
            self._references = sys.getrefcount(self.buffer)

    @property
    def alone(self) -> bool:
        """Whether nobody else had a reference to the buffer."""
        return self._references <= _ALONE


_read: Any = Tensor.__dict__["_buffer"].__get__
"""Read the slot of a tensor without waiting."""

_ALONE = Claim(Tensor(np.empty(0), cast(Backend, None)))._references


class MutableTensor(Tensor):
    """A tensor that has memory of its own and may be written into by `writing`."""

    __slots__ = ()
    written = True

    def __getattr__(self, name: str) -> Any:  # called for what is not found otherwise
        if name != "_buffer":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return self._settled()

    def _settled(self) -> Buffer:
        """Return the buffer when the write that goes on has ended."""
        with lock:
            try:
                return cast(Buffer, _read(self))
            except AttributeError:  # this thread writes, and a signal handler or a finalizer reads
                return cast(Buffer, self._backend.copy(self.origin.buffer))


MutableTensor.__name__ = MutableTensor.__qualname__ = "Tensor"  # in messages


class writing:  # noqa: N801  (used like a function)
    """Claim the buffers of some tensors inside of the ``with`` block, which nothing reads meanwhile.

    Args:
        tensors: to write into. One that is no `MutableTensor` becomes one, with memory of its own.
        keep: whether the elements are needed. If not, a claim that is not alone keeps the old buffer, which must be
            replaced and not written into.

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
                    claim.buffer = tensor._backend.copy(claim.buffer)
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
