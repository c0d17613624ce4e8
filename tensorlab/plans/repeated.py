"""Call a function of tensors many times: the first calls in Python, two of them recorded, and the others as a plan."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from tensorlab.backends.listening import told
from tensorlab.errors import ArgumentError, short_repr
from tensorlab.ops.compiled_calls import python_calls
from tensorlab.plans.plan import Plan
from tensorlab.plans.purity import Watch
from tensorlab.plans.recording import Recording, Slot
from tensorlab.tensor import Tensor
from tensorlab.variable import variables_by_buffer

VARIABLE = "TENSORLAB_PLANS"


def _allowed() -> bool:
    text = os.environ.get(VARIABLE, "")
    if text not in ("", "0", "1"):
        raise ArgumentError(VARIABLE, "0 or 1", short_repr(text), "0 runs every step in Python")
    return text != "0"


enabled = _allowed()


class _Calls:
    """The calls so far with tensors of certain shapes and dtypes."""

    def __init__(self) -> None:
        self.count = 0
        self.recording: Recording | None = None
        self.results: list[Slot] = []
        self.plan: Plan | None = None


class Repeated:
    """A function of tensors that is called many times, while no other code changes anything that it reads.

    For each combination of shapes and dtypes the first call is made in Python, and the next two are recorded. If both
    recordings are equal, further calls run a plan. Otherwise all calls are made in Python.

    Args:
        function: takes tensors or None, and returns a tensor of one number.

    Attributes:
        reason: why calls are made in Python; empty if there is no reason yet.
    """

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self._function = function
        self._calls: dict[Any, _Calls] = {}
        self.reason = "" if enabled else f"{VARIABLE} is 0"

    def __call__(self, *tensors: Tensor | None) -> Any:
        """Call the function, and return a float or a tensor of one number."""
        if self.reason:
            return self._function(*tensors)
        arrays = [tensor._buffer for tensor in tensors if tensor is not None]
        key = tuple([None if tensor is None else _geometry(tensor) for tensor in tensors])
        calls = self._calls.get(key)
        if calls is None:
            calls = self._calls[key] = _Calls()
        if calls.plan is not None:
            return calls.plan.run(arrays)[0].item()
        calls.count += 1
        if calls.count == 1 or not all(tensor is None or tensor._backend.listens for tensor in tensors):
            return self._function(*tensors)
        return self._record(calls, tensors, arrays)

    def _record(self, calls: _Calls, tensors: Sequence[Tensor | None], arrays: Sequence[Any]) -> Tensor:
        recording, watch = Recording(arrays, variables_by_buffer()), Watch()
        with python_calls(), told(recording), watch:
            result = self._function(*tensors)
        recording.finish()
        recording.refused(watch.reason) if watch.reason else None
        results = [recording.slot(result._buffer)]
        if calls.recording is None:
            calls.recording = recording
        else:
            self.reason = calls.recording.difference(recording)
            if not self.reason:
                calls.plan = Plan(recording, results)
            calls.recording = None
        return result


def _geometry(tensor: Tensor) -> tuple[Any, ...]:
    buffer = tensor._buffer
    return buffer.shape, buffer.dtype, getattr(buffer, "strides", None), tensor._backend
