"""The plugin layer: hooks, the manager that finds plugins, and the plugin that ships."""

from tensorlab.plugins.manager import Manager, hookimpl, manager

__all__ = ["Manager", "hookimpl", "manager"]
