"""`Tape`: record operations and compute gradients through them.

An operation passes its inputs, its outputs and one function per input to `record`. The function (a vector-Jacobian
product, "vjp") computes the gradient of that input from the gradients of the outputs. Vjps use operations that are
recorded as well, so nested tapes give second and higher derivatives.

Tensors are identified by their ``key``; a variable and the values read from it share one. A tape keeps keys and vjps
only, so it keeps no tensor alive that no vjp needs.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any, Protocol, Self

from tensorlab import forks
from tensorlab.checking import here
from tensorlab.errors import StateError
from tensorlab.scopes import Block, Scope

keys = itertools.count(1)
"""Yields a new key for each tensor."""
new_key = keys.__next__
_key = attrgetter("key")


class Differentiable(Protocol):
    """The interface of tensors that tapes use."""

    key: int

    @property
    def watched(self) -> bool:
        """Whether this is the value of a trainable variable, which is then in ``variable``."""


Vjp = Callable[..., Any]

_Node = tuple[tuple[int, ...], tuple[int, ...], Sequence[Vjp | None] | Vjp]
"""The keys of an operation's outputs, the keys of its inputs (0 for one that is not tracked), and its vjps."""


_Block = tuple["Tape | None", bool]
"""A tape, and whether the block starts or stops it. The tape None stops all enclosing tapes."""


def _recording_tapes(blocks: list[_Block]) -> tuple[Tape, ...]:
    """Return the tapes that record inside of nested blocks, outermost first."""
    tapes: list[Tape] = []
    for tape, records in blocks:
        if tape is None:
            tapes = []
        elif records:
            tapes.append(tape)
        else:
            tapes = [other for other in tapes if other is not tape]
    return tuple(tapes)


_blocks: Scope[_Block, tuple[Tape, ...]] = Scope("tapes", _recording_tapes)


_seen, _outside = _blocks.seen, _blocks.outside

_open = array("q", [0])
_guard = forks.lock(forks.TAPES)  # reentrant: a finalizer may close a tape while its thread opens one


def recording_anywhere() -> int:
    """Return the address of the number of open tapes in all threads, for compiled code."""
    return _open.buffer_info()[0]


def recording() -> bool:
    """Return whether any tape records in this thread or asynchronous task."""
    if not _open[0]:  # the common case, and faster than looking at the scope
        return False
    state = _seen(_outside).state  # `Scope.current` inlined, because every operation calls this
    return bool(state[2] if state[0] == _blocks.version else _blocks.current())


def watching(key: int) -> bool:
    """Return whether `Tape.track` was called, on a tape that records here, for the tensor with this key."""
    return _open[0] != 0 and any([key in tape.watched_keys for tape in _blocks.current()])


def record(
    inputs: Sequence[Differentiable], outputs: Sequence[Differentiable], vjps: Sequence[Vjp | None] | Vjp
) -> None:
    """Record an operation on every tape that tracks one of its inputs.

    Args:
        inputs: the input tensors.
        outputs: the output tensors.
        vjps: for each input, a function that takes one gradient per output and returns the gradient of the input; None
            for an input without a gradient. Or a single function that returns the gradients of all inputs. The gradient
            of an output is None if no target depends on it.
    """
    if here.watchers:
        vjps = here.watchers[-1].vjps(inputs, vjps)
    state = _seen(_outside).state
    for tape in state[2] if state[0] == _blocks.version else _blocks.current():
        tape._record(inputs, outputs, vjps)


def interchangeable(result: Differentiable, origin: Differentiable) -> bool:
    """Return whether a computation may use ``origin`` in place of ``result`` without changing any gradient.

    ``result`` was computed from ``origin``. The answer is true if each tape of this thread tracks both or neither, and
    no tape watches ``result`` itself.
    """
    return all(
        [
            (result.key in tape._tracked) == (origin.key in tape._tracked) and result.key not in tape.watched_keys
            for tape in _blocks.current()
        ]
    )


def stopped() -> Block[_Block] | None:
    """Enter a block that stops all enclosing tapes; return None if no thread has an open tape."""
    return _blocks.enter((None, False)) if _open[0] else None


def blocks_here() -> tuple[Block[_Block], ...]:
    """Return the open blocks of this thread or asynchronous task, outermost first."""
    return _blocks.entries()


class Tape:
    """Record the operations in a ``with`` block, and compute gradients through them.

    Args:
        watch_variables: whether trainable variables are tracked automatically.
    """

    def __init__(self, watch_variables: bool = True) -> None:
        self._watch_variables = watch_variables
        self._block: Block[_Block] | None = None  # None while the tape is closed
        self.reset()

    def reset(self) -> None:
        """Forget all recorded operations and watched tensors."""
        self._nodes: list[_Node] = []
        self._tracked: set[int] = set()
        self.watched_keys: set[int] = set()
        self.variables: dict[int, Any] = {}

    def __enter__(self) -> Self:
        with _guard:
            if self._block is not None:
                hint = "leave its with block first, or create another tape"
                raise StateError("GradientTape", "the tape is already recording", hint)
            self._block = _blocks.enter((self, True))
            _open[0] += 1
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop recording. Any thread may do so, in any order; a second call does nothing."""
        with _guard:
            if self._block is not None:
                self._block.leave()
                self._block = None
                _open[0] -= 1

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Stop this tape, but not others, inside of a ``with`` block."""
        block = _blocks.enter((self, False))
        try:
            yield
        finally:
            block.leave()

    def track(self, tensors: Iterable[Differentiable]) -> None:
        """Record the operations on these tensors from now on."""
        keys = [tensor.key for tensor in tensors]
        self._tracked.update(keys)
        self.watched_keys.update(keys)

    def _record(
        self, inputs: Sequence[Any], outputs: Sequence[Differentiable], vjps: Sequence[Vjp | None] | Vjp
    ) -> None:
        tracked = self._tracked
        live, keys = False, [*map(_key, inputs)]
        for index, tensor in enumerate(inputs):
            key = keys[index]
            if key in tracked:
                live = True
            elif tensor.watched and self._watch_variables:  # track this variable from now on
                tracked.add(key)
                self.variables[key] = tensor.variable
                live = True
            else:
                keys[index] = 0
        if not live:
            return
        made = tuple(map(_key, outputs))
        tracked.update(made)
        if 0 in keys and not callable(vjps):  # a vjp that is never called should not keep its tensors alive
            vjps = [vjps[index] if key else None for index, key in enumerate(keys)]
        self._nodes.append((made, tuple(keys), vjps))  # the garbage collector need not track tuples of numbers

    def backward(self, seeds: Iterable[tuple[int, Any]], sources: Iterable[int], keep: bool) -> dict[int, Any]:
        """Propagate gradients from targets to sources, visiting only operations on a path between them.

        Args:
            seeds: pairs of the key of a target and its initial gradient.
            sources: the keys of the tensors whose gradients are wanted.
            keep: whether the tape is needed again. If not, each recorded value is freed as soon as it has been used.

        Returns:
            the gradients by key, only for sources that a target depends on.
        """
        wanted = set(sources)
        leading = set(wanted)  # keys of tensors that depend on a source
        path: list[_Node] = []
        for node in self._nodes:
            if not leading.isdisjoint(node[1]):
                leading.update(node[0])
                path.append(node)
        if not keep:
            self.reset()
        gradients: dict[int, Any] = {}
        # Other tapes keep recording, so that they can differentiate the gradients.
        block = None if self._block is None else _blocks.enter((self, False))
        try:
            for key, seed in seeds:
                gradients[key] = gradients[key] + seed if key in gradients else seed
            while path:
                outputs, inputs, vjps = path.pop()
                flowing, live = [*map(gradients.get, outputs)], False
                for key in outputs:
                    if key in gradients:
                        live = True
                        if key not in wanted:  # complete: all operations that use this output come later and are done
                            del gradients[key]
                if not live:
                    continue
                if callable(vjps):
                    for key, gradient in zip(inputs, vjps(*flowing), strict=True):
                        if gradient is not None and key in leading:
                            gradients[key] = gradients[key] + gradient if key in gradients else gradient
                    continue
                for key, vjp in zip(inputs, vjps, strict=True):
                    if vjp is not None and key in leading:
                        gradient = vjp(*flowing)
                        if gradient is not None:
                            gradients[key] = gradients[key] + gradient if key in gradients else gradient
        finally:
            if block is not None:
                block.leave()
        # A vjp on an outer tape may refer to the same object, and the caller may write into the result: return another.
        return {key: gradients[key].snapshot() for key in wanted if key in gradients}
