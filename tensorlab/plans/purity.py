"""Observe which Python functions a call runs, and whether it can be repeated without running them.

tensorlab's own functions tell a listener what they change. Any other function is accepted only if its code cannot
change anything but its own variables, and if it calls no built-in function that could, or whose result could differ.
"""

from __future__ import annotations

import builtins
import dis
import functools
import gc
import inspect
import math
import sys
from collections.abc import Sequence
from itertools import pairwise
from types import CodeType, FrameType, ModuleType
from typing import Any, Self

from tensorlab.backends.listening import again

PROFILED = "a profiler is active, so that Python functions cannot be observed"
_LIBRARIES = sys.stdlib_module_names | {"numpy"}
"""Libraries whose functions are trusted if tensorlab calls them."""

_CHANGES = {
    "DELETE_ATTR",
    "DELETE_GLOBAL",
    "DELETE_NAME",
    "DELETE_SUBSCR",
    "STORE_ATTR",
    "STORE_GLOBAL",
    "STORE_NAME",
    "STORE_SLICE",
    "STORE_SUBSCR",
}
_COUNTERS = {"iterations"}
"""Attributes that change in every step."""
_DRAWS = {
    *("binomial", "bytes", "choice", "exponential", "integers", "normal", "permutation", "permuted", "poisson", "rand"),
    *("randint", "randn", "random", "random_sample", "shuffle", "standard_normal", "uniform"),
}
"""Methods of NumPy's random generators, whose calls a profile function does not see."""
_GROWING = {
    "add",
    "append",
    "appendleft",
    "clear",
    "extend",
    "insert",
    "pop",
    "popleft",
    "remove",
    "setdefault",
    "update",
}
"""Methods that change a list or the like."""
_MODULES = ("math", "numpy", "tensorlab")
"""The beginnings of the names of modules that a function may use."""

_PURE = {
    *(getattr(builtins, name) for name in ("abs", "all", "any", "callable", "divmod", "getattr", "hasattr", "hash")),
    *(getattr(builtins, name) for name in ("isinstance", "issubclass", "len", "max", "min", "pow", "repr", "round")),
    *(getattr(builtins, name) for name in ("sorted", "sum")),
    *(value for value in vars(math).values() if callable(value)),
}
_IMMUTABLE = (str, bytes, tuple, int, float, complex, bool, frozenset, slice, range, type(None))
_READING = {"count", "copy", "get", "index", "items", "keys", "values"}
"""Methods of lists and dicts that change nothing."""


def is_profiled() -> bool:
    """Return whether a profile function is set in this thread, so that no other one can be."""
    return sys.getprofile() is not None


class Watch:
    """Observe the functions that run inside of a ``with`` block.

    Attributes:
        reason: why the block cannot be repeated without its Python code; empty if it can.
        code: the code of all functions apart from tensorlab's, with their globals.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._watching = self._collecting = False
        self.code: dict[CodeType, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        if is_profiled():
            self.reason = PROFILED
        else:
            self._watching, self._collecting = True, gc.isenabled()
            gc.disable()  # it may run finalizers of other code
            sys.setprofile(self._observe)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._watching:
            sys.setprofile(None)
            if self._collecting:
                gc.enable()

    def _observe(self, frame: FrameType, event: str, argument: Any) -> None:
        if self.reason or event not in ("call", "c_call") or _is_trusted(frame):
            return
        code = frame.f_code
        if event == "call":
            if code not in self.code:
                self.code[code] = frame.f_globals
                self.reason = change_in(code) or _doubt_about_globals(code, frame.f_globals)
        elif not _is_pure(argument):
            self.reason = f"{code.co_qualname} calls {getattr(argument, '__qualname__', argument)}, {_MAY}"


_MAY = "which may change something"


def _is_trusted(frame: FrameType | None) -> bool:
    """Return whether a function is tensorlab's, a library's that tensorlab called, or one that plans call again."""
    while frame is not None:
        if frame.f_code is again.__code__:
            return True
        name = str(frame.f_globals.get("__name__", ""))
        package = name.partition(".")[0]
        if package == "tensorlab":
            return True
        if package not in _LIBRARIES and not package.startswith("namedtuple_"):
            return _is_called_again(frame)
        frame = frame.f_back
    return False


def _is_called_again(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code is not again.__code__:
        frame = frame.f_back
    return frame is not None


def _doubt_about_globals(code: CodeType, values: dict[str, Any]) -> str:
    """Return which global of a function may differ from call to call, in words; an empty text if there is none."""
    for name in code.co_names:
        value = values.get(name)
        if isinstance(value, ModuleType):
            if not value.__name__.partition(".")[0].startswith(_MODULES):
                return f"{code.co_qualname} uses the module {value.__name__}, {_MAY}"
        elif type(value).__module__ not in ("builtins", "numpy") and not _is_ours(value):
            return f"{code.co_qualname} uses the global {name}, {_MAY}"
    return ""


def _is_ours(value: Any) -> bool:
    """Return whether an object is a class, or an instance of a class that is or inherits from one of tensorlab's."""
    return isinstance(value, type) or any(kind.__module__.startswith("tensorlab.") for kind in type(value).__mro__)


def _is_pure(function: Any) -> bool:
    if function.__name__ in _READING | _GROWING and isinstance(function.__self__, (list, dict, set)):
        return True  # the code has been found to change its own lists only, see `change_in`
    if isinstance(function.__self__, ModuleType) or function.__self__ is None:
        return function in _PURE
    return isinstance(function.__self__, _IMMUTABLE)


def _targets(instruction: dis.Instruction) -> set[str]:
    """Return the local variable that an instruction assigns to."""
    name, argument = instruction.opname, instruction.argval
    if name == "STORE_FAST":
        return {argument}
    return {argument[0]} if name.startswith("STORE_FAST_") else set()  # two instructions in one


def _sources(instruction: dis.Instruction) -> set[str]:
    """Return the local variable that an instruction reads last."""
    name, argument = instruction.opname, instruction.argval
    if name in ("LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW"):
        return {argument}
    return {argument[1]} if name.startswith(("LOAD_FAST_LOAD", "STORE_FAST_LOAD")) else set()


def _fresh_locals(instructions: Sequence[dis.Instruction]) -> set[str]:
    """Return the local variables that only ever refer to numbers, and to lists and the like that the function made."""
    fresh: set[str] = set()
    others: set[str] = set()
    for before, instruction in pairwise(instructions):
        if instruction.opname == "STORE_FAST_STORE_FAST":
            others.update(instruction.argval)
        made = before.opname.startswith("BUILD_") or before.opname == "LOAD_CONST"
        changed = before.opname == "BINARY_OP" and before.argrepr.endswith("=")
        if not changed:
            (fresh if made else others).update(_targets(instruction))
    return fresh - others


@functools.lru_cache(maxsize=1024)
def change_in(code: CodeType) -> str:
    """Return what a function may change that is not its own variable, in words; an empty text if there is nothing."""
    who = code.co_qualname
    if code.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE) and code.co_name != "<genexpr>":
        return f"{who} is a generator, which keeps its state"
    instructions = list(dis.get_instructions(code))
    fresh = _fresh_locals(instructions)
    for instruction in instructions:
        name, argument = instruction.opname, instruction.argval
        if name in _CHANGES or (name in ("STORE_DEREF", "DELETE_DEREF") and argument in code.co_freevars):
            return f"{who} assigns to {argument if isinstance(argument, str) else 'an element'}"
    for before, instruction in pairwise(instructions):
        name, argument = instruction.opname, instruction.argval
        if before.opname == "BINARY_OP" and before.argrepr.endswith("=") and not _targets(instruction) & fresh:
            return f"{who} uses {before.argrepr}, which may change a list in place"
        if name in ("LOAD_ATTR", "LOAD_METHOD") and argument in _GROWING and not _sources(before) & fresh:
            return f"{who} uses {argument}, which may change a list in place"
        if name in ("LOAD_ATTR", "LOAD_METHOD") and argument in _COUNTERS:
            return f"{who} reads {argument}, which changes in every step"
        if name in ("LOAD_ATTR", "LOAD_METHOD", "LOAD_GLOBAL") and argument in _DRAWS:
            return f"{who} uses {argument}, which may draw random numbers"
    return ""
