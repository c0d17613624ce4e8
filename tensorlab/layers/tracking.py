"""`Tracked`: an object that finds the Variables and layers in its attributes.

Members are not registered. Each request searches the attributes, and all containers in them, and lists each member
once. So appended, replaced, deleted and shared members need no bookkeeping. The result of the last walk is cached, and
used again if nothing that the walk looked at has changed.
"""

from __future__ import annotations

import dataclasses
import gc
from collections import UserDict, UserList, deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from tensorlab.errors import ArgumentTypeError
from tensorlab.serialization import Configured
from tensorlab.variable import Variable

_RECORDS = ("_constructed_with", "_made", "_walk")
"""Attributes that record the constructor's arguments, the changes of the last build and the last walk.

What they refer to need not belong to the layer.
"""
_NOT_SEARCHED = (*_RECORDS, "_added")
"""Attributes that are not searched."""


class Tracked(Configured):
    """The base of objects with weights. See the module's docstring."""

    _added: list[Variable]
    """Weights created by `add_weight` that are not in an attribute (yet)."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # Set before any __init__ runs, so that a subclass may set attributes before super().__init__().
        self = super().__new__(cls)
        vars(self).update(_added=[], _walk=_LastWalk())
        return self

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__dict__.get("__slots__"):
            hint = "remove __slots__, in which members would not be found"
            raise ArgumentTypeError(cls.__name__, "attributes in a __dict__", f"__slots__ {cls.__slots__!r}", hint)  # type: ignore[attr-defined]

    def __setattr__(self, attribute: str, value: Any) -> None:
        kind = type(value)
        if (_known[kind] if kind in _known else _parts(kind)) is not None:
            attributes = vars(self)
            if isinstance(value, Variable) and self._added:
                attributes["_added"] = [weight for weight in self._added if weight is not value]
            # Members are in the order of the attributes. One that was None moves to the end with its first member.
            if attribute in attributes and _parts(type(attributes[attribute])) is None:
                del attributes[attribute]
        try:
            object.__setattr__(self, attribute, value)
        except AttributeError:
            if not isinstance(getattr(type(self), attribute, None), property):
                raise
            cls = type(self).__name__
            raise AttributeError(
                f"{cls}: expected an attribute of another name, received {attribute!r}; every {cls} has a property of "
                "this name"
            ) from None

    def _members(self, watch: Watch | None = None) -> tuple[list[Variable], list[Any]]:
        """Find the Variables and layers in the attributes of this object only, in order, each once."""
        variables: dict[int, Variable] = {}
        layers: dict[int, Any] = {}
        containers: set[int] = set()
        watch = Watch() if watch is None else watch
        attributes = vars(self)
        names = tuple(attributes.items())
        watch.add(attributes.values(), [value for _, value in names])
        watch.add(self._added, self._added.copy())
        for name, value in names:
            parts = _parts(type(value))
            if parts is None or name in _NOT_SEARCHED:
                continue
            if parts is _layer:
                layers[id(value)] = value
            elif parts is _variable:
                variables[id(value)] = value
            else:
                _look_into(value, parts, containers, variables, layers, watch)
        if self._added:
            left = [weight for weight in self._added if id(weight) not in variables]
            if len(left) < len(self._added):  # once in an attribute, a weight belongs to the layer while it is in one
                vars(self)["_added"] = left
            variables.update((id(weight), weight) for weight in left)
        return list(variables.values()), list(layers.values())


_Found = list[tuple[Any, list[Variable]]]


def members(root: Tracked) -> _Found:
    """Return a layer and all layers inside of it with the Variables of each: the layer itself first, each once."""
    return walked(root)[0]


def variables_in(root: Tracked) -> list[Variable]:
    """Return the Variables of a layer and of all layers inside of it, in order, each once."""
    return walked(root)[1]


def walked(root: Tracked) -> tuple[_Found, list[Variable]]:
    """Return the result of the last walk if nothing has changed since; otherwise walk again."""
    kept = vars(root)["_walk"].last
    if kept is not None and kept.root == id(root) and kept.watch.unchanged(root):
        return [(root, kept.own), *kept.inside], [*kept.variables]
    seen: set[int] = set()
    found: _Found = []
    waiting, watch = [root], Watch()
    while waiting:
        layer = waiting.pop()
        if id(layer) not in seen:
            seen.add(id(layer))
            variables, inner = layer._members(watch)
            found.append((layer, variables))
            inner.reverse()
            waiting += inner
    each = [*{id(variable): variable for _, variables in found for variable in variables}.values()]
    vars(root)["_walk"].last = _Walk(id(root), watch, found[0][1], found[1:], each, {}) if watch.close() else None
    return found, [*each]


def kept_with_walk(root: Tracked) -> dict[Any, Any] | None:
    """Return a dict that is kept as long as the attributes of a layer and its inner layers refer to the same objects.

    It is None if changes cannot be noticed. What is put into it must not refer to the layer, which would be a cycle.
    """
    kept = vars(root)["_walk"].last
    if kept is None or kept.root != id(root) or not kept.watch.unchanged(root):
        walked(root)
        kept = vars(root)["_walk"].last
    return None if kept is None else kept.kept


class Watch:
    """What a walk has looked at: live views of attributes and containers, and the values that were in them.

    Values are compared by identity. All are kept alive, so that no other object can get the identity of one.
    """

    __slots__ = ("ids", "values", "views")

    def __init__(self) -> None:
        self.views: list[Iterable[Any]] = []
        self.ids: list[int] = []
        self.values: list[Any] = []

    def add(self, view: Iterable[Any], values: Sequence[Any]) -> None:
        """Watch a view; ``values`` are its present values."""
        if self.views is not _UNWATCHED:
            self.views.append(view)
            self.ids += map(id, values)
            self.values += [value for value in values if type(value) is not _LastWalk]  # no cycle
            if len(self.ids) > _MAX_WATCHED:
                self.give_up()

    def give_up(self) -> None:
        """Stop watching, because something may change unnoticed or there are too many values to compare."""
        self.views = _UNWATCHED

    def close(self) -> bool:
        """Drop the view of the root's own attributes, a reference cycle; return whether everything is watched."""
        watched = self.views is not _UNWATCHED
        if watched:
            del self.views[0]
        return watched

    def unchanged(self, root: Tracked) -> bool:
        """Return whether all views have the same objects in the same order as before."""
        return [*map(id, chain(root.__dict__.values(), *self.views))] == self.ids


_UNWATCHED: list[Iterable[Any]] = []
_MAX_WATCHED = 4096
"""The number of values above which comparing them is no faster than another walk."""


class _Walk(NamedTuple):
    """The result of a walk. It does not refer to the root, so that no reference cycle keeps that alive."""

    root: int  # id of the layer: a shallow copy shares the _LastWalk, but not its result
    watch: Watch
    own: list[Variable]
    inside: _Found
    variables: list[Variable]
    kept: dict[Any, Any]
    """See `kept_with_walk`."""


class _LastWalk:
    """The last walk from a layer. Deep copies and pickles start without one."""

    __slots__ = ("last", "recorded")

    def __init__(self) -> None:
        self.last: _Walk | None = None
        self.recorded = 0  # see `tensorlab.models.inference`

    def __reduce__(self) -> Any:
        return _LastWalk, ()


# Searching attributes


_Parts = Callable[[Any], Iterable[Any]]


def _variable(member: Any) -> Iterable[Any]:
    return ()


def _layer(member: Any) -> Iterable[Any]:
    return ()


def _in_order(value: Any) -> Iterable[Any]:
    """Sort the members of a set by name, because a set has no order."""
    named = [item for item in value if isinstance(item, (Tracked, Variable))]
    return sorted(named, key=lambda item: (len(item.name), item.name))  # dense, dense_1, ..., dense_10


def _fields(value: Any) -> Iterable[Any]:
    return [getattr(value, field.name, None) for field in dataclasses.fields(value)]


_CONTAINERS: dict[type, _Parts] = {
    Variable: _variable,
    Tracked: _layer,
    list: tuple,
    tuple: tuple,
    deque: tuple,
    dict: lambda value: tuple(value.values()),
    MappingProxyType: lambda value: tuple(value.values()),
    set: _in_order,
    frozenset: _in_order,
    np.ndarray: lambda value: value.ravel().tolist() if value.dtype == object else (),
    UserList: lambda value: (value.data,),
    UserDict: lambda value: (value.data,),
    SimpleNamespace: lambda value: tuple(vars(value).values()),
}

_known: dict[type, _Parts | None] = {}
"""The results of `_parts`."""
_nothing: set[type] = set()
"""The classes among them that are neither members nor containers."""


def _parts(cls: type) -> _Parts | None:
    """Return the function that lists the contents of objects of a class.

    It is `_variable` or `_layer` for a member, and None for a class that is neither a member nor a container.
    """
    if cls in _known:
        return _known[cls]
    if len(_known) > 4096:  # a bound for programs that keep creating classes
        _known.clear()
        _nothing.clear()
    found = next((parts for base, parts in _CONTAINERS.items() if issubclass(cls, base)), None)
    found = found or (_fields if dataclasses.is_dataclass(cls) else None)
    _known[cls] = found
    if found is None:
        _nothing.add(cls)
    return found


def _look_into(
    container: Any,
    parts: _Parts,
    seen: set[int],
    variables: dict[int, Variable],
    layers: dict[int, Any],
    watch: Watch,
) -> None:
    if id(container) in seen:
        return
    seen.add(id(container))
    kind = type(container)
    if kind is list or kind is deque:
        values = tuple(container)
        watch.add(container, values)
    elif kind is dict:
        values = tuple(container.values())
        watch.add(container.values(), values)
        if not gc.is_tracked(container):
            return  # untracked by the garbage collector, so it has only numbers and strings
    else:
        values = tuple(parts(container))
        if not (issubclass(kind, tuple) and kind.__iter__ is tuple.__iter__):
            watch.give_up()  # its contents may be computed, or be in an array of objects, which cannot be watched
    if _nothing.issuperset(map(type, values)):  # fast for long lists of numbers
        return
    known = _known
    for value in values:
        kind = type(value)
        inner = known[kind] if kind in known else _parts(kind)
        if inner is _layer:
            layers[id(value)] = value
        elif inner is _variable:
            variables[id(value)] = value
        elif inner is not None:
            _look_into(value, inner, seen, variables, layers, watch)


# Changes made by a build


Change = tuple[Any, Any, Any, Any]
"""The owner, the attribute or key (None for a whole container), the value before, and the value after."""

_ABSENT = ...
_STATE = ("built", "dtype", "_dtype_given", "_graph")
"""The attributes of a layer, apart from its members, that a build changes."""


def snapshot(root: Tracked) -> list[tuple[Any, Any]]:
    """Copy the attributes of a layer and of all layers inside of it, and the contents of their containers."""
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


def _present(layer: Tracked) -> dict[str, Any]:
    attributes = vars(layer).copy()
    for name in _RECORDS:
        attributes.pop(name, None)
    return attributes


def changes_since(before: list[tuple[Any, Any]]) -> list[Change]:
    """Return the members and the layer states that have changed since `snapshot`."""
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
    """Restore the values before the changes, except where they have been replaced again since."""
    for owner, key, old, new in reversed(changes):
        items = vars(owner) if isinstance(owner, Tracked) else owner
        if key is None:
            if _ids(owner) == _ids(new):
                owner.clear()
                owner.update(old) if isinstance(owner, set) else owner.extend(old)
        elif items.get(key, _ABSENT) is new:
            if old is _ABSENT:
                del items[key]
            else:
                items[key] = old


def _ids(container: Any) -> list[int]:
    return sorted(map(id, container)) if isinstance(container, set) else list(map(id, container))
