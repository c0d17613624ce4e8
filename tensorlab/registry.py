"""One registry for each kind of thing that plugins add.

A registry knows names and where they come from. Plugins are discovered at the first look-up: whoever manages them puts
its loader into `Registry.load`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tensorlab.errors import ArgumentTypeError, PluginError, UnknownNameError, nearest


@dataclass(frozen=True, eq=False)  # known by identity: things need not be comparable
class Entry:
    """A registered thing, and the distribution that it comes from."""

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
    """What two spellings of one name share: ``"RMSprop"`` is ``"rmsprop"``, ``"MeanSquaredError"``
    ``"mean_squared_error"``."""
    return name.replace("_", "").lower()


def normalized(distribution: str) -> str:
    """What two spellings of one distribution share: ``"Acme_Swish"`` is ``"acme-swish"``.

    Source: PEP 503.
    """
    return re.sub(r"[-_.]+", "-", distribution).lower()


class Registry:
    """The things of one kind, by name.

    Args:
        kind: what they are called in messages, such as "activation".
    """

    load: Callable[[], None] = staticmethod(lambda: None)
    """Called before a look-up; fills the registries the first time."""

    explain_missing: Callable[[str, str], str] = staticmethod(lambda kind, name: "")
    """Words about a plugin that failed and would perhaps have registered this name, or nothing."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, list[Entry]] = {}  # of one name, the one that it means last, what it overrides before
        self.changed: Callable[[], object] = lambda: None
        """Called when names have come, gone, or changed what they mean."""

    def add(self, entry: Entry, override: bool = False) -> None:
        """Register a thing under its name and under ``distribution:name``.

        Args:
            entry: the thing.
            override: whether it may take the name of another distribution's, which stays ``distribution:name``.

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
        """Take back what `add` registered; a name that it overrode means again what it meant."""
        same = self._entries.get(canonical(entry.name), [])
        if entry in same:
            same.remove(entry)
            self.changed()

    def _find(self, name: str) -> Entry | None:
        distribution, _, plain = name.rpartition(":")
        same = self._entries.get(canonical(plain), ())
        return next((e for e in reversed(same) if not distribution or _same(e.distribution, distribution)), None)

    def entry(self, name: str) -> Entry:
        """The entry of ``name`` or ``distribution:name``.

        Raises:
            UnknownNameError: with the nearest known names.
            ArgumentTypeError: for a name that is not a string.
        """
        if not isinstance(name, str):
            raise ArgumentTypeError(self.kind, f"the name of a registered {self.kind}", repr(name))
        Registry.load()
        found = self._find(name)
        if found is None:
            failed = Registry.explain_missing(self.kind, name)
            raise UnknownNameError(
                self.kind,
                f"the name of a registered {self.kind}",
                repr(name),
                failed or self._other_kind(name) or nearest(name.rpartition(":")[2], (entry.name for entry in self)),
            )
        return found

    def _other_kind(self, name: str) -> str:
        """Words about a name that another registry has, or nothing."""
        others = [kind for kind, other in registries.items() if kind != self.kind and other._find(name)]
        return f"{name!r} is the name of {' and of '.join(map(_with_article, others))}" if others else ""

    def get(self, name: str) -> Any:
        """The thing registered as ``name`` or ``distribution:name``.

        Raises:
            UnknownNameError: with the nearest known names.
        """
        return self.entry(name).thing

    def name_of(self, thing: Any) -> str | None:
        """The name under which a thing is found, or None: ``distribution:name`` if its plain name means another."""
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
        """What the plain names mean, by name."""
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
"""The kinds of things, and their plurals."""

registries = {kind: Registry(kind) for kind in KINDS}
"""Every registry, by kind."""
