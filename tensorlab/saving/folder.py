"""A folder of checkpoints of one run: the newest that can be read, and the removal of old ones."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from tensorlab.errors import (
    FileAccessError,
    NewerFileError,
    SavedFileError,
    SavedFileWarning,
    StateError,
    levels_to_the_user,
)
from tensorlab.saving.atomic import as_path
from tensorlab.saving.container import SavedFile, write
from tensorlab.saving.locks import FolderLock

R = TypeVar("R")
_NAME = re.compile(r"epoch-(\d{5,15})-step-(\d{8,15})\.tensorlab")
_TEMPORARY = re.compile(r"\.epoch-\d+-step-\d+\.tensorlab\.[0-9a-f]+\.tmp")


class CheckpointFolder:
    """A folder of checkpoints, each named after the epochs and the steps of the next one that it has taken.

    Args:
        who: what reads and writes them, in messages.
        path: the folder, which is made if there is none.
        keep: how many checkpoints are kept.

    Raises:
        FileAccessError: if it is no folder, cannot be made, or is read-only.
    """

    def __init__(self, who: str, path: Any, keep: int) -> None:
        self.who, self.path, self.keep = who, as_path(f"{who} checkpoint", path), keep
        try:
            os.makedirs(self.path, exist_ok=True)
        except OSError as error:
            reason = "that of a file" if isinstance(error, FileExistsError) else error.strerror or str(error)
            raise FileAccessError(f"{who} checkpoint {self.path!r}", "the path of a folder", reason) from None
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            hint = "choose a folder in which you may write"
            raise FileAccessError(f"{who} checkpoint {self.path!r}", "a folder that can be written", "another", hint)
        self._lock = FolderLock(self.path)

    def acquire(self) -> None:
        """Reserve the folder for one run, until `release`.

        Raises:
            StateError: if another run uses it, in this process or another.
        """
        if not self._lock.acquire():
            hint = "wait until it has ended, or choose another folder"
            raise StateError(f"{self.who} checkpoint {self.path!r}", "another run uses the folder", hint)

    def release(self) -> None:
        """Let other runs use the folder."""
        self._lock.release()

    def names(self) -> list[str]:
        """Return the names of all checkpoints, the oldest first."""
        found = [(match, name) for name in os.listdir(self.path) if (match := _NAME.fullmatch(name))]
        return [name for match, name in sorted(found, key=lambda pair: (int(pair[0][1]), int(pair[0][2])))]

    def newest(self, read: Callable[[SavedFile], R]) -> R | None:
        """Return what ``read`` returns for the newest checkpoint that is not damaged, or None if there is none.

        Warns:
            SavedFileWarning: for each one that is skipped.

        Raises:
            NewerFileError: for one that a newer tensorlab has written.
        """
        for name in reversed(self.names()):
            try:
                with SavedFile(self.who, os.path.join(self.path, name), "checkpoint") as file:
                    return read(file)
            except NewerFileError:
                raise
            except (SavedFileError, FileAccessError) as error:
                warnings.warn(f"skipped a checkpoint: {error}", SavedFileWarning, stacklevel=levels_to_the_user())
        return None

    def write(
        self, epoch: int, step: int, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray[Any, Any]]
    ) -> None:
        """Write a checkpoint, and then remove all but the newest."""
        name = f"epoch-{epoch:05d}-step-{step:08d}.tensorlab"
        write(self.who, os.path.join(self.path, name), "checkpoint", header, arrays)
        self.remove(self.names()[: -self.keep])

    def remove(self, names: list[str] | None = None) -> None:
        """Remove checkpoints, all if None, and what a process that was killed left behind."""
        left = [name for name in os.listdir(self.path) if _TEMPORARY.fullmatch(name)]
        for name in (*(self.names() if names is None else names), *left):
            try:
                os.unlink(os.path.join(self.path, name))
            except OSError as error:
                raise FileAccessError(
                    f"{self.who} {os.path.join(self.path, name)!r}", "a file that can be removed", str(error.strerror)
                ) from None
