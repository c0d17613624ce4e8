"""The kernel cache: compiled kernels on disk, named by a hash of everything that they depend on.

A file starts with the SHA-256 of its name and payload, which detects truncated, altered and renamed files. It is
written to a temporary file and renamed, so readers never see a partial file. A failure of the file system or a bad file
never raises; the kernel is compiled instead.

The files contain machine code. The folder is therefore created with mode 0700, and a folder that another user owns or
may write to is not used.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import platformdirs

from tensorlab.kernels.runtime import processor
from tensorlab.kernels.runtime.native import Native
from tensorlab.limits import content_of

LIMIT = 256 << 20
"""The maximum total size in bytes, enough for about 10,000 kernels. Above it, the least recently used are deleted."""

_SUFFIX = ".kernel"
_PART = ".part"
_SOURCES = ("kernels", "scalars", "rules.py", "dtypes.py")
_HARMLESS = (
    "NUMBA_NUM_THREADS",
    "NUMBA_THREADING_LAYER",
    "NUMBA_THREADING_LAYER_PRIORITY",
    "NUMBA_CACHE_DIR",
    "NUMBA_ENABLE_CUDASIM",
)
"""Numba settings that do not affect the code of CPU kernels."""


def folder() -> Path:
    """Return the folder of compiled kernels, in ``$TENSORLAB_CACHE_DIR`` or the user's cache folder."""
    return Path(os.environ.get("TENSORLAB_CACHE_DIR") or platformdirs.user_cache_dir("tensorlab")) / "kernels"


def unusable() -> str:
    """Return why the folder cannot be used, or an empty string."""
    path = folder()
    if not path.is_absolute() and "~" in path.parts:
        return "this user has no home folder; set TENSORLAB_CACHE_DIR"
    try:
        found = path.stat()
    except FileNotFoundError:
        return ""  # created by the first write
    except OSError as error:
        return error.strerror or str(error)
    if not path.is_dir():
        return "it is no folder"
    if hasattr(os, "geteuid"):
        if found.st_uid != os.geteuid():
            return "another user owns it; set TENSORLAB_CACHE_DIR"
        if found.st_mode & 0o022:
            return f"other users may write into it; chmod go-w {path}"
    return ""


def unwritable() -> str:
    """Return why kernels cannot be written to the folder, or an empty string; reading may still work."""
    path = folder()
    existing = next((parent for parent in (path, *path.parents) if os.path.lexists(parent)), Path())
    if not existing.is_dir():
        return f"{existing} is no folder"
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"{existing} cannot be written; set TENSORLAB_CACHE_DIR to a folder that can"
    return ""


def _prepared() -> bool:
    """Create the folder if it is missing, and return whether it can be used."""
    path = folder()
    if not unusable() and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    return not unusable()


@functools.cache
def _environment() -> str:
    """Describe what every kernel depends on beside its own key: sources, versions, processor and options."""
    options = sorted(item for item in os.environ.items() if item[0].startswith("NUMBA_") and item[0] not in _HARMLESS)
    versions = [version(name) for name in ("numba", "llvmlite")]
    return repr((sources(), versions, np.__version__, sys.version, processor.identity(), options))


def version(name: str) -> str:
    """Return the version of a distribution, or an empty string if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


@functools.cache
def sources() -> str:
    """Return the SHA-256 of tensorlab's sources that kernels depend on."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[2]
    for name in _SOURCES:
        for path in sorted((package / name).rglob("*.py")) if name[-3:] != ".py" else [package / name]:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _path(key: str) -> Path:
    return folder() / f"{hashlib.sha256(f'{key} {_environment()}'.encode()).hexdigest()}{_SUFFIX}"


def _digest(path: Path, payload: bytes) -> bytes:
    return hashlib.sha256(path.name.encode() + payload).digest()


def _content(path: Path) -> bytes:
    """Return the payload of a cache file, and mark the file as used.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if its digest does not match.
    """
    content = content_of(path, LIMIT)
    digest, payload = content[:32], content[32:]
    if _digest(path, payload) != digest:
        raise ValueError(path)
    with contextlib.suppress(OSError):
        os.utime(path)  # `_trim` deletes the oldest files first
    return payload


def read(key: str) -> Native | None:
    """Return the kernel stored under this key, or None."""
    try:
        if unusable() or not folder().is_dir():  # without a folder there is no reason to compute the name of a file
            return None
        return Native.from_bytes(_content(_path(key)))
    except Exception:  # a bad cache file is never an error: the kernel is compiled again
        return None


def contains(key: str) -> bool:
    """Return whether a file is stored under this key. It is not read, so it may be a bad one."""
    return not unusable() and _path(key).is_file()


def write(key: str, kernel: Native) -> None:
    """Store a kernel under a key if the folder can be written; otherwise do nothing."""
    payload = kernel.to_bytes()
    with contextlib.suppress(OSError):
        if not _prepared():
            return
        path = _path(key)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=_PART)
        try:
            with open(handle, "wb") as file:
                file.write(_digest(path, payload) + payload)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _trim()


class Usage(NamedTuple):
    """The number of kernels in the folder, and their total size in bytes."""

    kernels: int
    size: int


def _files(suffix: str) -> list[tuple[Path, os.stat_result]]:
    found = []
    with contextlib.suppress(OSError), os.scandir(folder()) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # another process may delete it meanwhile
                if entry.name.endswith(suffix) and entry.is_file(follow_symlinks=False):
                    found.append((Path(entry.path), entry.stat(follow_symlinks=False)))
    return found


def usage() -> Usage:
    """Return the number and size of all stored kernels, including those of other versions."""
    files = _files(_SUFFIX)
    return Usage(len(files), sum(status.st_size for _, status in files))


def clear() -> Usage:
    """Delete every stored kernel, and return the number and size of those deleted."""
    gone = Usage(0, 0)
    for path, status in _files(_SUFFIX) + _files(_PART):
        with contextlib.suppress(OSError):
            path.unlink()
            gone = Usage(gone.kernels + (path.suffix == _SUFFIX), gone.size + status.st_size)
    return gone


def _trim() -> None:
    """Delete the least recently used kernels above `LIMIT`, and temporary files that a killed process left behind."""
    files = sorted(_files(_SUFFIX), key=lambda item: item[1].st_mtime, reverse=True)
    size = 0
    for path, status in files:
        size += status.st_size
        if size > LIMIT:
            with contextlib.suppress(OSError):
                path.unlink()
    for path, status in _files(_PART):
        if time.time() - status.st_mtime > 3600:
            with contextlib.suppress(OSError):
                path.unlink()
