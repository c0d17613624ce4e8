"""Reverse-mode automatic differentiation: `GradientTape` records operations and plays them backwards.

An operation gives `record` its inputs, its outputs, and for each input a function from the gradients of the outputs to
the gradient of that input (a vector-Jacobian product, "vjp"), written in operations that are recorded in turn. So a
tape around a tape gives the second derivative, and so on.

Tensors are known by their ``key``: a variable and the value that was read from it share one.
"""

from __future__ import annotations

import itertools
import threading
import warnings
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError, StateError

new_key = itertools.count(1).__next__


class Differentiable(Protocol):
    """What the tape needs to know of a tensor."""

    key: int

    @property
    def watched(self) -> bool: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> Any: ...

    def __add__(self, other: Any) -> Any: ...


Vjp = Callable[..., Any]


class _Node(NamedTuple):
    inputs: tuple[int, ...]  # keys; 0 for an input that is not tracked
    outputs: tuple[Differentiable, ...]
    vjps: tuple[Vjp | None, ...]


class _Active(threading.local):
    """The tapes that record in this thread, outermost first."""

    def __init__(self) -> None:
        self.tapes: list[GradientTape] = []


_active = _Active()


_open = array("q", [0])
_open_guard = threading.Lock()


def _count_open(change: int) -> None:
    with _open_guard:
        _open[0] += change


def recording_anywhere() -> int:
    """The address of a word that is 0 while no thread has a tape open."""
    return _open.buffer_info()[0]


def recording() -> bool:
    """Whether any tape records in this thread."""
    return bool(_active.tapes)


def record(inputs: Sequence[Differentiable], outputs: Sequence[Differentiable], vjps: Sequence[Vjp | None]) -> None:
    """Put an operation on every tape that tracks one of its inputs.

    Args:
        inputs: the tensors that it was applied to.
        outputs: the tensors that it gave.
        vjps: for each input, a function of one gradient per output that returns the gradient of the input, or None if
        it
            has none.
    """
    for tape in _active.tapes:
        tape._record(inputs, outputs, vjps)


@contextmanager
def _only(tapes: list[GradientTape]) -> Iterator[None]:
    before, _active.tapes = _active.tapes, tapes
    try:
        yield
    finally:
        _active.tapes = before


@contextmanager
def no_grad() -> Iterator[None]:
    """Nothing is recorded inside of this ``with`` block, by any tape of this thread."""
    with _only([]):
        yield


def flatten(structure: Any) -> list[Any]:
    """The leaves of nested lists, tuples and dicts, in order."""
    if isinstance(structure, dict):
        return [leaf for value in structure.values() for leaf in flatten(value)]
    if isinstance(structure, (list, tuple)):
        return [leaf for value in structure for leaf in flatten(value)]
    return [structure]


def pack_as(structure: Any, leaves: Iterator[Any]) -> Any:
    """Nested lists, tuples and dicts of the form of ``structure``, with these leaves."""
    if isinstance(structure, dict):
        return {key: pack_as(value, leaves) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)([pack_as(value, leaves) for value in structure])
    return next(leaves)


class GradientTape:
    """Records the operations inside of its ``with`` block, to differentiate them afterwards.

    Args:
        persistent: whether `gradient` may be called more than once. The values that the tape keeps are otherwise freed
            by the first call.
        watch_accessed_variables: whether trainable variables are watched by themselves. Other tensors are watched when
            `watch` is called with them.

    Example:
        >>> x = tl.Variable(3.0)
        >>> with tl.GradientTape() as tape:
        ...     y = x * x
        >>> float(tape.gradient(y, x))
        6.0

    Source: ``tf.GradientTape``.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent = persistent
        self._watch_variables = watch_accessed_variables
        self._nodes: list[_Node] = []
        self._tracked: set[int] = set()
        self._used = False

    def __enter__(self) -> GradientTape:
        if self in _active.tapes:
            raise StateError("GradientTape", "a tape that is not recording yet", "one inside of its own with block")
        self._used = False
        self._nodes, self._tracked = [], set()
        _active.tapes = [*_active.tapes, self]
        _count_open(1)
        return self

    def __exit__(self, *exception: object) -> None:
        _active.tapes = [tape for tape in _active.tapes if tape is not self]
        _count_open(-1)

    def watch(self, tensor: Any) -> None:
        """Track a tensor, or every tensor in a list, from here on.

        Raises:
            ArgumentTypeError: for something that is not a tensor.
            DTypeError: for a tensor of integers or booleans, which have no gradient.
        """
        for leaf in flatten(tensor):
            if not hasattr(leaf, "key"):
                raise ArgumentTypeError("GradientTape.watch", "a Tensor", type(leaf).__name__, "use tl.asarray(x)")
            _check_real("GradientTape.watch", leaf)
            self._tracked.add(leaf.key)

    def _record(
        self, inputs: Sequence[Differentiable], outputs: Sequence[Differentiable], vjps: Sequence[Vjp | None]
    ) -> None:
        tracked = self._tracked
        if self._watch_variables:
            for tensor in inputs:
                if tensor.watched:
                    tracked.add(tensor.key)
        keys = tuple(
            tensor.key if vjp is not None and tensor.key in tracked else 0
            for tensor, vjp in zip(inputs, vjps, strict=True)
        )
        if any(keys):
            tracked.update(tensor.key for tensor in outputs)
            self._nodes.append(_Node(keys, tuple(outputs), tuple(vjps)))

    def gradient(self, target: Any, sources: Any, output_gradients: Any = None) -> Any:
        """The gradient of the sum of ``target`` with respect to each source.

        Args:
            target: a tensor, or a list of tensors whose gradients are added.
            sources: a tensor, or nested lists, tuples and dicts of tensors.
            output_gradients: the gradient that flows into each target, of its shape; ones if None.

        Returns:
            tensors in the structure of ``sources``, each of its source's shape and dtype, or None (with a warning that
            says why) for a source that the target does not depend on.

        Raises:
            StateError: at the second call, if the tape is not persistent.
            DTypeError: for a target or source of integers.
            ShapeError: if ``output_gradients`` do not have the shapes of their targets.
        """
        if self._used:
            raise StateError(
                "GradientTape.gradient",
                "one call",
                "a second one",
                "the tape was freed after the first; create it with persistent=True",
            )
        targets, leaves = flatten(target), flatten(sources)
        for leaf in (*targets, *leaves):
            if not hasattr(leaf, "key"):
                raise ArgumentTypeError("GradientTape.gradient", "Tensors", type(leaf).__name__)
            _check_real("GradientTape.gradient", leaf)
        gradients = self._backward(targets, output_gradients)
        results = []
        for source in leaves:
            result = gradients.get(source.key)
            if result is None:
                self._warn_unconnected(source)
            results.append(result)
        if not self._persistent:
            self._used = True
            self._nodes, self._tracked = [], set()
        return pack_as(sources, iter(results))

    def _backward(self, targets: list[Any], output_gradients: Any) -> dict[int, Any]:
        seeds = [None] * len(targets) if output_gradients is None else flatten(output_gradients)
        if len(seeds) != len(targets):
            raise ShapeError("GradientTape.gradient", f"{len(targets)} output_gradients", str(len(seeds)))
        gradients: dict[int, Any] = {}
        # Other tapes go on recording, so that they can differentiate the gradient; this one does not.
        with _only([tape for tape in _active.tapes if tape is not self]):
            for target, seed in zip(targets, seeds, strict=True):
                start = target.ones_like() if seed is None else target.like(seed)
                if start.shape != target.shape:
                    raise ShapeError(
                        "GradientTape.gradient", f"output_gradients of shape {target.shape}", str(start.shape)
                    )
                _accumulate(gradients, target.key, start)
            for node in reversed(self._nodes):
                flowing = [gradients.get(output.key) for output in node.outputs]
                if all(gradient is None for gradient in flowing):
                    continue
                for key, vjp in zip(node.inputs, node.vjps, strict=True):
                    if key and vjp is not None:
                        _accumulate(gradients, key, vjp(*flowing))
        return gradients

    def _warn_unconnected(self, source: Any) -> None:
        name = f"source {source.name!r}" if getattr(source, "name", None) else f"a source of shape {source.shape}"
        why = (
            "the target does not depend on it"
            if source.key in self._tracked
            else "it was not watched, or the target does not depend on it: call tape.watch(x) before using it, "
            "or make it a tl.Variable"
        )
        warnings.warn(f"GradientTape.gradient: the gradient of {name} is None, because {why}", stacklevel=3)


def _check_real(who: str, tensor: Any) -> None:
    if tensor.dtype.kind != "f":
        raise DTypeError(who, "tensors of float32 or float64", str(tensor.dtype), 'use .astype("float32")')


def _accumulate(gradients: dict[int, Any], key: int, gradient: Any) -> None:
    if gradient is not None:
        present = gradients.get(key)
        gradients[key] = gradient if present is None else present + gradient
