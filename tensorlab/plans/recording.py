"""Record what a function computes: kernel launches, the arrays that they use, and other work that a plan repeats."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tensorlab.backends.listening import POOL

Array = np.ndarray[Any, Any]


@dataclass(eq=False)
class Operand:
    """An array of a plan. It has its own memory, or is a view of another operand's memory.

    Attributes:
        number: its index among all operands of the recording.
        shape: the length of each axis.
        strides: the strides in bytes.
        dtype: the dtype.
        kind: "made" by the plan, "input", "variable" or "constant".
        value: the index of an input, the `Variable`, or the array of a constant; None for kind "made".
        root: the operand that owns the memory; for a view, another operand.
        offset: the offset of the first element from that of the root, in bytes.
    """

    number: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]
    kind: str
    value: Any
    root: Operand
    offset: int

    def described(self) -> tuple[Any, ...]:
        """Return what must be the same in two recordings of one function."""
        value = self.value
        if self.kind == "constant":
            value = value.tobytes() if self.root is self else None
        elif self.kind == "variable":
            value = id(value)
        return self.shape, self.strides, self.dtype, self.kind, value, self.root.number, self.offset


class Hyperparameter(NamedTuple):
    """A number that an optimizer computes for each step, such as the learning rate."""

    optimizer: Any
    name: str


class Node(NamedTuple):
    """One operation of a plan: a kernel launch, a call of a function of arrays, or a change of a Python object.

    The kind is "launch", "call" or "effect". The arguments are operands, `POOL`, hyperparameters, and other objects,
    which are constants. ``written`` are the operands that the node writes; ``result`` is the one that a call returns.
    """

    kind: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    written: tuple[Operand, ...]
    result: Operand | None

    def described(self) -> tuple[Any, ...]:
        """Return what must be the same in two recordings of one function."""
        result = None if self.result is None else self.result.number
        return self.kind, self.function, described(self.arguments), described(self.written), result


def described(argument: Any) -> Any:
    """Replace operands by their numbers, so that arguments of two recordings can be compared."""
    if isinstance(argument, Operand):
        return "operand", argument.number
    if isinstance(argument, (tuple, list)) and not isinstance(argument, Hyperparameter):
        return type(argument), *map(described, argument)
    return type(argument), argument


class Recording:
    """A `Listener` that records what a function computes.

    Args:
        inputs: the arrays that each run of the plan replaces by others.
        variables: the variables, keyed by the id of their array.

    Attributes:
        operands: the arrays, in the order in which they were first used.
        nodes: the operations, in order.
        reason: why the function cannot be repeated; empty if it can.
    """

    def __init__(self, inputs: Sequence[Array], variables: Mapping[int, Any]) -> None:
        self.operands: list[Operand] = []
        self.nodes: list[Node] = []
        self.reason = ""
        self._variables = variables
        self._known: dict[int, tuple[Operand, int]] = {}  # id of an array -> its operand, the version of its memory
        self._versions: dict[Operand, int] = {}  # the operand of a variable -> how often its array was replaced
        self._replacements: dict[int, int] = {}  # the id of a variable -> the id of its latest array
        self._kept: list[Any] = []  # arrays, so that their ids stay unique; weak references to views of variables
        self._announced: tuple[Any, Any, Sequence[str]] = ((), None, ())
        for position, array in enumerate(inputs):
            self._add(array, "input", position)

    def operand(self, array: Array) -> Operand:
        """Return the operand of an array. A new array belongs to a variable, or is a constant."""
        found = self._find(array)
        if found is not None:
            return found
        variable = self._variables.get(id(array))
        return self._add(array, *(("constant", array) if variable is None else ("variable", variable)))

    def _find(self, array: Array) -> Operand | None:
        operand, version = self._known.get(id(array), (None, 0))
        if operand is not None and version != self._versions.get(operand.root, 0):
            self.refused("it uses a value of a variable from before an assignment")
        return operand

    def _add(self, array: Array, kind: str, value: Any, root: Operand | None = None, offset: int = 0) -> Operand:
        operand = Operand(len(self.operands), array.shape, array.strides, array.dtype, kind, value, root, offset)  # type: ignore[arg-type]
        operand.root = root or operand
        self.operands.append(operand)
        self._known[id(array)] = operand, self._versions.get(operand.root, 0)
        # Do not keep a variable's array: a reference to it would prevent writing in place. The variable keeps it alive.
        # A view of the array may be freed, and another array may then get its id, so the recording forgets the view.
        if operand.root.kind != "variable":
            self._kept.append(array)
        elif root is not None:
            self._kept.append(weakref.ref(array, functools.partial(self._forget, id(array), operand)))
        return operand

    def _forget(self, key: int, operand: Operand, reference: object) -> None:
        if self._known.get(key, (None, 0))[0] is operand:
            del self._known[key]

    def _arguments(self, arguments: Sequence[Any]) -> tuple[Any, ...]:
        return tuple([self._argument(argument) for argument in arguments])

    def _argument(self, argument: Any) -> Any:
        if isinstance(argument, np.ndarray):
            return self.operand(argument)
        if isinstance(argument, (tuple, list)):
            return type(argument)(map(self._argument, argument))
        return argument

    def _made(self, array: Array) -> Operand:
        """Return the operand of an array that a node has written. A new array becomes an operand of kind "made"."""
        found = self._find(array)
        if found is None and id(array) not in self._variables:
            found = self._add(array, "made", None)
            if min(array.strides, default=0) < 0:
                self.refused("it creates an array with a negative stride")
        operand = found or self.operand(array)
        if operand.root.kind not in ("made", "variable"):
            self.refused("it writes into an input, or into an array from outside of the function")
        return operand

    def launched(
        self, kernel: Callable[..., Any], arguments: Sequence[Any], written: Sequence[Any], numbers: Sequence[float]
    ) -> None:
        """Record a kernel launch."""
        outputs = tuple([self._made(array) for array in written])
        described = self._arguments(arguments)
        announced, owner, names = self._announced
        if numbers and announced is numbers:
            described = (*described[: -len(names)], *[Hyperparameter(owner, name) for name in names])
        self.nodes.append(Node("launch", kernel, described, outputs, None))

    def called(
        self, function: Callable[..., Any], arguments: Sequence[Any], result: Any, written: Sequence[Any]
    ) -> None:
        """Record a call of a function of arrays."""
        described = self._arguments(arguments)
        made = None if result is None else self._made(result)
        outputs = tuple([self._made(array) for array in written])
        self.nodes.append(Node("call", function, described, outputs if made is None else (made, *outputs), made))

    def viewed(self, view: Any, source: Any) -> None:
        """Record a view."""
        of = self.operand(source)
        offset = of.offset + view.__array_interface__["data"][0] - source.__array_interface__["data"][0]
        self._add(view, of.root.kind, of.root.value, of.root, offset)

    def replaced(self, copy: Any, array: Any) -> None:
        """Record that a variable gets a new array, because others refer to its own.

        The copy is not recorded: each run of a plan copies again if it has to, see `writing`.
        """
        operand, made = self.operand(array), self.nodes[-1]
        if operand.kind != "variable":
            return  # a tensor that the function created: its old value may be in use, so the copy is a new operand
        source = made.arguments[0]
        for each in (self.nodes, self.operands, self._kept):  # remove the copy and its result
            each.pop()
        if source is not operand:
            self.nodes.append(Node("call", np.copyto, (operand, source), (operand,), None))
        self._kept.append(array)  # others refer to it, so it could not be written in place anyway
        self._versions[operand] = self._versions.get(operand, 0) + 1
        self._known[id(copy)] = operand, self._versions[operand]
        self._replacements[id(operand.value)] = id(copy)

    def announced(self, numbers: Sequence[float], owner: Any, names: Sequence[str]) -> None:
        """Remember the optimizer and the names of the hyperparameters that following launches take as numbers."""
        self._announced = numbers, owner, names

    def affected(self, effect: Callable[..., None], arguments: Sequence[Any]) -> None:
        """Record a change of a Python object."""
        self.nodes.append(Node("effect", effect, self._arguments(arguments), (), None))

    def refused(self, reason: str) -> None:
        """Remember the first reason why the function cannot be repeated."""
        self.reason = self.reason or reason

    def release(self) -> None:
        """Drop the references to arrays, which are needed only while recording."""
        self._kept.clear()
        self._known.clear()

    def finish(self, reason: str = "") -> None:
        """Refuse the recording if code replaced a variable's buffer, or used NumPy on the memory of tensors, unseen.

        Args:
            reason: why the function cannot be repeated, if that is already known.
        """
        if reason:
            self.refused(reason)
        for array_id, variable in self._variables.items():
            if id(variable._buffer) != self._replacements.get(id(variable), array_id):
                self.refused(f"it replaces the buffer of the variable {variable.name!r}")
        ranges = [
            (operand.number, *np.lib.array_utils.byte_bounds(array))
            for array in self._kept
            if isinstance(array, np.ndarray) and array.size and (operand := self._known[id(array)][0]).root is operand
        ]
        kinds = {operand.number: operand.kind for operand in self.operands}
        for number, low, high in ranges:
            if kinds[number] == "constant" and any(
                kinds[other] in ("made", "input") and start < high and low < end for other, start, end in ranges
            ):
                self.refused("it computes with NumPy on the memory of tensors")

    def difference(self, other: Recording) -> str:
        """Return why two recordings of one function do not allow a plan; an empty text if they are equal."""
        if self.reason or other.reason:
            return self.reason or other.reason
        for first, second in zip(self.nodes, other.nodes, strict=False):
            if first.described() != second.described():
                return f"{_name(first.function)} or its arguments differ from call to call"
        if len(self.nodes) != len(other.nodes):
            return "the number of its operations differs from call to call"
        for one, two in zip(self.operands, other.operands, strict=False):
            if one.described() != two.described():
                return "a number or an array that it uses differs from call to call"
        return "" if len(self.operands) == len(other.operands) else "the number of its arrays differs from call to call"


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", function))


__all__ = ["POOL", "Array", "Hyperparameter", "Node", "Operand", "Recording", "described"]
