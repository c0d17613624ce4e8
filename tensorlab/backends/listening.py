"""Listeners: objects that are notified of what the host's backends do for a thread; plans are recorded with one.

A backend reports its work after it is done. Without a listener this costs one comparison: `listening` counts the
listeners of all threads, and the backend calls the functions of this module only if there is any.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

from tensorlab.forks import counting

listening = array("q", [0])
"""The number of listeners of all threads."""


class _Pool:
    def __repr__(self) -> str:
        return "POOL"


POOL: Final = _Pool()
"""Stands for the address of the thread pool among the arguments of a launch."""


class Listener(Protocol):
    """What a listener implements. Arrays are identified by their `id`."""

    def launched(
        self, kernel: Callable[..., Any], arguments: Sequence[Any], written: Sequence[Any], numbers: Sequence[float]
    ) -> None:
        """Take note of a kernel's launch.

        Args:
            kernel: the compiled kernel.
            arguments: its arguments: arrays, integers, floats, and `POOL`. Arrays that the kernel takes by their id are
                passed themselves.
            written: the arrays that it wrote.
            numbers: the sequence that the last arguments came from, such as hyperparameters; see `announced`.
        """

    def called(
        self, function: Callable[..., Any], arguments: Sequence[Any], result: Any, written: Sequence[Any]
    ) -> None:
        """Take note of a function of arrays that returned a new array, or wrote some of its arguments."""

    def viewed(self, view: Any, source: Any) -> None:
        """Take note of a new view of an array's memory."""

    def replaced(self, copy: Any, array: Any) -> None:
        """Take note that a tensor gets another array, the result of the last copy, because others refer to its own."""

    def announced(self, numbers: Sequence[float], owner: Any, names: Sequence[str]) -> None:
        """Take note that numbers, which a launch follows, are the hyperparameters of an optimizer for this step."""

    def affected(self, effect: Callable[..., None], arguments: Sequence[Any]) -> None:
        """Take note of a change of a Python object, which has to be repeated with the new content of tensors."""

    def refused(self, reason: str) -> None:
        """Take note that what the thread does cannot be repeated without its Python code."""


class _Current(threading.local):
    listener: Listener | None = None


_current = _Current()


@contextmanager
def notified(listener: Listener) -> Iterator[None]:
    """Return a ``with`` block in which a listener is notified of what the backends do for this thread."""
    before, _current.listener = _current.listener, listener
    with counting:
        listening[0] += 1
    try:
        yield
    finally:
        _current.listener = before
        with counting:
            listening[0] -= 1


def launched(
    kernel: Callable[..., Any], arguments: Sequence[Any], written: Sequence[Any], numbers: Sequence[float] = ()
) -> None:
    """Tell this thread's listener, if there is one, of a launch; see `Listener`. So do the functions below."""
    listener = _current.listener
    if listener is not None:
        listener.launched(kernel, arguments, written, numbers)


def called(function: Callable[..., Any], arguments: Sequence[Any], result: Any, written: Sequence[Any] = ()) -> None:
    """Tell of a function of arrays."""
    listener = _current.listener
    if listener is not None:
        listener.called(function, arguments, result, written)


def viewed(view: Any, source: Any) -> None:
    """Tell of a view."""
    listener = _current.listener
    if listener is not None:
        listener.viewed(view, source)


def replaced(copy: Any, array: Any) -> None:
    """Tell that a tensor gets another array."""
    listener = _current.listener
    if listener is not None:
        listener.replaced(copy, array)


def announced(numbers: Sequence[float], owner: Any, names: Sequence[str]) -> None:
    """Tell whose numbers the next launch takes."""
    listener = _current.listener
    if listener is not None:
        listener.announced(numbers, owner, names)


def affected(effect: Callable[..., None], arguments: Sequence[Any]) -> None:
    """Tell of a change of a Python object."""
    listener = _current.listener
    if listener is not None:
        listener.affected(effect, arguments)


def again(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function that is called again in every repetition, so that it may do anything."""
    return function(*arguments)


@contextmanager
def repeating(function: Callable[..., Any], *arguments: Any) -> Iterator[None]:
    """Return a ``with`` block whose work this thread's listener does not hear of. Plans call a function in its place.

    Args:
        function: a check, which raises or returns nothing.
        arguments: its arguments, arrays among them.
    """
    listener, _current.listener = _current.listener, None
    try:
        yield
    finally:
        _current.listener = listener
    if listener is not None:
        listener.called(function, arguments, None, ())


def refused(reason: str) -> None:
    """Tell of something that cannot be repeated."""
    listener = _current.listener
    if listener is not None:
        listener.refused(reason)
