"""Kernels that a package ships: compiled for some levels of processors, and linked to a shared library for each.

Loading one imports neither Numba nor LLVM. A folder of shipped kernels contains a folder for each level, with the
library and an index. `tensorlab.building` makes them. A library is used only if this processor has all instructions of
the level, the kernels were compiled from the same sources of tensorlab, Python's objects have the same header, and the
checksum is right. Otherwise kernels are compiled when they are needed.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tensorlab.kernels.runtime import cache, layout, native, processor
from tensorlab.limits import content_of

VARIABLE = "TENSORLAB_SHIPPED"
"""The environment variable that switches shipped kernels off if it is 0."""
FORMAT = 1
INDEX = "kernels.json"
LIBRARY = "kernels.so"
DAMAGES = (OSError, ValueError, KeyError, TypeError, RecursionError)
"""What the reading of a damaged index or library raises."""
_MAX_INDEX_BYTES = 16 << 20
_MAX_LIBRARY_BYTES = 1 << 30
_folders = [Path(__file__).parents[2] / "shipped"]
"""tensorlab's own folder, and those of plugins."""


class Library(NamedTuple):
    """The kernels of a level."""

    level: str
    kernels: frozenset[str]
    """The identifiers of the kernels."""
    functions: ctypes.CDLL


class Status(NamedTuple):
    """A folder of shipped kernels, and what is used of it."""

    folder: Path
    library: Library | None
    reason: str
    """Why no library of the folder is used, or an empty string."""


def identifier(key: str) -> str:
    """Return the start of the symbols of the kernel with this key."""
    return f"k{hashlib.sha256(key.encode()).hexdigest()[:24]}"


_OTHER = {
    "format": "another version of tensorlab",
    "system": "another operating system",
    "header": "a Python whose objects have another header",
    "sources": "other sources of tensorlab",
}
"""What kernels were built for if a condition does not hold."""


def conditions() -> dict[str, Any]:
    """Return what an index must contain for its kernels to work here, apart from the level."""
    return {"format": FORMAT, "system": sys.platform, "header": object.__basicsize__, "sources": cache.sources()}


def folder_of(module: str, folder: Path) -> Path:
    """Return the folder of the kernels of a plugin.

    Args:
        module: the dotted name of the plugin's module.
        folder: the folder that contains its outermost package.
    """
    return folder / f"{module.partition('.')[0]}_kernels"


def add_plugin(module: str) -> None:
    """Also look for kernels that come with a plugin, after those that are known already."""
    folder = _folder_of_plugin(module)
    if folder is not None and folder not in _folders:
        _folders.append(folder)


def status_of_plugin(module: str) -> Status | None:
    """Return the state of the kernels that come with a plugin; None if there are none."""
    folder = _folder_of_plugin(module)
    return None if folder is None else status(folder)


def _folder_of_plugin(module: str) -> Path | None:
    file = getattr(sys.modules.get(module.partition(".")[0]), "__file__", None)
    if file is None:
        return None
    path = Path(file)
    folder = folder_of(module, path.parent.parent if path.stem == "__init__" else path.parent)
    return folder if folder.is_dir() else None


def find(key: str) -> Callable[..., Any] | None:
    """Return the kernel with this key, or None if no package ships it for this processor."""
    library = _library_with(key)
    if library is None:
        return None
    layout.check_layout()
    symbols = native.symbols(identifier(key))
    try:
        addresses = native.Addresses(*(_address(library.functions, symbol) for symbol in symbols))
    except AttributeError:  # the library lacks a kernel that its index names
        return None
    return native.function(addresses)


def contains(key: str) -> bool:
    """Return whether a package ships the kernel with this key for this processor."""
    return _library_with(key) is not None


def _library_with(key: str) -> Library | None:
    if os.environ.get(VARIABLE) == "0":
        return None
    name = identifier(key)
    libraries = (status(folder).library for folder in _folders)
    return next((library for library in libraries if library is not None and name in library.kernels), None)


def statuses() -> list[Status]:
    """Return the state of each folder."""
    return [status(folder) for folder in _folders]


@functools.cache
def status(folder: Path) -> Status:
    """Open the library of the best level that this processor has. A damaged one is reported by a warning."""
    if not folder.is_dir():
        return Status(folder, None, "there are none; they are compiled at first use")
    reason = f"this processor has none of the levels {', '.join(sorted(path.name for path in folder.iterdir()))}"
    for level in processor.levels():
        if (folder / level.name).is_dir():
            try:
                return Status(folder, _opened(folder / level.name), "")
            except _UnfitError as error:
                reason = str(error)
            except DAMAGES as error:
                reason = f"the kernels in {folder / level.name} are damaged ({error})"
                warnings.warn(f"{reason}; reinstall the package. They are compiled instead", RuntimeWarning, 2)
    return Status(folder, None, reason)


class _UnfitError(Exception):
    """The kernels were built for other sources or another Python."""


def _opened(folder: Path) -> Library:
    index = json.loads(content_of(folder / INDEX, _MAX_INDEX_BYTES))
    names = index["kernels"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{INDEX} has no list of kernels")
    for name, expected in conditions().items():
        if index[name] != expected:
            raise _UnfitError(f"the kernels in {folder} were built for {_OTHER[name]}")
    path = folder / LIBRARY
    if hashlib.sha256(content_of(path, _MAX_LIBRARY_BYTES)).hexdigest() != index["sha256"]:
        raise ValueError(f"the checksum of {LIBRARY} is wrong")
    functions = ctypes.CDLL(str(path), mode=getattr(os, "RTLD_NOW", 0))
    return Library(folder.name, frozenset(names), functions)


def _address(library: ctypes.CDLL, symbol: str) -> int:
    return int(ctypes.cast(library[symbol], ctypes.c_void_p).value or 0)
