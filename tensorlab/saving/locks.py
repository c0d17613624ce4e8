"""`FolderLock`: a folder that one run at a time may use, of all processes."""

from __future__ import annotations

import errno
import os
import weakref
from typing import Any

from tensorlab import forks

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_held: weakref.WeakSet[FolderLock] = weakref.WeakSet()


class FolderLock:
    """A lock of a folder, which the system releases when the process ends, however it ends.

    It is a lock of the folder itself, so it leaves no file behind. Where the system cannot lock folders (Windows, some
    network file systems), it is never in use by another.

    Args:
        path: the folder.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Acquire the lock without waiting. Return whether that was possible."""
        if fcntl is None:
            return True
        handle = os.open(self._path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
        self._handle = handle
        _held.add(self)
        return True

    def release(self) -> None:
        """Release the lock, if it is acquired."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
            _held.discard(self)

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.release()


def _release_in_child() -> None:
    """Close the copies of the handles that a forked process has, so that only its parent keeps the locks."""
    for each in list(_held):
        each.release()


forks.around(lambda: None, _release_in_child)
