"""`Guard`: the Python objects that a function may read, and whether they are what they were.

A plan replaces the Python code of a function, and must not be used any more if that code would now do something else:
because a global, an attribute, an element of a list, or a class has changed. The guard finds all objects that can be
reached from the arguments, the globals and the closures of the function, and compares what they refer to by identity.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from tensorlab.serialization import Configured
from tensorlab.tensor import Tensor
from tensorlab.variable import Variable

_PLAIN = (bool, int, float, complex, str, bytes, type(None), range, slice, CodeType, ModuleType, BuiltinFunctionType)
"""Types without attributes that can change. Modules that code may use are constant, see `purity`."""
_CHANGING = frozenset(
    {
        *("_called", "_checked", "_hyperparameters", "_lock", "_made", "_running", "_running_mean", "_test_plan"),
        *("_walk", "history", "iterations", "run_eagerly", "stepped", "stop_evaluating", "stop_predicting"),
        *("stop_training", "training_plan"),
    }
)
"""Attributes of tensorlab's objects that a plan does not depend on, or takes into account in every run."""
_METHODS = ("__call__", "apply_gradients", "call", "compute_loss", "gradient_step", "reduced", "update_state")
"""Methods of tensorlab's classes that a program may replace."""
_MAX_BYTES = 1 << 16
"""The number of bytes up to which the elements of a NumPy array are compared."""


class Guard:
    """What a function may read.

    Args:
        roots: the objects that it gets as arguments.
        code: the code of functions that it runs, each with their globals.
        functions: the functions whose closures it may read.

    Attributes:
        doubt: why its result may change unnoticed; empty if it cannot.
    """

    def __init__(self, roots: Iterable[Any], code: Mapping[CodeType, dict[str, Any]]) -> None:
        self.doubt = ""
        self._mappings: list[tuple[Mapping[Any, Any], dict[Any, Any], int]] = []  # the length is -1 for a part
        self._sequences: list[tuple[Any, tuple[Any, ...]]] = []
        self._cells: list[tuple[Any, Any]] = []
        self._variables: list[tuple[Variable, bool]] = []
        self._tensors: list[tuple[Tensor, Any]] = []
        self._arrays: list[tuple[Any, bytes]] = []
        self._seen: dict[int, Any] = {}  # with references, so that no other object gets an id
        self._closures: set[CodeType] = set()
        waiting = deque(roots)
        for each, values in code.items():
            read = {name: values[name] for name in each.co_names if name in values}
            self._mappings.append((values, read, -1))
            waiting.extend(read.values())
        while waiting:
            waiting.extend(self._visit(waiting.popleft()))
        inner = {constant for each in code for constant in each.co_consts if isinstance(constant, CodeType)}
        for each in code:
            if each.co_freevars and each not in self._closures and each not in inner:
                self.doubt = f"the closure of {each.co_qualname} cannot be found"

    def _visit(self, value: Any) -> Iterator[Any]:
        """Remember what an object refers to, and yield it."""
        if isinstance(value, _PLAIN) or id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if isinstance(value, Variable):
            self._variables.append((value, value.trainable))
            yield value.regularizer
        elif isinstance(value, Tensor):
            self._tensors.append((value, value._buffer))
        elif isinstance(value, np.ndarray):
            if value.nbytes > _MAX_BYTES or value.dtype.hasobject:
                self.doubt = f"it reads a NumPy array of shape {value.shape}, whose elements may change"
            else:
                self._arrays.append((value, value.tobytes()))
        elif isinstance(value, dict):
            self._mappings.append((value, dict(value), len(value)))
            yield from value.values()
        elif isinstance(value, (list, tuple, set, frozenset, deque)):
            self._sequences.append((value, tuple(value)))
            yield from value
        elif isinstance(value, FunctionType):
            self._closures.add(value.__code__)
            parts = {name: getattr(value, name) for name in ("__code__", "__defaults__", "__kwdefaults__")}
            self._attributes(value, parts)
            yield from (value.__defaults__, value.__kwdefaults__)
            for cell in value.__closure__ or ():
                self._cells.append((cell, cell.cell_contents))
                yield cell.cell_contents
        elif isinstance(value, MethodType):
            yield from (value.__self__, value.__func__)
        elif isinstance(value, type):
            yield from self._visit_class(value)
        else:
            yield from self._visit_object(value)

    def _visit_class(self, kind: type) -> Iterator[Any]:
        if not _is_ours(kind) and kind.__module__ != "builtins":
            self._mappings.append((vars(kind), dict(vars(kind)), -1))
            yield from (item for item in vars(kind).values() if not isinstance(item, property))
            yield from kind.__bases__

    def _visit_object(self, value: Any) -> Iterator[Any]:
        kind = type(value)
        if _is_ours(kind) and not isinstance(value, Configured):
            return  # an operation, a rule or the like, which never changes
        yield kind
        for base in filter(_is_ours, kind.__mro__):
            self._mappings.append((vars(base), {name: vars(base)[name] for name in _METHODS if name in vars(base)}, -1))
        attributes = getattr(value, "__dict__", None)
        if attributes is not None:
            ours = isinstance(value, Configured)
            read = {name: item for name, item in attributes.items() if not (ours and name in _CHANGING)}
            self._mappings.append((attributes, read, -1 if ours else len(attributes)))
            yield from read.values()
        names = [name for base in kind.__mro__ for name in _slot_names(base)]
        parts = {name: getattr(value, name) for name in names if hasattr(value, name)}
        self._attributes(value, parts)
        yield from parts.values()

    def _attributes(self, value: Any, parts: dict[str, Any]) -> None:
        if parts:
            self._mappings.append((_Attributes(value), parts, -1))

    def changed(self) -> bool:
        """Return whether anything is not what it was."""
        for mapping, before, length in self._mappings:
            if length >= 0 and len(mapping) != length:
                return True
            for name, value in before.items():
                if mapping.get(name, _MISSING) is not value:
                    return True
        for sequence, elements in self._sequences:
            if len(sequence) != len(elements) or any([a is not b for a, b in zip(sequence, elements, strict=True)]):
                return True
        return (
            any([_content(cell) is not value for cell, value in self._cells])
            or any([variable.trainable is not trainable for variable, trainable in self._variables])
            or any([tensor._buffer is not buffer for tensor, buffer in self._tensors])
            or any([array.tobytes() != content for array, content in self._arrays])
        )


_MISSING = object()


class _Attributes(dict[str, Any]):
    """The attributes of an object as a mapping."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self._value = value

    def get(self, name: Any, default: Any = None) -> Any:
        return getattr(self._value, name, default)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty
        return _MISSING


def _is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "tensorlab"


def _slot_names(kind: type) -> Iterable[str]:
    names = vars(kind).get("__slots__", ())
    return [names] if isinstance(names, str) else [name for name in names if not name.startswith("__")]
