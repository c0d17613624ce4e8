"""`Signals`: let SIGINT and SIGTERM wait until the checkpoint of a run has been written."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Terminated(BaseException):
    """Ends a run before the process ends itself, so that what `fit` has opened is closed."""


class Signals:
    """A ``with`` block inside of which the first SIGINT or SIGTERM waits for `deliver`.

    The second signal does at once what it does outside of the block. Python calls handlers in the main thread only, so
    the block changes nothing in other threads. A signal that is ignored stays ignored. Inside of another such block,
    which is that of a run around this one, it changes nothing.

    Attributes:
        waiting: the signal that waits, or None.
    """

    def __init__(self) -> None:
        self.waiting: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            found = {number: signal.getsignal(number) for number in _SIGNALS}
            for number, handler in found.items():
                nested = isinstance(getattr(handler, "__self__", None), Signals)
                if not nested and (callable(handler) or handler is signal.SIG_DFL):
                    self._before[number] = handler
                    signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._take:
                signal.signal(number, handler)
        if self.waiting is not None:
            self._act(self.waiting)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.waiting is not None:
            self._act(number, frame)
        self.waiting = number

    def deliver(self) -> None:
        """Do what the signal that waits does, if there is one.

        Raises:
            KeyboardInterrupt: for SIGINT, unless the program has another handler.
        """
        number = self.waiting
        if number is None:
            return
        if self._before[number] is signal.SIG_DFL:
            raise _Terminated  # `__exit__` ends the process
        self.waiting = None
        self._before[number](number, None)

    def _act(self, number: int, frame: FrameType | None = None) -> None:
        handler = self._before[number]
        self.waiting = None
        if handler is signal.SIG_DFL:  # the process ends with the status that the signal gives it
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        else:
            handler(number, frame)
