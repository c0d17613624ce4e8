"""`Plugin`: what became of one plugin."""

from __future__ import annotations

from dataclasses import dataclass, field

from tensorlab.registry import Entry


@dataclass(eq=False, repr=False)
class Plugin:
    """What became of one plugin.

    Attributes:
        name: of its entry point, or the one that it was registered under.
        distribution: that declares it; for a plugin that was registered by hand, its name.
        version: of the distribution.
        entries: what it registered.
        error: why it registered nothing, or None.
        exception: what it raised, if it raised something.
        module: what its entry point names.
        hooks: the names of the hooks that it implements.
        seconds: how long importing and registering it took.
        skipped: whether ``TENSORLAB_PLUGINS`` leaves it out.
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
        """What pluggy knows it by."""
        return f"{self.distribution}:{self.name}"

    @property
    def who(self) -> str:
        """What it is called in messages."""
        return f"plugin {self.name!r} of {self.distribution} {self.version}".rstrip()

    @property
    def reason(self) -> str:
        """Its error, for a sentence that has named it already."""
        return (self.error or "").removeprefix(f"{self.who}: ")

    @property
    def outcome(self) -> str:
        """What it adds, or why it adds nothing, in words."""
        if self.error is not None:
            return f"failed: {self.error}"
        if self.skipped:
            return "left out by TENSORLAB_PLUGINS"
        kinds: dict[str, list[str]] = {}
        for entry in self.entries:
            kinds.setdefault(entry.kind, []).append(entry.name)
        watched = [hook.removeprefix("tensorlab_") for hook in self.hooks if "_register_" not in hook]
        parts = [f"{kind} {', '.join(sorted(names))}" for kind, names in kinds.items()]
        return "; ".join(parts + ([f"watches {', '.join(watched)}"] if watched else [])) or "nothing"

    def __repr__(self) -> str:
        return f"<{self.who}: {self.outcome}>"

    @property
    def sorting_key(self) -> tuple[str, str, str]:
        """The order in which plugins are loaded."""
        return self.distribution, self.name, self.module
