"""Finding plugins and taking what they add: each wholly or not at all, and none at the cost of another.

The entry points are walked here and not by pluggy, whose own walk stops at the first plugin that fails.
"""

from __future__ import annotations

import importlib.metadata
import os
import threading
from dataclasses import dataclass, field
from typing import Any

import pluggy

from tensorlab.errors import PluginError, nearest
from tensorlab.plugins import hookspecs
from tensorlab.registry import Entry, Registry, registries
from tensorlab.version import __version__

GROUP = "tensorlab"
_BUILTIN = "tensorlab.plugins.builtins"
_KINDS = {
    "tensorlab_register_layers": "layer",
    "tensorlab_register_activations": "activation",
    "tensorlab_register_losses": "loss",
    "tensorlab_register_optimizers": "optimizer",
    "tensorlab_register_metrics": "metric",
    "tensorlab_register_initializers": "initializer",
    "tensorlab_register_backends": "backend",
}


@dataclass
class Plugin:
    """What became of one entry point.

    Attributes:
        name: of the entry point.
        distribution: that declares it.
        version: of the distribution.
        entries: what it registered.
        error: why it registered nothing, or None.
    """

    name: str
    distribution: str
    version: str
    entries: list[Entry] = field(default_factory=list)
    error: str | None = None


class Manager:
    """Loads the plugins of this environment at the first look-up."""

    def __init__(self) -> None:
        self.plugins: list[Plugin] = []
        self._pluggy = pluggy.PluginManager("tensorlab")
        self._pluggy.add_hookspecs(hookspecs)
        self._lock = threading.RLock()
        self._state = "new"

    def load(self) -> None:
        """Find and register every plugin, once: the built-in one, then the others by distribution and name."""
        if self._state == "loaded":
            return
        with self._lock:
            if self._state != "new":  # loaded meanwhile, or a plugin looks a name up while it is loaded
                return
            self._state = "loading"
            try:
                from tensorlab.plugins import builtins

                self.register(builtins, Plugin("tensorlab", "tensorlab", __version__))
                for point in self._entry_points():
                    self._load_entry_point(point)
                self._state = "loaded"
            finally:
                if self._state != "loaded":
                    self._unload()
                    self._state = "new"

    def _unload(self) -> None:
        """Take back everything, so that the next look-up begins again."""
        for plugin in self.plugins:
            for entry in plugin.entries:
                for registry in registries.values():
                    registry.remove(entry)
        self.plugins.clear()
        for name, _ in self._pluggy.list_name_plugin():
            self._pluggy.unregister(name=name)

    def _entry_points(self) -> list[importlib.metadata.EntryPoint]:
        points = [
            point
            for distribution in importlib.metadata.distributions()
            for point in distribution.entry_points
            if point.group == GROUP and point.value != _BUILTIN
        ]
        unique = {(_distribution(point), point.name, point.value): point for point in points}
        return [unique[key] for key in sorted(unique)]

    def _load_entry_point(self, point: importlib.metadata.EntryPoint) -> None:
        distribution = _distribution(point)
        record = Plugin(point.name, distribution, _metadata(point, "Version"))
        try:
            self.register(point.load(), record)
        except (Exception, SystemExit) as error:  # whatever a plugin does wrong is its own matter
            record.error = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
            record.entries = []
            if record not in self.plugins:
                self.plugins.append(record)
            if os.environ.get("TENSORLAB_STRICT") == "1":
                raise PluginError(
                    f"plugin {record.name!r} of {distribution}", "a plugin that loads", record.error
                ) from error

    def register(self, plugin: Any, record: Plugin) -> None:
        """Take everything that a plugin adds, or nothing.

        Raises:
            PluginError: for a misspelt hook, a result that is not ``{name: thing}``, a thing of the wrong kind, or a
            name
                that is taken.
        """
        who = f"plugin {record.name!r} of {record.distribution} {record.version}"
        name = f"{record.distribution}:{record.name}"
        added: list[tuple[Registry, Entry]] = []
        try:
            self._pluggy.register(plugin, name)
            self._refuse_unknown_hooks(plugin, who)
            for hook, kind in _KINDS.items():
                function = getattr(plugin, hook, None)
                if function is None:
                    continue
                things = function()
                if not isinstance(things, dict):
                    raise PluginError(f"{who}: {hook}", "a dict {name: thing}", type(things).__name__)
                for key, thing in things.items():
                    _check(f"{who}: {hook}", kind, key, thing)
                    entry = Entry(key, thing, record.distribution, record.version)
                    registries[kind].add(entry)
                    added.append((registries[kind], entry))
        except BaseException:
            for registry, entry in added:
                registry.remove(entry)
            if self._pluggy.has_plugin(name):
                self._pluggy.unregister(name=name)
            raise
        record.entries = [entry for _, entry in added]
        self.plugins.append(record)

    def _refuse_unknown_hooks(self, plugin: Any, who: str) -> None:
        for name in dir(plugin):
            if name.startswith("tensorlab_") and name not in _KINDS and callable(getattr(plugin, name)):
                raise PluginError(who, "hooks of tensorlab", repr(name), nearest(name, _KINDS))
            if name in _KINDS and not hasattr(getattr(plugin, name), "tensorlab_impl"):
                raise PluginError(who, f"{name} marked with @hookimpl", "a plain function", "add the decorator")

    def explain_missing(self, kind: str, name: str) -> str:
        """Which plugins failed, for the message about a name that nothing registers."""
        failed = [plugin for plugin in self.plugins if plugin.error]
        words = name.replace(":", " ").lower()
        likely = [
            p for p in failed if p.name.lower() in words or any(w in p.distribution.lower() for w in words.split())
        ]
        why = [f"plugin {p.name!r} of {p.distribution} could not be loaded: {p.error}" for p in likely or failed]
        if failed and not likely:  # any of them may have had the name, or none
            why.insert(0, nearest(name, (entry.name for entry in registries[kind])))
        return "; ".join(why)


def _metadata(point: importlib.metadata.EntryPoint, field: str) -> str:
    """A field of the distribution's metadata, or "?" if there is none: a folder may be left over without its files."""
    metadata = point.dist.metadata if point.dist else None
    return metadata[field] if metadata is not None and field in metadata else "?"


def _distribution(point: importlib.metadata.EntryPoint) -> str:
    return _metadata(point, "Name")


def _check(who: str, kind: str, name: Any, thing: Any) -> None:
    from tensorlab import initializers, layers, losses, metrics, optimizers

    if not isinstance(name, str) or not name.isidentifier():
        raise PluginError(who, "names that are Python identifiers", repr(name))
    bases: dict[str, tuple[type, type | None]] = {
        "layer": (layers.Layer, None),
        "loss": (losses.Loss, losses.LossRule),
        "optimizer": (optimizers.Optimizer, optimizers.OptimizerRule),
        "metric": (metrics.Metric, None),
        "initializer": (initializers.Initializer, None),
    }
    if kind in bases:
        base, rule = bases[kind]
        if (isinstance(thing, type) and issubclass(thing, base)) or (rule is not None and isinstance(thing, rule)):
            return
        expected = f"a subclass of {base.__name__}" + (f" or a {rule.__name__}" if rule is not None else "")
    else:
        if callable(thing):
            return
        expected = "a function"
    raise PluginError(f"{who}, {name!r}", expected, repr(thing))


manager = Manager()
Registry.load = staticmethod(manager.load)
Registry.explain_missing = staticmethod(manager.explain_missing)
