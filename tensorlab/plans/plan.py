"""`Plan`: repeat what has been recorded, launches in compiled code, and in between what only Python can do."""

from __future__ import annotations

import ctypes
import math
import time
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tensorlab.forks import guard
from tensorlab.kernels import catalogue
from tensorlab.plans import memory
from tensorlab.plans.nodes import operands_of
from tensorlab.plans.recording import POOL, Array, Hyperparameter, Node, Operand, Recording
from tensorlab.plans.rewrite import rewritten
from tensorlab.tensor.writing import writing

_TIMED = range(8, 16)
"""The runs in which each node is timed: after the caches are warm."""


class _Launches(NamedTuple):
    """Consecutive launches."""

    first: int
    end: int


class _Outside:
    """An array that the plan does not own, and the views of it: an input or a variable.

    The plan keeps no reference to a variable's memory between its runs, because that would prevent writing in place.
    """

    __slots__ = ("bound", "root", "views")

    def __init__(self, root: Operand) -> None:
        self.root = root
        self.views: list[tuple[Operand, Any, int]] = []  # with the results of `_raw`
        self.bound: Callable[[], Array | None] = lambda: None


class Plan:
    """What a function of tensors computes, as a list of launches.

    Args:
        recording: what the function computes.
        results: the arrays that it returns.

    Attributes:
        nodes: what is repeated, in order, apart from changes of Python objects, which follow.
        size: the memory of the plan in bytes.
        runs: the number of runs.
        seconds: the shortest time that each node took in the runs that were timed.
    """

    def __init__(self, recording: Recording, results: Sequence[Operand]) -> None:
        self._results = list(results)
        nodes = rewritten(recording.nodes, self._results)
        self.nodes = [node for node in nodes if node.kind != "effect"]
        self._effects = [node for node in nodes if node.kind == "effect"]
        self._arrays: dict[Operand, Array] = {}
        for operand in recording.operands:
            if operand.kind == "constant":
                root = operand.root.value
                self._arrays[operand] = root if operand.root is operand else _unowned(operand, root.ctypes.data)
        offsets, self.size = memory.placed(memory.lifetimes(nodes, self._results))
        made = (operand for operand in recording.operands if operand.kind == "made" and operand.root in offsets)
        self._offsets = {operand: offsets[operand.root] for operand in made}
        self._is_free = True
        self._positions: defaultdict[Any, list[int]] = defaultdict(list)  # the words of each operand, and of POOL
        self._numbers: dict[Any, dict[str, list[int]]] = {}  # the words of each hyperparameter of an optimizer
        self._parts: list[_Launches | Node] = []
        self._encode()
        outside = {
            operand: _Outside(operand)
            for operand in recording.operands
            if operand.root is operand and _is_outside(operand)
        }
        for operand in recording.operands:
            if operand.root is not operand and _is_outside(operand) and self._is_used(operand):
                outside[operand.root].views.append((operand, *_raw(operand)))
        self._inputs = [each for each in outside.values() if each.root.kind == "input"]
        changed = {operand.root for node in self.nodes for operand in node.written if operand.root.kind == "variable"}
        variables = [each for each in outside.values() if each.root.kind == "variable"]
        self._written = [each for each in variables if each.root in changed]
        self._read = [each for each in variables if each.root not in changed]
        self._variables = [each.root.value for each in self._written]
        self._pool = -1
        self.runs = 0
        self.seconds = [math.inf] * len(self.nodes)

    def _allocate(self) -> None:
        """Allocate the memory of the arrays that the plan makes."""
        block = memory.block(self.size)
        for operand, offset in self._offsets.items():
            self._arrays[operand] = memory.view(operand, block, offset)
            self._set_words(self._positions[operand], id(self._arrays[operand]))
        self._is_free = False

    def _encode(self) -> None:
        launches: list[tuple[int, int]] = []
        words: list[int] = []
        with guard:
            from tensorlab.kernels.runtime.native import launch_address
            from tensorlab.kernels.runtime.pool import pool
        self._current_pool: Callable[[], int] = pool
        for node in self.nodes:
            if node.kind != "launch":
                self._parts.append(node)
                continue
            before = self._parts[-1] if self._parts else None
            if isinstance(before, _Launches):
                self._parts[-1] = _Launches(before.first, len(launches) + 1)
            else:
                self._parts.append(_Launches(len(launches), len(launches) + 1))
            launches.append((launch_address(node.function), len(words)))
            for position, argument in enumerate(node.arguments, len(words)):
                words.append(self._word(argument, position))
        memory: Any = np.array([word & (1 << 64) - 1 for word in words], np.uint64)
        # Single words are assigned faster through a memoryview.
        self._words, self._floats = memoryview(memory.view(np.int64)), memoryview(memory.view(np.float64))
        start = memory.ctypes.data
        self._launches = np.array([(address, start + 8 * first) for address, first in launches], np.int64)
        self._start = self._launches.ctypes.data
        self._replay = catalogue.replay_kernel()

    def _word(self, argument: Any, position: int) -> int:
        if isinstance(argument, Hyperparameter):
            places = self._numbers.setdefault(argument.optimizer, {})
            places.setdefault(argument.name, []).append(position)
            return 0
        if argument is POOL:
            self._positions[POOL].append(position)
            return 0
        if isinstance(argument, Operand):
            self._positions[argument].append(position)
            return id(self._arrays[argument]) if argument in self._arrays else 0
        if isinstance(argument, float):
            return int(np.float64(argument).view(np.int64))
        return int(argument)

    def _is_used(self, operand: Operand) -> bool:
        return (
            operand in self._positions
            or operand in self._results
            or any(
                operand in operands_of(node.arguments)
                for node in (*self._parts, *self._effects)
                if isinstance(node, Node)
            )
        )

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Repeat the function for other inputs, and return its results, which the next run overwrites."""
        address = self._current_pool()
        if address != self._pool:
            self._set_words(self._positions[POOL], address)
            self._pool = address
        for optimizer, places in self._numbers.items():
            optimizer.iterations += 1
            for name, positions in places.items():
                value = optimizer.hyperparameter(name)
                for position in positions:
                    self._floats[position] = value
        try:
            self._run(inputs)
        except BaseException:
            for optimizer in self._numbers:  # as if its step had not begun
                optimizer.iterations -= 1
            raise
        for effect in self._effects:
            effect.function(*[_copied(self._value(argument)) for argument in effect.arguments])
        return [self._value(operand) for operand in self._results]

    def _run(self, inputs: Sequence[Array]) -> None:
        """Repeat everything apart from changes of Python objects."""
        if self._is_free:
            self._allocate()
        for outside, array in zip(self._inputs, inputs, strict=True):
            if outside.bound() is not array:
                self._bind(outside, array)
        with writing(self._variables) as claims:
            for outside, claim in zip(self._written, claims, strict=True):
                if outside.bound() is not claim.buffer:
                    self._bind(outside, claim.buffer)
            held = [each.root.value._buffer for each in self._read]
            for outside, array in zip(self._read, held, strict=True):
                if outside.bound() is not array:
                    self._bind(outside, array)
            for part in self._parts if self.runs not in _TIMED else self._timed():
                if isinstance(part, _Launches):
                    if self._replay(self._start, part.first, part.end):
                        raise MemoryError
                else:
                    self._call(part)
        self.runs += 1

    def free(self) -> None:
        """Free the memory until the next run."""
        for operand in self._offsets:
            self._arrays.pop(operand, None)
        self._is_free = True

    def _timed(self) -> Iterator[_Launches | Node]:
        """Yield all parts, each launch alone, and measure the time until the next one is asked for."""
        position = 0
        for part in self._parts:
            alone = [_Launches(n, n + 1) for n in range(*part)] if isinstance(part, _Launches) else [part]
            for each in alone:
                before = time.perf_counter()
                yield each
                self.seconds[position] = min(self.seconds[position], time.perf_counter() - before)
                position += 1

    def _bind(self, outside: _Outside, array: Array) -> None:
        """Let the launches use another array for an input or a variable."""
        outside.bound = weakref.ref(array)
        self._set_words(self._positions[outside.root], id(array))
        for operand, kind, low in outside.views:
            memory = kind.from_address(array.__array_interface__["data"][0] + operand.offset + low)
            made = self._arrays[operand] = np.ndarray(operand.shape, operand.dtype, memory, -low, operand.strides)
            self._set_words(self._positions[operand], id(made))

    def _set_words(self, positions: Sequence[int], word: int) -> None:
        for position in positions:
            self._words[position] = word

    def _value(self, argument: Any) -> Any:
        if isinstance(argument, Operand):
            found = self._arrays.get(argument)
            if found is None:
                outside = next(e for e in (*self._inputs, *self._written, *self._read) if e.root is argument)
                found = outside.bound()
            return found
        if isinstance(argument, (tuple, list)):
            return type(argument)(map(self._value, argument))
        return argument

    def _call(self, node: Node) -> None:
        result = node.function(*[self._value(argument) for argument in node.arguments])
        if node.result is not None:
            self._arrays[node.result][...] = result


def _is_outside(operand: Operand) -> bool:
    return operand.kind in ("input", "variable")


def _unowned(operand: Operand, start: int) -> Array:
    """Return a view of memory that keeps nothing alive."""
    kind, low = _raw(operand)
    return np.ndarray(
        operand.shape, operand.dtype, kind.from_address(start + operand.offset + low), -low, operand.strides
    )


def _raw(operand: Operand) -> tuple[Any, int]:
    """Return the type of an operand's memory, and the distance from its first element to its start, 0 or below."""
    steps = [(length - 1) * stride for length, stride in zip(operand.shape, operand.strides, strict=True) if length]
    low = sum(step for step in steps if step < 0)
    return ctypes.c_char * (sum(map(abs, steps)) + operand.dtype.itemsize), low


def _copied(value: Any) -> Any:
    """Return a number or a copy in place of an array, which the next run overwrites."""
    if isinstance(value, np.ndarray):
        return value.copy() if value.ndim else value.item()
    return value
