"""`Repeated`: call a function of tensors many times, first in Python, then as a plan."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from tensorlab import markup, terminal
from tensorlab.backends.listening import notified
from tensorlab.devices import backend as find_backend
from tensorlab.errors import ArgumentError, short_repr
from tensorlab.forks import Use
from tensorlab.ops.compiled_calls import python_calls
from tensorlab.plans.gathering import arrays_of, gather_inputs, geometry
from tensorlab.plans.guard import Guard
from tensorlab.plans.plan import Plan
from tensorlab.plans.purity import PROFILED, Watch, is_profiled
from tensorlab.plans.recording import Recording
from tensorlab.tensor import Rows, Tensor, gather
from tensorlab.variable import variables_by_buffer

VARIABLE = "TENSORLAB_PLANS"


def _allowed() -> bool:
    text = os.environ.get(VARIABLE, "")
    if text not in ("", "0", "1"):
        raise ArgumentError(VARIABLE, "0 or 1", short_repr(text), "0 takes every step in Python")
    return text != "0"


_enabled = _allowed()


class _Blocks(threading.local):
    def __init__(self) -> None:
        self.open: list[object] = []


_blocks = _Blocks()


@contextmanager
def disable_jit() -> Iterator[None]:
    """Return a ``with`` block inside of which this thread makes every call in Python, and runs no plan.

    Results have the same bits. It is for debuggers and profilers, and for code that prints while it computes.
    ``TENSORLAB_PLANS=0`` does so for a whole process, ``compile(run_eagerly=True)`` for a model.

    Source: ``jax.disable_jit``.

    Example:
        >>> model = tl.Sequential([tl.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> with tl.disable_jit():
        ...     history = model.fit(tl.ones((16, 2)), tl.ones((16, 1)), batch_size=1, verbose=0)
        >>> model.training_plan.explain()
        no plan: disable_jit is in effect
    """
    blocks, own = _blocks.open, object()  # of this thread; another one may end the block
    blocks.append(own)
    try:
        yield
    finally:
        blocks.remove(own)


def why_eager() -> str:
    """Return why no plan may be run here; an empty text if there is no reason."""
    if not _enabled:
        return f"{VARIABLE} is 0"
    return "disable_jit is in effect" if _blocks.open else ""


T = TypeVar("T")
_NONE = (None, None)
_MAX_SKIPPED_CALLS = 32
"""The number of calls after which a plan is recorded even if every run makes few."""
_MAX_COUNTED = 64
"""The number of combinations of shapes and dtypes for which calls are counted."""


class Calls(Generic[T]):
    """The calls of a function so far with arguments of certain shapes and dtypes, and what makes further ones fast."""

    def __init__(self) -> None:
        self.count = 0
        self.recording: Recording | None = None
        self.guard: Guard | None = None
        self.ready: T | None = None


def record(call: Callable[[], Any], inputs: Sequence[Tensor]) -> tuple[Any, Recording, Watch]:
    """Make a call and record what it computes from some tensors."""
    gather(inputs)
    recording, watch = Recording(arrays_of(inputs), variables_by_buffer()), Watch()
    with python_calls(), notified(recording), watch:
        result = call()
    recording.finish(watch.reason)
    return result, recording, watch


def explained(plans: Sequence[Plan], reason: str) -> None:
    """Print a table of each plan, or why there is none."""
    console = terminal.console()
    if not plans:
        console.print(f"no plan: {reason or 'fewer than three calls with equal shapes'}", soft_wrap=True)
        return
    from tensorlab.plans.table import table_of

    for plan in plans:
        console.print(table_of(plan))


def marked_up(plans: Sequence[Plan], reason: str) -> str:
    """Return what `explained` prints, for notebooks."""
    if not plans:
        return markup.text(f"no plan: {reason or 'fewer than three calls with equal shapes'}")
    from tensorlab.plans.table import table_of

    return "".join([markup.printed(table_of(plan)) for plan in plans])


class Repeated:
    """A function of tensors that a model calls many times, while no other code changes anything that it reads.

    For each combination of shapes and dtypes the first call is made in Python, and the next two are recorded. If both
    recordings are equal, further calls run a plan, with the same bits. Otherwise all calls are made in Python.

    Args:
        function: takes tensors or None, and returns a tensor of one number.
        roots: the objects that it reads, apart from globals. `begin` looks whether they have changed.
    """

    def __init__(self, function: Callable[..., Tensor], roots: Sequence[Any] = ()) -> None:
        self._function, self._roots = function, roots
        self._calls: dict[Any, Calls[Plan]] = {}
        self._last: tuple[Any, Any] = _NONE  # the key and the plan of the last call
        self._device: Any = None  # the current one
        self._eager = self._failed = self._few = ""
        self._use = Use()

    @property
    def reason(self) -> str:
        """Why calls are made in Python; empty if there is no reason."""
        return self._eager or self._failed or ("" if self.plans else self._few)

    @property
    def plans(self) -> list[Plan]:
        """The plans so far, one for each combination of shapes and dtypes that was called often enough."""
        return [calls.ready for calls in self._calls.values() if calls.ready is not None]

    def __reduce__(self) -> Any:
        return _nothing, ()  # a copy of a model has no plan, because the function is the original's

    def begin(self, reason: str = "", few: str = "") -> Callable[..., Any]:
        """Return the function for calls after other code has run. Plans that depend on what has changed are dropped.

        Args:
            reason: why the calls shall be made in Python; empty if there is no reason.
            few: why recording a plan would take longer than it saves, unless there were many calls before.
        """
        self._eager, self._few, self._last = reason or why_eager(), few, _NONE
        if self._eager:
            return self._function
        before, self._device = self._device, find_backend()
        for key, calls in [*self._calls.items()]:
            changed = calls.guard is not None and (calls.guard.doubt or calls.guard.changed())
            if changed or before is not self._device:
                del self._calls[key]
                self._failed = ""
        return self

    def free(self) -> None:
        """Free the memory of all plans until they are used again."""
        for plan in self.plans:
            plan.free()

    def explain(self) -> None:
        """Print a table of each plan, or why there is none."""
        explained(self.plans, self.reason)

    def _repr_html_(self) -> str:
        return marked_up(self.plans, self.reason)

    def graph(self) -> list[Any]:
        """Return the nodes of the first plan with their inputs, for a picture; an empty list if there is no plan."""
        from tensorlab.plans.table import graph_of

        return graph_of(self.plans[0]) if self.plans else []

    def __call__(self, *tensors: Tensor | None) -> Any:
        """Call the function, and return a float or a tensor of one number."""
        if self._failed or not self._use.begin():  # in use by another thread; a plan has one memory
            return self._function(*tensors)
        try:
            return self._called(tensors)
        finally:
            self._use.end()

    def _called(self, tensors: Sequence[Tensor | None]) -> Any:
        key = tuple([None if tensor is None else geometry(tensor) for tensor in tensors])
        if key == self._last[0]:  # faster than a look-up, which has to hash all dtypes
            return self._last[1].run(arrays_of(tensors))[0].item()
        calls = self._calls.get(key)
        if calls is None:
            if len(self._calls) == _MAX_COUNTED:
                return self._function(*tensors)
            calls = self._calls[key] = Calls()
        if calls.ready is not None:
            self._last = key, calls.ready
            return calls.ready.run(arrays_of(tensors))[0].item()
        calls.count += 1
        if calls.count <= (_MAX_SKIPPED_CALLS if self._few else 1):
            return self._function(*tensors)
        given = [tensor for tensor in tensors if tensor is not None]
        if not all(getattr(tensor._backend, "listens", False) for tensor in given):
            self._eager = "plans are made for tensors on the device 'cpu' only"
        elif is_profiled():
            self._eager = PROFILED
        if self._eager:
            return self._function(*tensors)
        rows = {position: each.origin[1] for position, each in enumerate(given) if type(each) is Rows}
        result, recording, watch = record(lambda: self._function(*tensors), given)
        before, calls.recording = calls.recording, recording
        calls.guard = Guard(self._roots, watch.code)
        if before is not None:
            calls.recording = None
            self._failed = before.difference(recording)
            if not self._failed:
                results = [recording.operand(result._buffer)]
                gather_inputs(recording, rows)
                calls.ready = Plan(recording, results)
        recording.release()
        return result


def _nothing() -> None:
    return None
