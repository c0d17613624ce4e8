"""The plugins that a saved model needs: which they are, and whether they are here and the same."""

from __future__ import annotations

import hashlib
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from tensorlab.errors import SavedFileError, SavedFileWarning, levels_to_the_user, short_repr
from tensorlab.registry import Entry, normalized, registries

_BUILT_IN = "tensorlab"
_FIELDS = ("kind", "name", "distribution", "version", "source", "installed")
_KINDS = ("layer", "activation", "loss", "optimizer", "metric", "initializer", "regularizer")


def origins_in(config: Any) -> list[dict[str, Any]]:
    """Return what plugins register of all that a config may name."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for kind, name in _named(config):
        if kind in registries and name in registries[kind]:
            entry = registries[kind].entry(name)
            if entry.distribution != _BUILT_IN:
                found[kind, entry.name] = {
                    "kind": kind,
                    "name": entry.name,
                    "distribution": entry.distribution,
                    "version": entry.version,
                    "source": _source(entry),
                    "installed": _is_installed(entry.distribution),
                }
    return list(found.values())


def _named(config: Any) -> Iterator[tuple[str, str]]:
    """Yield each kind and name in a config. A string alone may be a name of any kind, or something else."""
    if isinstance(config, str):
        yield from ((kind, config) for kind in _KINDS)
    elif isinstance(config, list):
        for item in config:
            yield from _named(item)
    elif isinstance(config, dict):
        if isinstance(config.get("class_name"), str) and isinstance(config.get("kind"), str):
            yield config["kind"], config["class_name"]
        for key, item in config.items():
            if key not in ("class_name", "kind", "functions"):
                yield from _named(item)


def _source(entry: Entry) -> str | None:
    """Return a hash of what an object computes, or of the file that defines it; None if there is no file."""
    scalar = getattr(entry.thing, "scalar", None)
    key = getattr(scalar, "key", None)
    if isinstance(key, str):
        return key
    module = sys.modules.get(getattr(entry.thing, "__module__", None) or "")
    try:
        with open(getattr(module, "__file__", None) or "", "rb") as file:
            return hashlib.sha256(file.read().replace(b"\r\n", b"\n")).hexdigest()
    except OSError:
        return None


def _is_installed(distribution: str) -> bool:
    import importlib.metadata  # a local import, because it also imports email and socket

    try:
        importlib.metadata.version(distribution)
    except Exception:  # not found, a name that is none, or metadata that cannot be read
        return False
    return True


def checked_origins(who: str, origins: Any) -> list[dict[str, Any]]:
    """Return the list of a file after checking its form.

    Raises:
        SavedFileError: for another form.
    """
    for origin in origins:
        if not isinstance(origin, dict) or set(origin) != set(_FIELDS) or origin["kind"] not in _KINDS:
            raise SavedFileError(who, "a list of plugins", short_repr(origin, 80), "the file is damaged")
        texts = [origin["name"], origin["distribution"], origin["version"]]
        if not all(isinstance(text, str) and text.isprintable() and len(text) < 200 for text in texts):
            raise SavedFileError(who, "a list of plugins", short_repr(origin, 80), "the file is damaged")
    return list(origins)


def missing_plugin(who: str, origins: list[dict[str, Any]]) -> SavedFileError | None:
    """Return the error that names the plugins that are missing, and how to get them; None if none is."""
    missing = [origin for origin in origins if origin["name"] not in registries[origin["kind"]]]
    if not missing:
        return None
    first = missing[0]
    distribution = first["distribution"]
    if not first["installed"]:
        advice = f"register it first, with tl.plugins.register (it was registered as {distribution!r})"
    elif re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", distribution):
        others = sorted({normalized(each["distribution"]) for each in missing if each["installed"]})
        advice = f"pip install {' '.join(others)}"
    else:
        advice = "install the plugin"
    names = ", ".join(sorted({f"the {each['kind']} {each['name']!r} of {_owner(each)}" for each in missing}))
    hint = f"{advice}; or read the arrays alone with tl.saving.read_weights(path)"
    return SavedFileError(who, "the plugins of the model", f"none that registers {names}", hint)


def warn_of_changes(who: str, origins: list[dict[str, Any]]) -> None:
    """Warn of plugins whose objects are made otherwise than when the file was saved."""
    for origin in origins:
        kind, name = origin["kind"], origin["name"]
        if name not in registries[kind]:
            continue
        entry = registries[kind].entry(name)
        source = _source(entry)
        if source is None or origin["source"] is None or source == origin["source"]:
            continue
        warnings.warn(
            f"{who}: the {kind} {name!r} of {_owner(origin)} has changed since the file was saved, and is now that of "
            f"{entry.owner}; compare the results, and save the model again",
            SavedFileWarning,
            stacklevel=levels_to_the_user(),
        )


def _owner(origin: dict[str, Any]) -> str:
    return f"{origin['distribution']} {origin['version']}".rstrip()
