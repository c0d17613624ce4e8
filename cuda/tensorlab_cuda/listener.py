"""Listeners, which receive the launches of a thread in place of the device."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from tensorlab_cuda.kernel import Kernel


class Listener(Protocol):
    """An object that receives the launches of a thread; see `tensorlab_cuda.recording`."""

    def launched(self, kernel: Kernel, threads: int, arguments: tuple[float, ...]) -> None:
        """Receive a launch, which is not executed."""

    def uploaded(self, array: np.ndarray[Any, Any]) -> None:
        """Receive an array that the host uploads. The upload is executed."""

    def allocated(self, memory: Any) -> None:
        """Receive allocated memory."""

    def read(self) -> None:
        """Receive a read of memory by the host."""


class _Current(threading.local):
    listener: Listener | None = None


_current = _Current()


@contextmanager
def recorded(listener: Listener) -> Iterator[None]:
    """Pass the launches of this thread to a listener instead of executing them."""
    _current.listener = listener
    try:
        yield
    finally:
        _current.listener = None


def recording() -> Listener | None:
    """Return the listener of this thread, or None."""
    return _current.listener
