"""Plugins: the hooks, the manager that finds and loads them, and the built-in plugin."""

from tensorlab.plugins.by_hand import list, register, unregister
from tensorlab.plugins.hookspecs import hookimpl
from tensorlab.plugins.manager import Manager, manager
from tensorlab.plugins.record import Plugin

__all__ = ["Manager", "Plugin", "hookimpl", "list", "manager", "register", "unregister"]
