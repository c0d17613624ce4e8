"""Who is told of what a thread asks of the device, in place of the device."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from tensorlab_cuda.kernel import Kernel


class Listener(Protocol):
    """What is told, see `tensorlab_cuda.recording`."""

    def launched(self, kernel: Kernel, threads: int, arguments: tuple[float, ...]) -> None:
        """A kernel was to be started."""

    def uploaded(self, array: np.ndarray[Any, Any]) -> None:
        """The host sends some elements, which it does all the same."""

    def allocated(self, memory: Any) -> None:
        """Memory was taken."""

    def read(self) -> None:
        """The host wants to read what has not been computed."""


class _Current(threading.local):
    listener: Listener | None = None


_current = _Current()


@contextmanager
def recorded(listener: Listener) -> Iterator[None]:
    """Tell a listener of every launch of this thread, in place of launching."""
    _current.listener = listener
    try:
        yield
    finally:
        _current.listener = None


def recording() -> Listener | None:
    """Who listens in this thread."""
    return _current.listener
