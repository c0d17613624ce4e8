"""The two ways of a call of an elementwise operation or a matrix product: in Python, or in one compiled function.

The first hundred calls of a process go through Python. Then ``Elementwise.__call__`` is replaced, for all operations,
by the compiled function of `tensorlab.kernels.runtime.calls`. ``TENSORLAB_COMPILED_CALLS=0``, which is read when
tensorlab is imported, keeps every call in Python; `python_calls` does so inside of a ``with`` block.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tensorlab import autodiff
from tensorlab.backends.listening import listening
from tensorlab.errors import ArgumentError, short_repr
from tensorlab.forks import guard
from tensorlab.tensor import TENSORS

__all__ = ["python_calls"]

VARIABLE = "TENSORLAB_COMPILED_CALLS"

KINDS: list[type] = []
"""`Elementwise`, and its subclasses whose ``__call__`` the compiled function may replace too."""

_left = 100
"""How many calls in Python come before the call itself is compiled, which takes time."""
_products_left = 100
"""The same for matrix products."""
_listing = False
_blocks = 0
"""How many `python_calls` blocks are open."""


class CallCounts(NamedTuple):
    """How many calls of an operation went through Python, and how many through the compiled function."""

    python: int
    compiled: int


def _allowed() -> bool:
    text = os.environ.get(VARIABLE, "")
    if text not in ("", "0", "1"):
        raise ArgumentError(VARIABLE, "0 or 1", short_repr(text), "0 keeps every call of an operation in Python")
    return text != "0"


_enabled = _allowed()


@contextmanager
def python_calls() -> Iterator[None]:
    """Return a ``with`` block inside of which every call of an operation goes through Python.

    Debuggers, profilers and ``sys.settrace`` see such calls; results are the same. It holds for all threads of the
    process, since ``Elementwise.__call__`` is an attribute of the class. Blocks may be nested.

    Example:
        >>> x = tl.asarray([1.0, 2.0])
        >>> before = tl.add.call_counts
        >>> with tl.ops.python_calls():
        ...     y = tl.add(x, x)
        >>> tl.add.call_counts.python - before.python
        1
    """
    _open(1)
    try:
        yield
    finally:
        _open(-1)


def _open(change: int) -> None:
    global _blocks
    from tensorlab.kernels.runtime import calls

    with guard:
        _blocks += change
        calls.switch(compiled=not _blocks)


def list_kernels(operation: Any) -> None:
    """Put the kernels of an operation into the table that the compiled function reads; install that if it is time.

    A special method is looked up on the class, so only an attribute of the class can replace it; a Python method that
    chooses between both would cost the call that it saves.
    """
    global _left, _listing
    if not _enabled or _blocks:
        return
    _left -= 1
    if _left > 0:
        return
    with guard:
        if _listing or _blocks:  # called from a signal handler or finalizer during a listing
            return
        _listing = True
        try:
            from tensorlab.kernels.runtime import calls

            calls.install(KINDS, operation, TENSORS, autodiff.recording_anywhere(), autodiff.new_key)
            operation.take_table(calls.table)
        finally:
            _listing = False


def product_call(backend: Any) -> Callable[[Any, Any], Any] | None:
    """Return the compiled call of small matrix products on a backend, or None if it is not yet time, or impossible.

    The function returns None for everything but small products of two tensors that no tape and no listener records.
    """
    global _products_left, _listing
    kernels = getattr(backend, "product_kernels", None)
    if not _enabled or _blocks or kernels is None:
        return None
    _products_left -= 1
    if _products_left > 0:
        return None
    with guard:
        if _listing or _blocks:
            return None
        _listing = True
        try:
            from tensorlab.kernels.runtime import calls

            tapes, listeners = autodiff.recording_anywhere(), listening.buffer_info()[0]
            return calls.product(TENSORS, tapes, listeners, autodiff.new_key, backend, kernels())
        finally:
            _listing = False


def compiled_count(table: Any) -> int:
    """Return how many calls have used a table, which may be None."""
    if table is None:
        return 0
    from tensorlab.kernels.runtime import calls

    return calls.count(table)
