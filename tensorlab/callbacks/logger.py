"""`CSVLogger`: a file with the metrics of every epoch."""

from __future__ import annotations

import csv
import os
from typing import Any

import numpy as np

from tensorlab.callbacks.base import Callback, Logs
from tensorlab.errors import ArgumentTypeError, short_repr


class CSVLogger(Callback):
    """Write the metrics of each epoch as a line of a CSV file.

    The columns are "epoch" and the metrics of the first epoch, by name.

    Args:
        filename: the file.
        separator: between columns.
        append: whether lines are added to a file that exists, without a second header.

    Source: Keras, ``keras.callbacks.CSVLogger``.
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        if not isinstance(filename, (str, os.PathLike)):
            raise ArgumentTypeError("CSVLogger filename", "a path as a str or a Path", short_repr(filename))
        if not isinstance(separator, str) or len(separator) != 1:
            raise ArgumentTypeError("CSVLogger separator", "a single character", short_repr(separator))
        self.filename, self.separator, self.append = os.fspath(filename), separator, append
        self._columns: list[str] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Create or truncate the file, unless it is appended to."""
        self._columns = None
        self._header = not (self.append and os.path.exists(self.filename) and os.path.getsize(self.filename))
        if not self.append:
            with open(self.filename, "w", newline="", encoding="utf-8"):
                pass

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write a line. The file is closed after each line, so that a failed run does not leave it open."""
        first, logs = self._columns is None, logs or {}
        if self._columns is None:
            self._columns = sorted(logs)
            if not any(name.startswith("val_") for name in self._columns):
                self._columns += [f"val_{name}" for name in self._columns]  # validation may begin later
        with open(self.filename, "a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=self.separator)
            if first and self._header:
                writer.writerow(["epoch", *self._columns])
            writer.writerow([epoch, *(logs.get(name, "NA") for name in self._columns)])

    def get_state(self) -> dict[str, Any]:
        """Return the columns and the text of the file."""
        text = np.zeros(0, np.uint8)
        if os.path.exists(self.filename):
            text = np.fromfile(self.filename, np.uint8)
        return {**super().get_state(), "text": text}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the columns and the text of the file.

        Raises:
            ArgumentTypeError: for anything else.
        """
        rest = dict(state)
        text, columns = rest.pop("text", None), rest.get("_columns")
        named = columns is None or (isinstance(columns, list) and all(isinstance(name, str) for name in columns))
        if not isinstance(text, np.ndarray) or text.dtype != np.uint8 or not named:
            raise ArgumentTypeError("CSVLogger.set_state", "what get_state returned", short_repr(state))
        super().set_state(rest)
        text.tofile(self.filename)
