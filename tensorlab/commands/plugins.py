"""list every plugin, what it adds, and why one failed

Something is wrong if one failed, or if TENSORLAB_PLUGINS names one that is not installed. The text of a failure ends in
what to do about it.

TENSORLAB_PLUGINS is a list of the plugins or distributions to load, separated by
commas: all if it is not set, none but the built-in one if it is empty. TENSORLAB_STRICT=1 makes every failure an error
at the first look-up of any name, though not here.
"""

from __future__ import annotations

import argparse
import warnings

from tensorlab.commands import tables
from tensorlab.errors import PluginWarning
from tensorlab.plugins import manager


def run(options: argparse.Namespace) -> int:
    """Print the table. Returns 1 if a plugin failed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)  # the table says it
        manager.load(strict=False)  # whoever asks for the list wants to see all of it
    rows = [
        (plugin.name, plugin.distribution, plugin.version, f"{plugin.seconds:.2f} s", plugin.outcome)
        for plugin in manager.plugins
    ]
    tables.show(rows, ("plugin", "distribution", "version", "loading", "adds"))
    return int(any(plugin.error for plugin in manager.plugins))
