"""The two ways of a call of an elementwise operation, matrix product or reduction: in Python, or in machine code.

The first hundred calls of a process go through Python. Then ``Elementwise.__call__`` is replaced, for all operations,
by the compiled function of `tensorlab.kernels.runtime.calls`. After a hundred products `matmul` calls a compiled
function first, and after a hundred reductions the functions of reductions do (`tensorlab.kernels.runtime.functions`).
``TENSORLAB_COMPILED_CALLS=0``, which is read when tensorlab is imported, keeps every call in Python; `python_calls`
does so inside of a ``with`` block.
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
_products_left = _reductions_left = 100
"""The same for matrix products, and for reductions."""
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
    global _left
    if not _enabled or _blocks:
        return
    _left -= 1
    if _left <= 0:
        _alone(_list, operation)


def _list(operation: Any) -> None:
    from tensorlab.kernels.runtime import calls

    calls.install(KINDS, operation, TENSORS, autodiff.recording_anywhere(), autodiff.keys)
    operation.take_table(calls.table)


def _alone(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function under the lock, or return None inside of another such call or a `python_calls` block."""
    global _listing
    with guard:
        if _listing or _blocks:  # called from a signal handler or finalizer during a listing
            return None
        _listing = True
        try:
            return function(*arguments)
        finally:
            _listing = False


def _common(backend: Any) -> tuple[Any, tuple[int, ...]]:
    """Return the first words of a table of `functions`, and the offsets of the slots of tensors."""
    from tensorlab.kernels.runtime import calls, functions

    tapes, listeners = autodiff.recording_anywhere(), listening.buffer_info()[0]
    first = functions.common(TENSORS, tapes, listeners, autodiff.keys, backend)
    return first, calls.tensor_slots(TENSORS[0], *functions.SLOTS)


def product_call(backend: Any) -> Callable[[Any, Any], Any] | None:
    """Return the compiled call of small matrix products on a backend, or None if it is not yet time, or impossible.

    The function returns None for everything but small products of two tensors that no tape and no listener records.
    """
    global _products_left
    kernels = getattr(backend, "product_kernels", None)
    if not _enabled or _blocks or kernels is None:
        return None
    _products_left -= 1
    made: Callable[[Any, Any], Any] | None = None if _products_left > 0 else _alone(_product, backend, kernels)
    return made


def _product(backend: Any, kernels: Callable[[], Any]) -> Callable[[Any, Any], Any] | None:
    from tensorlab.kernels.runtime import functions

    first, slots = _common(backend)
    return first and functions.product(first, slots, kernels())


def _nothing(x: Any, axis: Any, keepdims: Any) -> None:
    """Return None, as long as there is no compiled call."""


class ReductionCall:
    """The compiled call of a reduction, which the Python function of the reduction asks first.

    Attributes:
        call: ``call(x, axis, keepdims)`` returns the reduction of a small tensor that no tape and no listener records.
            It returns None for everything else, and as long as it is not compiled.
        entries: the dtypes that it handles, that of the result and the kernel of each, by the number of the dtype,
            whose hash is faster than the dtype's.
    """

    __slots__ = ("_backend", "_of_indices", "call", "entries")

    def __init__(self, of_indices: bool = False) -> None:
        self._of_indices = of_indices  # whether the result contains indices along the axis
        self.entries: dict[int, tuple[Any, Any, Callable[..., Any]]] = {}
        self._backend: Any = None
        self.call: Callable[[Any, Any, Any], Any] = _nothing

    def note(self, backend: Any, dtype: Any, output: Any, kernel: Callable[..., Any] | None) -> None:
        """Note which kernel a call in Python used for a dtype that has no entry; compile the call for it if it is time.

        Args:
            backend: the backend.
            dtype: the dtype of the argument.
            output: the dtype of the result.
            kernel: the kernel, or None if the backend has none.
        """
        global _reductions_left
        if kernel is None or not _enabled or _blocks:
            return
        _reductions_left -= 1
        if _reductions_left <= 0 and self._backend in (None, backend):
            _alone(self._compile, backend, (dtype, output, kernel))

    def _compile(self, backend: Any, entry: tuple[Any, Any, Callable[..., Any]]) -> None:
        from tensorlab.kernels.runtime import functions

        first, slots = _common(backend)
        if first is not None:
            entries = {**self.entries, entry[0].num: entry}
            self.call = functions.reduction(first, slots, list(entries.values()), self._of_indices)
            self._backend, self.entries = backend, entries


def compiled_count(table: Any) -> int:
    """Return how many calls have used a table, which may be None."""
    if table is None:
        return 0
    from tensorlab.kernels.runtime import calls

    return calls.count(table)
