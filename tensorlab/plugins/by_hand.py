"""Plugins of a notebook or a program, which are not distributions and are registered by a call."""

from __future__ import annotations

import builtins
from types import SimpleNamespace
from typing import Any

from tensorlab.errors import ArgumentError, ArgumentTypeError, PluginError, UnknownNameError, nearest, short_repr
from tensorlab.plugins.manager import manager
from tensorlab.plugins.record import Plugin

_registered: dict[str, tuple[Any, Plugin, bool]] = {}


def register(plugin: Any, name: str | None = None, override: bool = False) -> Plugin:
    """Register a plugin in this process.

    Registering a name again replaces the previous plugin of that name, so a cell of a notebook can be run again.

    Args:
        plugin: a module, or an object with functions or methods that are decorated with `hookimpl`.
        name: the name of the plugin; by default the name of the module or class. ``"name:thing"`` always finds its
            objects.
        override: whether it may take names that others have registered, including built-in ones. Those are then found
            as ``"tensorlab:relu"``, and get their meaning back after `unregister`.

    Returns:
        a record of what it added.

    Raises:
        PluginError: if the plugin is invalid, or if another plugin calls this while it is loaded. Nothing changes.
        ArgumentTypeError: for a class instead of an object, or an object without a name.
        ArgumentError: for the name of an installed distribution.

    Example:
        >>> class Mine:
        ...     @tl.hookimpl
        ...     def tensorlab_register_activations(self):
        ...         return {"hat": tl.Activation(lambda x: 1 / (1 + x * x))}
        >>> tl.plugins.register(Mine())
        <plugin 'Mine' of Mine: activation hat>
        >>> layer = tl.layers.Dense(64, activation="hat")
    """
    if isinstance(plugin, type):
        raise ArgumentTypeError("plugins.register", "a module or an object", short_repr(plugin), f"{plugin.__name__}()")
    if name is None:
        if isinstance(plugin, (SimpleNamespace, dict)):
            kind = type(plugin).__name__
            raise ArgumentTypeError("plugins.register", "a plugin with a name", kind, "give it one with name=...")
        name = str(getattr(plugin, "__name__", type(plugin).__name__))
    if not isinstance(name, str) or not name or ":" in name:
        raise ArgumentError("plugins.register name", "a string without a colon", short_repr(name))
    manager.load()
    if manager.busy:
        hint = "return what it adds from its hooks; only a program registers by hand"
        raise PluginError(f"plugins.register {name!r}", "a call by a program", "one by a plugin being loaded", hint)
    before = _registered.get(name)
    owners = {record.distribution: record for record in manager.plugins}
    if before is None and name in owners:
        received = f"{name!r}, of {owners[name].who}"
        raise ArgumentError("plugins.register name", "a name that no distribution has", received, "choose another one")
    if before is not None:
        manager.unregister(before[1])
    record = Plugin(name, name, str(getattr(plugin, "__version__", "")))
    try:
        manager.register(plugin, record, override)
    except BaseException:
        if before is not None:
            manager.register(*before)
        raise
    _registered[name] = (plugin, record, override)
    return record


def unregister(plugin: Any) -> None:
    """Remove a plugin that `register` added.

    Args:
        plugin: its name, the plugin, or the record that `register` returned.

    Raises:
        UnknownNameError: if it was not added by `register`.

    Example:
        >>> class Mine:
        ...     @tl.hookimpl
        ...     def tensorlab_register_activations(self):
        ...         return {"hat": tl.Activation(lambda x: 1 / (1 + x * x))}
        >>> record = tl.plugins.register(Mine())
        >>> tl.plugins.unregister("Mine")
    """
    for name, (known, record, _) in _registered.items():
        if plugin is known or plugin is record or plugin == name:
            manager.unregister(record)
            del _registered[name]
            return
    raise UnknownNameError(
        "plugins.unregister",
        "a plugin that was registered by hand",
        short_repr(plugin),
        nearest(str(plugin), _registered),
    )


def list() -> builtins.list[Plugin]:
    """Return a record of every plugin: what it added, or why it failed.

    The built-in one comes first, then the installed ones, then those of `register`.
    """
    manager.load()
    return [*manager.plugins]
