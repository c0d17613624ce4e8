"""`Tracked`: an object that finds the Variables and layers its attributes hold.

Nothing is registered. Whoever asks for weights gets those that the attributes lead to at that moment, through
containers of any depth, each once. So appended, replaced, deleted and shared members need no bookkeeping.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import UserDict, UserList, deque
from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

from tensorlab.serialization import Configured
from tensorlab.variable import Variable

_PAST = ("_constructed_with", "_made")
"""Attributes with what a layer was given and what it has built. Not all of that still belongs to it."""


class Tracked(Configured):
    """The base of what has weights. See the module's docstring."""

    _added: list[Variable]
    """Weights that `add_weight` made and that no attribute holds (yet)."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # The state exists before any __init__ runs, so that a subclass may set attributes in any order.
        self = super().__new__(cls)
        vars(self)["_added"] = []
        return self

    def __setattr__(self, attribute: str, value: Any) -> None:
        if _parts(type(value)) is not None:
            held = vars(self)
            if isinstance(value, Variable):
                held["_added"] = [weight for weight in self._added if weight is not value]
            # An attribute that was None until now takes its place in the order when it gets its first member.
            if attribute in held and _parts(type(held[attribute])) is None:
                del held[attribute]
        object.__setattr__(self, attribute, value)

    def _members(self) -> tuple[list[Variable], list[Any]]:
        """Find the Variables and the layers that the attributes of this very object hold, in order, each once."""
        found: list[Any] = []
        held = _present(self)
        added = held.pop("_added")
        _collect(held.values(), {id(self)}, found)
        variables = [member for member in found if isinstance(member, Variable)]
        if added:
            there = {id(variable) for variable in variables}
            left = [weight for weight in added if id(weight) not in there]
            if len(left) < len(added):  # from now on the attributes decide whether a weight belongs to the layer
                vars(self)["_added"] = left
            variables += left
        return variables, [member for member in found if not isinstance(member, Variable)]


def members(root: Tracked) -> Iterator[tuple[Any, list[Variable]]]:
    """Yield a layer and all layers inside of it, each once, with the Variables of each: itself first, then in order."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        layer = waiting.pop()
        if id(layer) not in seen:
            seen.add(id(layer))
            variables, inner = layer._members()
            yield layer, variables
            waiting += reversed(inner)


def unique(items: Iterable[Any]) -> list[Any]:
    """Return the items without repetitions, by identity, in the order in which they come first."""
    return list({id(item): item for item in items}.values())


# How the attributes are searched


def _present(layer: Tracked) -> dict[str, Any]:
    held = vars(layer).copy()
    for name in _PAST:
        held.pop(name, None)
    return held


_Parts = Callable[[Any], Iterable[Any]]


def _no_parts(member: Any) -> Iterable[Any]:
    return ()


def _in_order(value: Any) -> Iterable[Any]:
    """Sort a set's members by name, since a set has no order of its own."""
    named = [item for item in value if isinstance(item, (Tracked, Variable))]
    return sorted(named, key=lambda item: (len(item.name), item.name))  # dense, dense_1, ..., dense_10


def _fields(value: Any) -> Iterable[Any]:
    return [getattr(value, field.name, None) for field in dataclasses.fields(value)]


_CONTAINERS: dict[type, _Parts] = {
    list: tuple,
    tuple: tuple,
    deque: tuple,
    dict: lambda value: tuple(value.values()),
    MappingProxyType: lambda value: tuple(value.values()),
    set: _in_order,
    frozenset: _in_order,
    UserList: lambda value: (value.data,),
    UserDict: lambda value: (value.data,),
    SimpleNamespace: lambda value: tuple(vars(value).values()),
}


def _find_parts(cls: type) -> _Parts | None:
    """Return how to look into objects of a class: None if they hold no members, `_no_parts` if they are members."""
    if issubclass(cls, (Variable, Tracked)):
        return _no_parts
    for base, parts in _CONTAINERS.items():
        if issubclass(cls, base):
            return parts
    return _fields if dataclasses.is_dataclass(cls) else None


_parts = cast("Callable[[type], _Parts | None]", functools.lru_cache(maxsize=4096)(_find_parts))


def _collect(values: Iterable[Any], seen: set[int], found: list[Any]) -> None:
    values = tuple(values)
    interesting = {cls for cls in {*map(type, values)} if _parts(cls) is not None}  # fast for long lists of numbers
    if not interesting:
        return
    for value in values:
        if type(value) in interesting and id(value) not in seen:
            seen.add(id(value))
            parts = _parts(type(value))
            if parts is _no_parts:
                found.append(value)
            else:
                assert parts is not None
                _collect(parts(value), seen, found)


# What a build changes


Change = tuple[Any, Any, Any, Any]
"""An object, the attribute or key (None for a whole container), the value before, and the value after."""

_ABSENT = ...
_STATE = ("built", "dtype", "_dtype_given")
"""The attributes of a layer, beside its members, that a build changes."""


def snapshot(root: Tracked) -> list[tuple[Any, Any]]:
    """Copy what a layer, the layers inside of it and their containers hold."""
    found: list[tuple[Any, Any]] = []
    seen: set[int] = set()
    waiting: list[Any] = [root]
    while waiting:
        owner = waiting.pop()
        parts = _parts(type(owner))
        if parts is None or id(owner) in seen or isinstance(owner, Variable):
            continue
        seen.add(id(owner))
        if isinstance(owner, Tracked):
            found.append((owner, _present(owner)))
            waiting += found[-1][1].values()
        else:
            if isinstance(owner, (list, dict, set, deque)):
                found.append((owner, owner.copy()))
            waiting += parts(owner)
    return found


def changes_since(before: list[tuple[Any, Any]]) -> list[Change]:
    """List the members, and the states of layers, that are not what they were when `snapshot` was taken."""
    changes: list[Change] = []
    for owner, old in before:
        if isinstance(owner, (Tracked, dict)):
            now = _present(owner) if isinstance(owner, Tracked) else owner
            changes += [
                (owner, key, old.get(key, _ABSENT), value)
                for key, value in tuple(now.items())
                if value is not old.get(key, _ABSENT) and (key in _STATE or _parts(type(value)) is not None)
            ]
        elif _ids(owner) != _ids(old):
            changes.append((owner, None, old, owner.copy()))
    return changes


def undo(changes: list[Change]) -> None:
    """Put back what was before, wherever nothing else has been put since."""
    for owner, key, old, new in reversed(changes):
        held = vars(owner) if isinstance(owner, Tracked) else owner
        if key is None:
            if _ids(owner) == _ids(new):
                owner.clear()
                owner.update(old) if isinstance(owner, set) else owner.extend(old)
        elif held.get(key, _ABSENT) is new:
            if old is _ABSENT:
                del held[key]
            else:
                held[key] = old


def _ids(container: Any) -> list[int]:
    return sorted(map(id, container)) if isinstance(container, set) else list(map(id, container))
