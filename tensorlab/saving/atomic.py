"""Write files so that a reader sees the old one or the new one, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable
from typing import Any

from tensorlab.errors import ArgumentTypeError, FileAccessError, short_repr

_HINTS = {
    errno.ENOSPC: "free some space, or choose another disk",
    errno.EACCES: "choose a folder in which you may write",
    errno.EPERM: "choose a folder in which you may write",
    errno.EROFS: "choose a folder in which you may write",
    errno.ENOENT: "create the folder first",
}


def as_path(who: str, path: Any) -> str:
    """Return a path as a string.

    Raises:
        ArgumentTypeError: for anything but a str or a path.
    """
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str) or not os.fspath(path):
        raise ArgumentTypeError(who, "a path as a str or a Path", short_repr(path))
    return os.fspath(path)


def write_atomically(who: str, path: str, write: Callable[[str], None]) -> None:
    """Write a file in one step: to a temporary file beside it, which then takes its name.

    The data is on the disk before the name is, and both when this returns. If it fails, the file is what it was.

    Args:
        who: the method that writes, in messages.
        path: the file.
        write: writes the contents to the path that it is given.

    Raises:
        FileAccessError: if the file cannot be written.
    """
    where = f"{who} {path!r}"
    if os.path.isdir(path):
        raise FileAccessError(where, "a file", "a folder", "give the name of a file in it")
    folder, name = os.path.split(os.path.abspath(path))
    temporary = ""
    try:
        temporary = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(4)}.tmp")
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        mode = os.stat(path if os.path.exists(path) else temporary).st_mode
        write(temporary)  # which may replace the temporary file
        os.chmod(temporary, stat.S_IMODE(mode))
        handle = os.open(temporary, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(temporary, path)
        temporary = ""
        _sync_folder(folder)
    except OSError as error:
        hint = _HINTS.get(error.errno or 0, "")
        raise FileAccessError(where, "a file that can be written", error.strerror or str(error), hint) from error
    finally:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)


def _sync_folder(folder: str) -> None:
    """Write the names in a folder to the disk, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    except OSError:  # some network file systems
        pass
    finally:
        os.close(handle)
