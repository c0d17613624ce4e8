"""Find installed plugins, and those of them that ``TENSORLAB_PLUGINS`` selects.

The entry points are walked here and not by pluggy, whose own walk stops at the first plugin that fails.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from tensorlab.errors import nearest
from tensorlab.plugins.record import Plugin
from tensorlab.registry import normalized

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

GROUP = "tensorlab"
VARIABLE = "TENSORLAB_PLUGINS"


def entry_points() -> list[tuple[EntryPoint, Plugin]]:
    """Return every entry point of the group with a new record, sorted by distribution and name.

    Of two distributions with one name, the first on ``sys.path`` is used, as for imports. If the entry points of a
    distribution cannot be read, its record contains the error.
    """
    import importlib.metadata  # a local import, because it also imports email and socket

    found: dict[str, list[tuple[EntryPoint, Plugin]]] = {}
    for distribution in importlib.metadata.distributions():
        if f"[{GROUP}]" not in _text(distribution, "entry_points.txt").replace(" ", ""):
            continue  # reading the metadata of all other distributions would be slow
        name, version = _fields(distribution, "Name", "Version")
        if name == "?" or normalized(name) not in found:
            found.setdefault(normalized(name), []).extend(_points(distribution, name, version))
    return sorted((pair for pairs in found.values() for pair in pairs), key=lambda pair: pair[1].sorting_key)


def _text(distribution: Distribution, file: str) -> str:
    try:
        return distribution.read_text(file) or ""
    except (OSError, ValueError):  # unreadable, so it is unknown whether it has entry points for us
        return ""


def _points(distribution: Distribution, name: str, version: str) -> list[tuple[EntryPoint, Plugin]]:
    try:
        points = [point for point in distribution.entry_points if point.group == GROUP]
    except Exception as error:  # for a malformed file
        from importlib.metadata import EntryPoint

        why = f"entry_points.txt: expected lines 'name = module', received what raises {type(error).__name__}: {error}"
        return [(EntryPoint("?", "", GROUP), Plugin("?", name, version, error=f"{why}; install {name} again"))]
    return [(point, Plugin(point.name, name, version, module=point.value)) for point in points]


def _fields(distribution: Distribution, *fields: str) -> list[str]:
    """Return fields of the metadata, "?" for a missing one: a folder may be left over without its files.

    The text is searched, because `Distribution.metadata` parses all of it, including the README.
    """
    text = _text(distribution, "METADATA") or _text(distribution, "PKG-INFO")
    header = text.replace("\r\n", "\n").partition("\n\n")[0]
    found = (re.search(rf"^{field}:\s*(\S+)", header, re.MULTILINE) for field in fields)
    return [match[1] if match else "?" for match in found]


def wanted(plugins: list[Plugin]) -> tuple[set[int], list[Plugin]]:
    """Return the indices of the plugins that ``TENSORLAB_PLUGINS`` selects, and a record of each unknown name in it.

    If it is not set, all are selected; otherwise those whose distribution or entry point it lists, separated by commas.
    The built-in plugin may be listed too.
    """
    value = os.environ.get(VARIABLE)
    if value is None:
        return set(range(len(plugins))), []
    indices: set[int] = set()
    unknown = []
    for name in filter(None, map(str.strip, value.split(","))):
        if normalized(name) == GROUP:  # the built-in plugin, which is always there
            continue
        matching = {
            index
            for index, plugin in enumerate(plugins)
            if plugin.name == name or normalized(plugin.distribution) == normalized(name)
        }
        indices |= matching
        if not matching:
            known = {name for plugin in plugins for name in (plugin.name, plugin.distribution)}
            why = f"{VARIABLE}: expected installed plugins or distributions, received {name!r}; {nearest(name, known)}"
            unknown.append(Plugin(name, VARIABLE, "", error=why))
    return indices, unknown
