"""list every plugin, what it adds, and why one failed"""

from __future__ import annotations

import argparse
from collections import defaultdict

from tensorlab.commands import tables
from tensorlab.plugins import manager
from tensorlab.plugins.manager import Plugin
from tensorlab.registry import registries


def run(options: argparse.Namespace) -> int:
    """Print the table. Returns 1 if a plugin failed."""
    manager.load()
    rows = [(plugin.name, plugin.distribution, plugin.version, _adds(plugin)) for plugin in manager.plugins]
    tables.show(rows, ("plugin", "distribution", "version", "adds"))
    return int(any(plugin.error for plugin in manager.plugins))


def _adds(plugin: Plugin) -> str:
    if plugin.error:
        return f"failed: {plugin.error}"
    kinds = defaultdict(list)
    for entry in plugin.entries:
        kind = next(kind for kind, registry in registries.items() if any(entry is own for own in registry))
        kinds[kind].append(entry.name)
    return "; ".join(f"{kind} {', '.join(sorted(names))}" for kind, names in kinds.items()) or "nothing"
