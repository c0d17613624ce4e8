"""`Plugin`: the record of one plugin."""

from __future__ import annotations

from dataclasses import dataclass, field

from tensorlab.registry import Entry


@dataclass(eq=False, repr=False)
class Plugin:
    """The record of one plugin: what it added, or why it failed.

    Attributes:
        name: the name of its entry point, or that passed to `register`.
        distribution: the distribution that declares it; for a plugin of `register`, its name.
        version: the version of the distribution.
        entries: the objects that it registered.
        error: why it registered nothing, or None.
        exception: the exception that it raised, or None.
        module: the module that its entry point names.
        hooks: the names of the hooks that it implements.
        seconds: the time to import and register it.
        skipped: whether ``TENSORLAB_PLUGINS`` excludes it.
    """

    name: str
    distribution: str
    version: str
    entries: list[Entry] = field(default_factory=list)
    error: str | None = None
    exception: BaseException | None = None
    module: str = ""
    hooks: tuple[str, ...] = ()
    seconds: float = 0.0
    skipped: bool = False

    @property
    def key(self) -> str:
        """Its name in pluggy."""
        return f"{self.distribution}:{self.name}"

    @property
    def who(self) -> str:
        """Its name in messages."""
        return f"plugin {self.name!r} of {self.distribution} {self.version}".rstrip()

    @property
    def reason(self) -> str:
        """Its error, for a message that has already named the plugin."""
        return (self.error or "").removeprefix(f"{self.who}: ")

    @property
    def outcome(self) -> str:
        """A description of what it adds, or why it adds nothing."""
        if self.error is not None:
            return f"failed: {self.error}"
        if self.skipped:
            return "excluded by TENSORLAB_PLUGINS"
        kinds: dict[str, list[str]] = {}
        for entry in self.entries:
            kinds.setdefault(entry.kind, []).append(entry.name)
        watched = [hook.removeprefix("tensorlab_") for hook in self.hooks if "_register_" not in hook]
        parts = [f"{kind} {', '.join(sorted(names))}" for kind, names in kinds.items()]
        return "; ".join(parts + ([f"observes {', '.join(watched)}"] if watched else [])) or "nothing"

    def __repr__(self) -> str:
        return f"<{self.who}: {self.outcome}>"

    @property
    def sorting_key(self) -> tuple[str, str, str]:
        """The key that determines the order of loading."""
        return self.distribution, self.name, self.module
