"""Load plugins transactionally; one that fails does not affect the others."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pluggy

from tensorlab import callbacks
from tensorlab.errors import PluginError, PluginWarning, levels_to_the_user, nearest, short_repr
from tensorlab.forks import guard
from tensorlab.plugins import discovery, hookspecs, observers
from tensorlab.plugins.blame import line_of
from tensorlab.plugins.discovery import GROUP
from tensorlab.plugins.record import Plugin
from tensorlab.registry import KINDS, Entry, Registry, registries
from tensorlab.version import __version__

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["GROUP", "HOOKS", "REGISTERING", "Manager", "Plugin", "manager"]

_BUILTIN = "tensorlab.plugins.builtins"
REGISTERING = {f"tensorlab_register_{plural}": kind for kind, plural in KINDS.items()}
"""The hooks that add objects, and the kind of object of each."""
HOOKS = (*REGISTERING, *observers.HOOKS)


class Manager:
    """Loads the plugins of this environment at the first look-up.

    Attributes:
        plugins: a record of each plugin, in the order of loading; the first is the built-in one.
    """

    def __init__(self) -> None:
        self.plugins: list[Plugin] = []
        self._pluggy = pluggy.PluginManager("tensorlab")
        self._pluggy.add_hookspecs(hookspecs)
        self._lock = guard
        self._state = "new"
        self._registering = False
        self._strict = False

    # Finding

    def load(self, strict: bool | None = None) -> None:
        """Find and register every plugin, once: the built-in one, then the others by distribution and name.

        Args:
            strict: whether to raise if a plugin fails; None to raise if ``TENSORLAB_STRICT`` is 1.

        Raises:
            PluginError: if a plugin fails and ``strict`` is true.

        Warns:
            PluginWarning: if ``TENSORLAB_PLUGINS`` names one that is not installed.
        """
        if self._state == "loaded":
            return
        with self._lock:
            if self._state != "new":  # another thread has loaded them, or a plugin looks up a name during loading
                return
            self._state = "loading"
            self._strict = os.environ.get("TENSORLAB_STRICT") == "1" if strict is None else strict
            try:
                self._load_all()
                self._state = "loaded"
            finally:
                if self._state != "loaded":
                    self._unload()
                    self._state = "new"

    @property
    def busy(self) -> bool:
        """Whether this thread is loading or registering a plugin. If another thread is, wait for it first."""
        with self._lock:
            return self._state == "loading" or self._registering

    def _load_all(self) -> None:
        from tensorlab.plugins import builtins

        self.register(builtins, Plugin("tensorlab", "tensorlab", __version__, module=_BUILTIN))
        found = [(point, record) for point, record in self._entry_points() if record.module != _BUILTIN]
        wanted, unknown = discovery.wanted([record for _, record in found])
        for record in unknown:
            self._failed(record, str(record.error), None)
            warnings.warn(str(record.error), PluginWarning, stacklevel=levels_to_the_user())
        for index, (point, record) in enumerate(found):
            if index in wanted:
                self._load_entry_point(point, record)
            else:
                record.skipped = True
                self.plugins.append(record)

    def _entry_points(self) -> list[tuple[EntryPoint, Plugin]]:
        return discovery.entry_points()

    def _load_entry_point(self, point: EntryPoint, record: Plugin) -> None:
        if record.error is not None:
            self._failed(record, record.error, None)
            return
        started = time.perf_counter()
        try:
            self.register(point.load(), record)
            _add_kernels(record.module.partition(":")[0])
        except KeyboardInterrupt:  # the user interrupts; the next look-up starts again
            raise
        except BaseException as error:  # no error of a plugin may affect the others
            why = str(error) if isinstance(error, PluginError) else f"{_describe(error)}; {_advice(error, record)}"
            self._failed(record, why, error)
        finally:
            record.seconds = time.perf_counter() - started

    def _failed(self, record: Plugin, why: str, error: BaseException | None) -> None:
        record.error = why
        record.exception = (error.__cause__ or error) if isinstance(error, PluginError) else error
        self.plugins.append(record)
        if self._strict:
            raise PluginError(f"plugin {record.name!r} of {record.distribution}", "a plugin that loads", why) from error

    def _unload(self) -> None:
        """Remove everything, so that the next look-up starts again."""
        for plugin in self.plugins:
            self._remove_entries(plugin)
        self.plugins.clear()

    # Registering

    def register(self, plugin: Any, record: Plugin, override: bool = False) -> None:
        """Register everything that a plugin adds, or nothing.

        Args:
            plugin: a module or an object with hooks.
            record: the record of the plugin, which is filled in.
            override: whether it may take names of other distributions.

        Raises:
            PluginError: for a misspelt hook, a result that is not ``{name: object}``, an object of the wrong kind, or a
                name that is taken. The message names the plugin, the hook, the key and what was expected.
        """
        with self._lock:
            self._registering = True
            try:
                for kind, entry in self._entries(plugin, record):
                    registries[kind].add(entry, override)
                    record.entries.append(entry)
            except BaseException:
                self._remove_entries(record)
                raise
            finally:
                self._registering = False
            self.plugins.append(record)

    def unregister(self, record: Plugin) -> None:
        """Remove a plugin and everything that it added."""
        with self._lock:
            self._remove_entries(record)
            self.plugins.remove(record)

    def _remove_entries(self, record: Plugin) -> None:
        for registry in registries.values():
            for entry in record.entries:
                registry.remove(entry)
        record.entries, record.hooks = [], ()
        if self._pluggy.has_plugin(record.key):
            self._pluggy.unregister(name=record.key)

    def _entries(self, plugin: Any, record: Plugin) -> Iterator[tuple[str, Entry]]:
        """Yield the kind and the entry of each object that a plugin adds, after checking it."""
        from tensorlab.plugins.checks import check

        implementations = self._hooks(plugin, record)
        record.hooks = tuple(implementations)
        for hook, implementation in implementations.items():
            kind = REGISTERING.get(hook)
            if kind is None:
                continue
            who = f"{record.who}: {hook}"
            try:
                things = implementation.function()
            except (Exception, SystemExit) as error:
                raise PluginError(
                    who, "a dict {name: object}", _describe(error), line_of(error, implementation.function)
                ) from error
            if not isinstance(things, dict):
                hint = "return it" if things is None else ""
                raise PluginError(who, "a dict {name: object}", type(things).__name__, hint)
            for name, thing in things.items():
                check(who, kind, name, thing)
                yield kind, Entry(name, thing, record.distribution, record.version, kind)

    def _hooks(self, plugin: Any, record: Plugin) -> dict[str, pluggy.HookImpl]:
        """Return the implementations of a plugin, by hook."""
        try:
            self._pluggy.register(plugin, record.key)
        except pluggy.PluginValidationError as error:
            raise PluginError(
                record.who,
                "hooks with the arguments of tensorlab.plugins.hookspecs",
                " ".join(str(error).splitlines()[1:]),
                "remove them",
            ) from error
        except ValueError as error:  # raised by pluggy for an object that is registered already
            raise PluginError(record.who, "a plugin that is not registered yet", f"{plugin!r} again") from error
        found = {}
        for caller in self._pluggy.get_hookcallers(plugin) or ():
            (implementation,) = [each for each in caller.get_hookimpls() if each.plugin is plugin]
            if caller.name in HOOKS:
                found[caller.name] = implementation
            elif not implementation.optionalhook:
                raise PluginError(
                    record.who, "hooks of tensorlab", short_repr(caller.name), nearest(caller.name, HOOKS)
                )
        implementing = {implementation.function for implementation in found.values()}
        for name in dir(plugin):
            if name.startswith("tensorlab_") and callable(getattr(plugin, name)):
                if name not in HOOKS:
                    raise PluginError(record.who, "hooks of tensorlab", short_repr(name), nearest(name, HOOKS))
                if getattr(plugin, name) not in implementing:
                    hint = "add the decorator"
                    raise PluginError(record.who, f"{name} marked with @hookimpl", "a plain function", hint)
        if not found:
            hint = f"mark functions such as {HOOKS[0]} with @tensorlab.hookimpl"
            raise PluginError(record.who, "at least one hook of tensorlab", f"{plugin!r} without one", hint)
        return {hook: found[hook] for hook in HOOKS if hook in found}

    # Asking

    def observers(self) -> list[callbacks.Callback]:
        """Return new callbacks for the plugins that observe runs."""
        self.load()
        callers = [getattr(self._pluggy.hook, hook) for hook in observers.HOOKS]
        who = {plugin.key: plugin.who for plugin in self.plugins}
        hooks: dict[str, dict[str, pluggy.HookImpl]] = {}
        for caller in callers:
            for implementation in caller.get_hookimpls():
                hooks.setdefault(implementation.plugin_name, {})[caller.name] = implementation
        return [observers.Observer(who[key], hooks[key]) for key in who if key in hooks]

    def explain_missing(self, kind: str, name: str) -> str:
        """Name the plugins that failed or were excluded, for the message about an unknown name."""
        failed = [plugin for plugin in self.plugins if plugin.error]
        words = name.replace(":", " ").lower().split()
        likely = [plugin for plugin in failed if _is_meant(plugin, words)]
        if len(failed) > 1 and not likely:  # any of them may have the name
            names = ", ".join(plugin.distribution for plugin in failed)
            why = [f"{len(failed)} plugins could not be loaded ({names}): python -m tensorlab plugins says why"]
        else:
            why = [
                plugin.reason
                if plugin.distribution == discovery.VARIABLE
                else f"plugin {plugin.name!r} of {plugin.distribution} could not be loaded: {plugin.reason}"
                for plugin in likely or failed
            ]
        if failed and not likely:
            why.insert(0, nearest(name, (entry.name for entry in registries[kind])))
        skipped = [plugin for plugin in self.plugins if plugin.skipped and _is_meant(plugin, words)]
        why += [f"{discovery.VARIABLE} excludes {p.who}: add {p.distribution} to it" for p in skipped]
        return "; ".join(why)


def _add_kernels(module: str) -> None:
    """Use the compiled kernels that come with a plugin."""
    with guard:
        from tensorlab.kernels.runtime import shipped

        shipped.add_plugin(module)


def _is_meant(plugin: Plugin, words: list[str]) -> bool:
    return plugin.name.lower() in words or any(word in plugin.distribution.lower() for word in words)


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _advice(error: BaseException, record: Plugin) -> str:
    """Say what to do about a plugin that cannot be imported."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    if name is not None and name != record.module.partition(":")[0]:
        return f"install what provides {name!r}, or uninstall {record.distribution}"
    if isinstance(error, SystemExit):
        where = line_of(error, record.module.partition(":")[0])
        return f"remove the code that ends the process ({where}), or uninstall {record.distribution}"
    command = f"python -c 'import {record.module.partition(':')[0]}'"
    return f"{command} shows where; fix it, or uninstall {record.distribution}"


manager = Manager()
Registry.load = staticmethod(manager.load)
Registry.explain_missing = staticmethod(manager.explain_missing)
callbacks.find_observers = manager.observers
