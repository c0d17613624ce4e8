"""List every plugin, what it adds, and why one failed.

The exit status is 1 if one failed, or if TENSORLAB_PLUGINS names one that is not installed. The message of a failure
ends with what to do.

TENSORLAB_PLUGINS lists the plugins or distributions to load, separated by commas: all if it is not set, only the
built-in one if it is empty. With TENSORLAB_STRICT=1 every failure raises at the first look-up of any name, but not
here.
"""

from __future__ import annotations

import argparse
import warnings

from tensorlab.commands import tables
from tensorlab.errors import PluginWarning
from tensorlab.plugins import manager


def run(options: argparse.Namespace) -> int:
    """Print the table. Return 1 if a plugin failed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)  # the table contains it
        manager.load(strict=False)  # the list has to be complete
    rows = [
        (plugin.name, plugin.distribution, plugin.version, f"{plugin.seconds:.2f} s", plugin.outcome)
        for plugin in manager.plugins
    ]
    tables.show(rows, ("plugin", "distribution", "version", "loading", "adds"))
    return int(any(plugin.error for plugin in manager.plugins))
