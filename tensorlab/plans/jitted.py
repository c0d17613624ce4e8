"""`jit`: run a function of tensors as a plan."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from tensorlab import autodiff
from tensorlab.arguments import check_callable
from tensorlab.autodiff import flatten, pack_as
from tensorlab.backends.listening import listening
from tensorlab.devices import backend as find_backend
from tensorlab.forks import Use
from tensorlab.ops.probabilities import Probabilities
from tensorlab.plans.gathering import geometry
from tensorlab.plans.guard import Guard
from tensorlab.plans.plan import Plan
from tensorlab.plans.purity import is_profiled
from tensorlab.plans.recording import Operand, Recording
from tensorlab.plans.repeated import Calls, explained, marked_up, record, why_eager
from tensorlab.tensor import SharedTensor, Tensor, asarray
from tensorlab.variable import Variable

P = ParamSpec("P")
R = TypeVar("R")

_MAX_PLANS = 16
"""How many plans a function may have, and how often its plan may become stale, before it stays in Python."""


class _Leaf(NamedTuple):
    """A tensor among the results: its operand, and for probabilities the name of their source and the logits."""

    operand: Operand
    source: str = ""
    logits: Operand | None = None


class _Ready(NamedTuple):
    """A plan, the structure of its results, and what it depends on."""

    plan: Plan
    structure: Any
    leaves: list[Any]
    guard: Guard


class Jitted:
    """A function that runs as a plan; see `jit`.

    Attributes:
        reason: why calls are made in Python; empty if there is no reason.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.reason = ""
        self._calls: dict[Any, Calls[_Ready]] = {}
        self._stale = 0
        self._use = Use()

    def __reduce__(self) -> Any:
        # A decorated function stands for itself under its name, as functions do; pickle would not find the inner one.
        name = getattr(self.function, "__qualname__", "")
        found: Any = sys.modules.get(getattr(self.function, "__module__", ""))
        for part in name.split("."):
            found = getattr(found, part, None)
        return name if found is self else (Jitted, (self.function,))

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    @property
    def plans(self) -> list[Plan]:
        """The plans so far, one for each combination of arguments that was called often enough."""
        return [calls.ready.plan for calls in self._calls.values() if calls.ready is not None]

    def explain(self) -> None:
        """Print a table of each plan, or why there is none."""
        explained(self.plans, self.reason)

    def _repr_html_(self) -> str:
        return marked_up(self.plans, self.reason)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        leaves = [_as_input(leaf) if isinstance(leaf, np.ndarray) else leaf for leaf in flatten((args, kwargs))]
        if self.reason or why_eager() or listening[0] or autodiff.recording() or not all(map(_is_plannable, leaves)):
            return self._in_python(args, kwargs, leaves)
        key = _key(args, kwargs, leaves)
        calls = self._calls.get(key)
        if calls is None:
            if len(self._calls) == _MAX_PLANS:
                self.reason = "it is called with too many shapes, or other arguments; pass numbers as tensors"
                return self._in_python(args, kwargs, leaves)
            calls = self._calls[key] = Calls()
        ready = calls.ready
        if ready is not None and not ready.guard.changed():
            if not self._use.begin():  # by another thread; a plan has one memory
                return self._in_python(args, kwargs, leaves)
            try:
                return _results(ready, [leaf for leaf in leaves if _is_input(leaf)])
            finally:
                self._use.end()
        if calls.guard is not None and calls.guard.changed():
            self._stale += 1
            if self._stale == _MAX_PLANS:
                self.reason = "what it reads changes too often"
            calls = self._calls[key] = Calls()
        if is_profiled():  # nothing can be recorded now
            return self._in_python(args, kwargs, leaves)
        calls.count += 1
        return self._in_python(args, kwargs, leaves, calls if calls.count > 1 else None)

    def _in_python(self, args: Any, kwargs: Any, leaves: Sequence[Any], calls: Calls[_Ready] | None = None) -> Any:
        """Call the function with tensors that it may write into, and record it if ``calls`` is given."""
        leaves = [asarray(leaf, copy=True) if isinstance(leaf, SharedTensor) else leaf for leaf in leaves]
        args, kwargs = pack_as((args, kwargs), iter(leaves))
        if calls is None:
            return self.function(*args, **kwargs)
        result, recording, watch = record(lambda: self.function(*args, **kwargs), list(filter(_is_input, leaves)))
        made = [_leaf(each, recording) for each in flatten(result)]
        before, calls.recording = calls.recording, recording
        calls.guard = Guard([self.function, *(leaf for leaf in leaves if not _is_input(leaf))], watch.code)
        if before is not None:
            calls.recording = None
            self.reason = before.difference(recording) or calls.guard.doubt
            if not self.reason:
                structure = pack_as(result, iter([None] * len(made)))
                both = [(leaf.operand, leaf.logits) for leaf in made if isinstance(leaf, _Leaf)]
                operands = [operand for pair in both for operand in pair if operand]
                calls.ready = _Ready(Plan(recording, operands), structure, made, calls.guard)
        recording.release()
        return result


def jit(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function of tensors as a plan: recorded once, then repeated in compiled code, without its Python code.

    For each combination of shapes, dtypes and other arguments, the first three calls run in Python, two of them are
    recorded, and later calls run the plan, with the same bits. The function may use tapes, change variables, call
    models and take steps of optimizers. A new plan is made when something changes that the function reads: a global,
    an attribute, an element of a list. A function that does more than compute with tensors always runs in Python:
    one that prints, assigns to attributes, draws random numbers, or reads the elements of a tensor. Call ``explain()``
    for a table of the plan or the reason why there is none.

    NumPy arrays are passed to the function as tensors, and are inputs. Python numbers are constants of the plan, so
    pass those that change as tensors.

    Args:
        function: the function. Its results are tensors, or nested lists, tuples and dicts of tensors.

    Returns:
        A function with the same arguments and results, and methods and attributes of `Jitted`.

    Raises:
        ArgumentTypeError: for something that is not a function.

    Source: ``jax.jit``, ``tf.function``.

    Example:
        >>> weight = tl.Variable([1.0, 2.0])
        >>> @tl.jit
        ... def step(x):
        ...     with tl.GradientTape() as tape:
        ...         loss = tl.sum((weight * x) ** 2)
        ...     weight.assign_sub(0.1 * tape.gradient(loss, weight))
        ...     return loss
        >>> [round(float(step(tl.ones((2,)))), 4) for _ in range(5)]
        [5.0, 3.2, 2.048, 1.3107, 0.8389]
        >>> step.plans[0].runs
        2
    """
    check_callable("jit", "a function of tensors", function)
    return Jitted(function)


def _as_input(array: np.ndarray[Any, Any]) -> Any:
    """Return a tensor that shares the memory of an array of numbers."""
    return asarray(np.ascontiguousarray(array)) if array.dtype.kind in "biuf" else array


def _is_input(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) and not isinstance(leaf, (Variable, Probabilities)) and not leaf.watched


def _is_plannable(leaf: Any) -> bool:
    return not isinstance(leaf, Tensor) or getattr(leaf._backend, "listens", False)


def _key(args: Any, kwargs: dict[str, Any], leaves: Sequence[Any]) -> Any:
    parts = [geometry(leaf) if _is_input(leaf) else _identity(leaf) for leaf in leaves]
    return _structure((args, kwargs)), tuple(parts), find_backend()


def _identity(leaf: Any) -> Any:
    """Return what distinguishes an argument that is no tensor."""
    if isinstance(leaf, (bool, int, float, str, type(None))):
        return type(leaf), repr(leaf)
    return id(leaf)


def _structure(value: Any) -> Any:
    if isinstance(value, dict):
        return dict, *((name, _structure(item)) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return type(value), *map(_structure, value)
    return None


def _leaf(value: Any, recording: Recording) -> Any:
    """Return the operand of a result, or a result that is no tensor."""
    if isinstance(value, Probabilities):
        return _Leaf(recording.operand(value._buffer), value.source, recording.operand(value.logits._buffer))  # type: ignore[arg-type]
    if isinstance(value, Tensor):
        return _Leaf(recording.operand(value._buffer))  # type: ignore[arg-type]
    if not isinstance(value, (bool, int, float, str, type(None))):
        recording.refused(f"it returns an object of the type {type(value).__name__}")
    return value


def _results(ready: _Ready, tensors: Sequence[Tensor]) -> Any:
    """Run the plan and return the results of the function."""
    arrays = iter(ready.plan.run([tensor._buffer for tensor in tensors]))  # type: ignore[misc]
    backend = find_backend("cpu")
    leaves: list[Any] = []
    for leaf in ready.leaves:
        if not isinstance(leaf, _Leaf):
            leaves.append(leaf)
            continue
        made = Tensor(next(arrays).copy(), backend)
        if leaf.logits is not None:
            made = Probabilities.of(leaf.source, made, Tensor(next(arrays).copy(), backend))
        leaves.append(made)
    return pack_as(ready.structure, iter(leaves))
