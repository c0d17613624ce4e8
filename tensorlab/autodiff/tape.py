"""`Tape` records operations and plays them backwards.

An operation gives `record` its inputs, its outputs, and for each input a function from the gradients of the outputs to
the gradient of that input (a vector-Jacobian product, "vjp"), written in operations that are recorded in turn. So a
tape around a tape gives the second derivative, and so on.

Tensors are known by their ``key``: a variable and the value that was read from it share one. A tape holds keys and
vjps, and no tensor that no vjp needs.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any, Protocol, Self

from tensorlab import forks
from tensorlab.errors import StateError
from tensorlab.scopes import Block, Scope

new_key = itertools.count(1).__next__
_key = attrgetter("key")


class Differentiable(Protocol):
    """What the tape needs to know of a tensor."""

    key: int

    @property
    def watched(self) -> bool:
        """Whether it is the value of a variable that tapes watch; then it has that ``variable``."""


Vjp = Callable[..., Any]

_Node = tuple[tuple[int, ...], tuple[int, ...], Sequence[Vjp | None] | Vjp]
"""The keys of an operation's outputs, those of its inputs (0 for one that is not tracked), and its vjps."""


_Block = tuple["Tape | None", bool]
"""A tape and whether it records in the block or is stopped; None for all tapes around it."""


def _recording_tapes(blocks: list[_Block]) -> tuple[Tape, ...]:
    """Return the tapes that record inside of some blocks, the outermost first."""
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
_guard = forks.lock(forks.TAPES)  # a finalizer may close a tape while its thread opens one


def recording_anywhere() -> int:
    """The address of a word that is 0 while no thread has a tape open, for compiled code."""
    return _open.buffer_info()[0]


def recording() -> bool:
    """Whether any tape records in this thread or asynchronous task."""
    if not _open[0]:  # the word is read faster
        return False
    state = _seen(_outside).state  # as `Scope.current` does: every operation asks
    return bool(state[2] if state[0] == _blocks.version else _blocks.current())


def watching(key: int) -> bool:
    """Whether a tape that records here was told to watch the tensor of this key."""
    return _open[0] != 0 and any([key in tape.watched_keys for tape in _blocks.current()])


def record(
    inputs: Sequence[Differentiable], outputs: Sequence[Differentiable], vjps: Sequence[Vjp | None] | Vjp
) -> None:
    """Put an operation on every tape that tracks one of its inputs.

    Args:
        inputs: the tensors that it was applied to.
        outputs: the tensors that it gave.
        vjps: for each input, a function of one gradient per output that returns the gradient of the input, or None if
            it has none. Or one function that returns all of them at once. The gradient of an output that nothing
            depends on is None.
    """
    state = _seen(_outside).state
    for tape in state[2] if state[0] == _blocks.version else _blocks.current():
        tape._record(inputs, outputs, vjps)


def alike(result: Differentiable, origin: Differentiable) -> bool:
    """Whether what is computed from ``origin`` has, for each tape of this thread, the gradient that it has when it is
    computed from ``result``, which was made of it: the tape knows both or neither, and was not told to track the
    result itself."""
    return all(
        [
            (result.key in tape._tracked) == (origin.key in tape._tracked) and result.key not in tape.watched_keys
            for tape in _blocks.current()
        ]
    )


def stopped() -> Block[_Block] | None:
    """Begin a block in which none of the tapes around it records; None if no thread has a tape open."""
    return _blocks.enter((None, False)) if _open[0] else None


def blocks_here() -> tuple[Block[_Block], ...]:
    """Return the open blocks of this thread or asynchronous task, the outermost first."""
    return _blocks.entries()


class Tape:
    """Records the operations inside of its ``with`` block, and takes gradients through them.

    Args:
        watch_variables: whether trainable variables are tracked by themselves.
    """

    def __init__(self, watch_variables: bool = True) -> None:
        self._watch_variables = watch_variables
        self._block: Block[_Block] | None = None  # while it is open
        self.reset()

    def reset(self) -> None:
        """Forget everything that was recorded or watched."""
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
        """Stop recording, in whatever thread or order; a second call does nothing."""
        with _guard:
            if self._block is not None:
                self._block.leave()
                self._block = None
                _open[0] -= 1

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Record nothing inside of this ``with`` block on this tape; other tapes go on."""
        block = _blocks.enter((self, False))
        try:
            yield
        finally:
            block.leave()

    def track(self, tensors: Iterable[Differentiable]) -> None:
        """Record what is computed from these tensors from here on."""
        keys = [tensor.key for tensor in tensors]
        self._tracked.update(keys)
        self.watched_keys.update(keys)

    def _record(
        self, inputs: Sequence[Any], outputs: Sequence[Differentiable], vjps: Sequence[Vjp | None] | Vjp
    ) -> None:
        tracked = self._tracked
        live, keys = False, [*map(_key, inputs)]
        for place, tensor in enumerate(inputs):
            key = keys[place]
            if key in tracked:
                live = True
            elif tensor.watched and self._watch_variables:  # the value of a variable is tracked from now on
                tracked.add(key)
                self.variables[key] = tensor.variable
                live = True
            else:
                keys[place] = 0
        if not live:
            return
        made = tuple(map(_key, outputs))
        tracked.update(made)
        if 0 in keys and not callable(vjps):  # a vjp that nobody will call should not keep memory alive
            vjps = [vjps[place] if key else None for place, key in enumerate(keys)]
        self._nodes.append((made, tuple(keys), vjps))  # tuples of numbers are no work for the collector

    def backward(self, seeds: Iterable[tuple[int, Any]], sources: Iterable[int], keep: bool) -> dict[int, Any]:
        """Let gradients flow from targets to sources, along nothing but the paths between them.

        Args:
            seeds: the keys of the targets, each with the gradient that flows into it.
            sources: the keys of the tensors whose gradients are wanted.
            keep: whether the tape may be asked again. If not, each value is freed as soon as it has been used.

        Returns:
            the gradients of the sources that a target depends on, by key.
        """
        wanted = set(sources)
        leading = set(wanted)  # to a source
        path: list[_Node] = []
        for node in self._nodes:
            if not leading.isdisjoint(node[1]):
                leading.update(node[0])
                path.append(node)
        if not keep:
            self.reset()
        gradients: dict[int, Any] = {}
        # Others go on, so that they can differentiate the gradients. A tape that is closed records nothing anyway.
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
                        if key not in wanted:  # all that uses this output has been passed
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
        # A vjp that an outer tape keeps may have the very object: the caller gets another, and may assign to it.
        return {key: gradients[key].snapshot() for key in wanted if key in gradients}
