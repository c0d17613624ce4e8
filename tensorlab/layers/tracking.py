"""`Tracked`: an object that finds the Variables and layers its attributes hold.

Nothing is registered. Whoever asks for weights gets those that the attributes lead to at that moment, through
containers of any depth, each once. So appended, replaced, deleted and shared members need no bookkeeping. What a walk
found is kept, and returned again if all that it looked at is as it was.
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

_PAST = ("_constructed_with", "_made", "_walk")
"""Attributes with what a layer was given and what it has built. Not all of that belongs to it any more."""
_APART = (*_PAST, "_added")
"""Attributes that are not searched."""


class Tracked(Configured):
    """The base of what has weights. See the module's docstring."""

    _added: list[Variable]
    """Weights that `add_weight` made and that no attribute holds (yet)."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # The state exists before any __init__ runs, so that a subclass may set attributes in any order.
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
            held = vars(self)
            if isinstance(value, Variable) and self._added:
                held["_added"] = [weight for weight in self._added if weight is not value]
            # An attribute that was None until now takes its place in the order when it gets its first member.
            if attribute in held and _parts(type(held[attribute])) is None:
                del held[attribute]
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
        """Find the Variables and the layers that the attributes of this very object hold, in order, each once."""
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
            if parts is None or name in _APART:
                continue
            if parts is _layer:
                layers[id(value)] = value
            elif parts is _variable:
                variables[id(value)] = value
            else:
                _look_into(value, parts, containers, variables, layers, watch)
        if self._added:
            left = [weight for weight in self._added if id(weight) not in variables]
            if len(left) < len(self._added):  # from now on the attributes decide whether a weight belongs to the layer
                vars(self)["_added"] = left
            variables.update((id(weight), weight) for weight in left)
        return list(variables.values()), list(layers.values())


_Found = list[tuple[Any, list[Variable]]]


def members(root: Tracked) -> _Found:
    """List a layer and all layers inside of it, each once, with the Variables of each: itself first, then in order."""
    return walked(root)[0]


def variables_in(root: Tracked) -> list[Variable]:
    """List the Variables of a layer and of all layers inside of it, each once, in order."""
    return walked(root)[1]


def walked(root: Tracked) -> tuple[_Found, list[Variable]]:
    """Return what the last walk has found if nothing it looked at has changed, and walk otherwise."""
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
    vars(root)["_walk"].last = _Walk(id(root), watch, found[0][1], found[1:], each) if watch.close() else None
    return found, [*each]


class Watch:
    """What a walk has looked at: live views of attributes and containers, and what was in them.

    Values are compared by identity. All are kept alive, so that no other object can get the identity of one.
    """

    __slots__ = ("held", "ids", "views")

    def __init__(self) -> None:
        self.views: list[Iterable[Any]] = []
        self.ids: list[int] = []
        self.held: list[Any] = []

    def add(self, view: Iterable[Any], values: Sequence[Any]) -> None:
        """Watch what a view gives; ``values`` is what it gave when it was looked into."""
        if self.views is not _UNWATCHED:
            self.views.append(view)
            self.ids += map(id, values)
            self.held += [value for value in values if type(value) is not _LastWalk]  # no cycle
            if len(self.ids) > _MOST_WATCHED:
                self.give_up()

    def give_up(self) -> None:
        """Stop watching: something was seen that may change unnoticed, or that is too much to compare."""
        self.views = _UNWATCHED

    def close(self) -> bool:
        """Drop the view of the root's own attributes, a reference cycle; return whether everything is watched."""
        watched = self.views is not _UNWATCHED
        if watched:
            del self.views[0]
        return watched

    def unchanged(self, root: Tracked) -> bool:
        """Return whether the same objects are in the same places."""
        return [*map(id, chain(root.__dict__.values(), *self.views))] == self.ids


_UNWATCHED: list[Iterable[Any]] = []
_MOST_WATCHED = 4096
"""Values above which comparing them is no faster than another walk would be."""


class _Walk(NamedTuple):
    """What a walk has found. It does not refer to the layer itself, so that no cycle keeps that alive."""

    root: int  # its id, as a shallow copy of a layer has its attributes
    watch: Watch
    own: list[Variable]
    inside: _Found
    variables: list[Variable]


class _LastWalk:
    """Holds the last walk from a layer. Deep copies and pickles of the layer begin without one."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last: _Walk | None = None

    def __reduce__(self) -> Any:
        return _LastWalk, ()


# How the attributes are searched


_Parts = Callable[[Any], Iterable[Any]]


def _variable(member: Any) -> Iterable[Any]:
    return ()


def _layer(member: Any) -> Iterable[Any]:
    return ()


def _in_order(value: Any) -> Iterable[Any]:
    """Sort a set's members by name, since a set has no order of its own."""
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
"""What `_parts` has found out."""
_nothing: set[type] = set()
"""The classes among them whose objects hold nothing."""


def _parts(cls: type) -> _Parts | None:
    """Return the function that lists what an object of a class holds: `_variable` or `_layer` for a member itself.

    None for any other object, which is not looked into.
    """
    if cls in _known:
        return _known[cls]
    if len(_known) > 4096:  # classes that are made without end are not kept
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
            return  # the garbage collector ignores it: only numbers and strings are in it, such as a vocabulary's
    else:
        values = tuple(parts(container))
        if kind is not tuple:
            watch.give_up()  # its class may compute what is in it, or it is an array of objects
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


def _present(layer: Tracked) -> dict[str, Any]:
    held = vars(layer).copy()
    for name in _PAST:
        held.pop(name, None)
    return held


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
