"""The plugin layer: hooks, the manager that finds plugins, and the plugin that ships."""

from tensorlab.plugins.hookspecs import hookimpl
from tensorlab.plugins.manager import Manager, manager

__all__ = ["Manager", "hookimpl", "manager"]
