"""Registries of the objects that plugins add, one for each kind.

A registry maps names to objects and the distributions they come from. Plugins are discovered at the first lookup: the
plugin manager assigns its loader to `Registry.load`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tensorlab.absent import hint_for
from tensorlab.errors import ArgumentTypeError, PluginError, UnknownNameError, nearest, short_repr


@dataclass(frozen=True, eq=False)  # compared by identity: things need not be comparable
class Entry:
    """A registered object and the distribution it comes from."""

    name: str
    thing: Any
    distribution: str
    version: str
    kind: str = ""

    @property
    def owner(self) -> str:
        """The distribution and its version."""
        return f"{self.distribution} {self.version}".rstrip()


def canonical(name: str) -> str:
    """Return a name without case and underscores, for comparisons.

    ``"RMSprop"`` and ``"rmsprop"`` are the same name; so are ``"MeanSquaredError"`` and ``"mean_squared_error"``.
    """
    return name.replace("_", "").lower()


def normalized(distribution: str) -> str:
    """Return the normalized name of a distribution: ``"Acme_Swish"`` gives ``"acme-swish"``.

    Source: PEP 503.
    """
    return re.sub(r"[-_.]+", "-", distribution).lower()


class Registry:
    """The registered objects of one kind, by name.

    Args:
        kind: the kind, as shown in messages, such as "activation".
    """

    load: Callable[[], None] = staticmethod(lambda: None)
    """Called before every lookup; the first call fills the registries."""

    explain_missing: Callable[[str, str], str] = staticmethod(lambda kind, name: "")
    """Return a text about a plugin that failed to load and might have registered this name, or an empty string."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, list[Entry]] = {}  # by name; the last one of a name is in effect
        self.changed: Callable[[], object] = lambda: None
        """Called when names have been added, removed or overridden."""

    def add(self, entry: Entry, override: bool = False) -> None:
        """Register an object under its name and under ``distribution:name``.

        Args:
            entry: the object.
            override: whether it may replace an object of another distribution, which is then ``distribution:name``
                only.

        Raises:
            PluginError: if the name is taken.
        """
        same = self._entries.setdefault(canonical(entry.name), [])
        taken = next((other for other in same if not override or other.distribution == entry.distribution), None)
        if taken is not None:
            raise PluginError(
                f"{self.kind} {entry.name!r} of {entry.owner}",
                "a name that is free",
                f"one that {taken.owner} registers as {taken.name!r}",
                "rename one of them" if taken.distribution == entry.distribution else _FREE,
            )
        same.append(entry)
        self.changed()

    def remove(self, entry: Entry) -> None:
        """Undo `add`; if the entry overrode another one, that one is in effect again."""
        same = self._entries.get(canonical(entry.name), [])
        if entry in same:
            same.remove(entry)
            self.changed()

    def _find(self, name: str) -> Entry | None:
        distribution, _, plain = name.rpartition(":")
        same = self._entries.get(canonical(plain), ())
        return next((e for e in reversed(same) if not distribution or _same(e.distribution, distribution)), None)

    def entry(self, name: str) -> Entry:
        """Return the entry of ``name`` or ``distribution:name``.

        Raises:
            UnknownNameError: for an unknown name; the message suggests similar names.
            ArgumentTypeError: for a name that is not a string.
        """
        if not isinstance(name, str):
            raise ArgumentTypeError(self.kind, f"the name of a registered {self.kind}", short_repr(name))
        Registry.load()
        found = self._find(name)
        if found is None:
            failed = Registry.explain_missing(self.kind, name)
            raise UnknownNameError(
                self.kind,
                f"the name of a registered {self.kind}",
                short_repr(name),
                failed
                or self._other_kind(name)
                or hint_for(KINDS[self.kind], name.rpartition(":")[2])
                or nearest(name.rpartition(":")[2], (entry.name for entry in self)),
            )
        return found

    def _other_kind(self, name: str) -> str:
        """Return a text that says which other registries have the name, or an empty string."""
        others = [kind for kind, other in registries.items() if kind != self.kind and other._find(name)]
        return f"{name!r} is the name of {' and of '.join(map(_with_article, others))}" if others else ""

    def get(self, name: str) -> Any:
        """Return the object registered as ``name`` or ``distribution:name``.

        Raises:
            UnknownNameError: for an unknown name; the message suggests similar names.
        """
        return self.entry(name).thing

    def name_of(self, thing: Any) -> str | None:
        """Return the name of an object, or None; if the name is overridden, return ``distribution:name``."""
        Registry.load()
        for same in self._entries.values():
            for entry in same:
                if entry.thing is thing:
                    return entry.name if entry is same[-1] else f"{entry.distribution}:{entry.name}"
        return None

    def __contains__(self, name: object) -> bool:
        Registry.load()
        return isinstance(name, str) and self._find(name) is not None

    def __iter__(self) -> Iterator[Entry]:
        """Iterate over the entries in effect, sorted by name."""
        Registry.load()
        return iter(sorted((same[-1] for same in self._entries.values() if same), key=lambda entry: entry.name))


_FREE = "rename one of them, or uninstall one of the two distributions, or pass override=True to tl.plugins.register"


def _with_article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"


def _same(distribution: str, other: str) -> bool:
    return distribution == other or normalized(distribution) == normalized(other)


KINDS = {
    "layer": "layers",
    "activation": "activations",
    "loss": "losses",
    "optimizer": "optimizers",
    "metric": "metrics",
    "initializer": "initializers",
    "regularizer": "regularizers",
    "callback": "callbacks",
    "dataset": "datasets",
    "backend": "backends",
}
"""The kinds of registered objects and their plurals."""

registries = {kind: Registry(kind) for kind in KINDS}
"""All registries by kind."""
