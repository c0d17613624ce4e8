"""Which plugins are installed, and which of them ``TENSORLAB_PLUGINS`` asks for.

The entry points are walked here and not by pluggy, whose own walk stops at the first plugin that fails.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
from importlib.metadata import Distribution, EntryPoint

from tensorlab.errors import nearest
from tensorlab.plugins.record import Plugin
from tensorlab.registry import normalized

GROUP = "tensorlab"
VARIABLE = "TENSORLAB_PLUGINS"


def entry_points() -> list[tuple[EntryPoint, Plugin]]:
    """Every entry point of the group, with a fresh record, by distribution and name.

    Of two distributions of one name, the first on ``sys.path`` counts, as it does for an import. One whose entry points
    cannot be read has a record that says so.
    """
    found: dict[str, list[tuple[EntryPoint, Plugin]]] = {}
    for distribution in importlib.metadata.distributions():
        if f"[{GROUP}]" not in _text(distribution, "entry_points.txt").replace(" ", ""):
            continue  # most have nothing to do with us, and reading their metadata takes long
        name, version = _fields(distribution, "Name", "Version")
        if name == "?" or normalized(name) not in found:
            found.setdefault(normalized(name), []).extend(_points(distribution, name, version))
    return sorted((pair for pairs in found.values() for pair in pairs), key=lambda pair: pair[1].sorting_key)


def _text(distribution: Distribution, file: str) -> str:
    try:
        return distribution.read_text(file) or ""
    except (OSError, ValueError):  # it cannot be read, and whether it was meant for us cannot be known
        return ""


def _points(distribution: Distribution, name: str, version: str) -> list[tuple[EntryPoint, Plugin]]:
    try:
        points = [point for point in distribution.entry_points if point.group == GROUP]
    except Exception as error:  # of a file that is not what it should be
        why = f"entry_points.txt: expected lines 'name = module', received what raises {type(error).__name__}: {error}"
        return [(EntryPoint("?", "", GROUP), Plugin("?", name, version, error=f"{why}; install {name} again"))]
    return [(point, Plugin(point.name, name, version, module=point.value)) for point in points]


def _fields(distribution: Distribution, *fields: str) -> list[str]:
    """Fields of the metadata, each "?" if there is none: a folder may be left over without its files.

    They are looked for in the text: `Distribution.metadata` parses all of it, the README inside too.
    """
    text = _text(distribution, "METADATA") or _text(distribution, "PKG-INFO")
    header = text.replace("\r\n", "\n").partition("\n\n")[0]
    found = (re.search(rf"^{field}:\s*(\S+)", header, re.MULTILINE) for field in fields)
    return [match[1] if match else "?" for match in found]


def wanted(plugins: list[Plugin]) -> tuple[set[int], list[Plugin]]:
    """The places of the plugins that ``TENSORLAB_PLUGINS`` asks for, and a record of each name in it that is none's.

    Not set, it asks for all; otherwise for those whose distribution or entry point it lists, separated by commas; the
    built-in one may be among them.
    """
    value = os.environ.get(VARIABLE)
    if value is None:
        return set(range(len(plugins))), []
    places: set[int] = set()
    unknown = []
    for name in filter(None, map(str.strip, value.split(","))):
        if normalized(name) == GROUP:  # the built-in plugin, which is always there
            continue
        matching = {
            place
            for place, plugin in enumerate(plugins)
            if plugin.name == name or normalized(plugin.distribution) == normalized(name)
        }
        places |= matching
        if not matching:
            known = {name for plugin in plugins for name in (plugin.name, plugin.distribution)}
            why = f"{VARIABLE}: expected installed plugins or distributions, received {name!r}; {nearest(name, known)}"
            unknown.append(Plugin(name, VARIABLE, "", error=why))
    return places, unknown
