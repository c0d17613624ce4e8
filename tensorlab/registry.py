"""One registry for each kind of thing that plugins add.

A registry knows names and where they come from. Plugins are discovered at the first look-up: whoever manages them puts
its loader into `Registry.load`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tensorlab.errors import ArgumentTypeError, PluginError, UnknownNameError, nearest


@dataclass(frozen=True)
class Entry:
    """A registered thing, and the distribution that it comes from."""

    name: str
    thing: Any
    distribution: str
    version: str


def canonical(name: str) -> str:
    """What two spellings of one name share: ``"RMSprop"`` is ``"rmsprop"``, ``"MeanSquaredError"``
    ``"mean_squared_error"``."""
    return name.replace("_", "").lower()


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
        self._entries: dict[str, Entry] = {}

    def add(self, entry: Entry) -> None:
        """Register a thing under its name and under ``distribution:name``.

        Raises:
            PluginError: if the name is taken.
        """
        taken = self._entries.get(canonical(entry.name))
        if taken is not None:
            raise PluginError(
                f"{self.kind} {entry.name!r} of {entry.distribution} {entry.version}",
                "a name that is free",
                f"one that {taken.distribution} {taken.version} registers as {taken.name!r}",
                "rename one of them, or uninstall one of the two distributions",
            )
        self._entries[canonical(entry.name)] = entry

    def remove(self, entry: Entry) -> None:
        """Take back what `add` registered."""
        if self._entries.get(canonical(entry.name)) == entry:
            del self._entries[canonical(entry.name)]

    def entry(self, name: str) -> Entry:
        """The entry of ``name`` or ``distribution:name``.

        Raises:
            UnknownNameError: with the nearest known names.
            ArgumentTypeError: for a name that is not a string.
        """
        if not isinstance(name, str):
            raise ArgumentTypeError(self.kind, f"the name of a registered {self.kind}", repr(name))
        Registry.load()
        distribution, _, plain = name.rpartition(":")
        found = self._entries.get(canonical(plain))
        if found is None or distribution not in ("", found.distribution):
            failed = Registry.explain_missing(self.kind, name)
            raise UnknownNameError(
                self.kind,
                f"the name of a registered {self.kind}",
                repr(name),
                failed or nearest(plain, (entry.name for entry in self._entries.values())),
            )
        return found

    def get(self, name: str) -> Any:
        """The thing registered as ``name`` or ``distribution:name``.

        Raises:
            UnknownNameError: with the nearest known names.
        """
        return self.entry(name).thing

    def name_of(self, thing: Any) -> str | None:
        """The name under which a thing is registered, or None."""
        Registry.load()
        return next((entry.name for entry in self._entries.values() if entry.thing is thing), None)

    def __contains__(self, name: str) -> bool:
        Registry.load()
        distribution, _, plain = name.rpartition(":")
        found = self._entries.get(canonical(plain))
        return found is not None and distribution in ("", found.distribution)

    def __iter__(self) -> Iterator[Entry]:
        Registry.load()
        return iter(sorted(self._entries.values(), key=lambda entry: entry.name))


registries = {
    kind: Registry(kind) for kind in ("layer", "activation", "loss", "optimizer", "metric", "initializer", "backend")
}
"""Every registry, by kind."""
