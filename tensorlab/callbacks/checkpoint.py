"""Callbacks that save the model during training."""

from __future__ import annotations

import os
import re
from typing import Any

from tensorlab.callbacks.base import Callback, Logs
from tensorlab.callbacks.monitor import _Monitor
from tensorlab.errors import ArgumentError, ArgumentTypeError, FileAccessError, short_repr
from tensorlab.rules import finite


def _checked_frequency(who: str, value: Any) -> Any:
    if value == "epoch" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ArgumentError(who, "'epoch', or a number of batches", short_repr(value))


def _checked_path(who: str, value: Any) -> str:
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise ArgumentTypeError(who, "a path as a str or a Path", short_repr(value))
    return str(os.fspath(value))


class ModelCheckpoint(_Monitor):
    """Save the model or its weights after every epoch, or after a number of batches.

    Args:
        filepath: the file. It may have fields for the number of the epoch, counted from 1, that of the batch, and the
            metrics: ``"{epoch:02d}-{val_loss:.2f}.tensorlab"``.
        monitor: the metric that decides what is best.
        verbose: 1 to print when a file is saved.
        save_best_only: whether to save only if the metric is better than ever before. If it is not reported, the model
            is saved, with a warning.
        save_weights_only: whether to save the weights only, with `Model.save_weights`.
        mode: "min", "max", or "auto" for what the metric's name or class says.
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: what the metric has to be better than to be the best.

    Raises:
        ArgumentError: for another mode or frequency, or a field that is not known, when the file is saved.

    Source: Keras, ``keras.callbacks.ModelCheckpoint``.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/{epoch:02d}.tensorlab"
        >>> model = tl.Sequential([tl.layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse")
        >>> save = tl.callbacks.ModelCheckpoint(path)
        >>> history = model.fit(np.ones((10, 2)), np.ones((10, 1)), epochs=2, callbacks=[save], verbose=0)
        >>> again = tl.load_model(path.format(epoch=2))
    """

    best: float | None
    _batches: int
    _epoch: int

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: int | str = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, 0.0)
        self.filepath = _checked_path("ModelCheckpoint filepath", filepath)
        self.verbose, self.save_best_only, self.save_weights_only = verbose, save_best_only, save_weights_only
        self.save_freq = _checked_frequency("ModelCheckpoint save_freq", save_freq)
        threshold = initial_value_threshold
        self.best = None if threshold is None else finite("initial_value_threshold", threshold)
        self._batches, self._epoch = 0, 0

    @property
    def watches_steps(self) -> bool:
        """Whether it saves after batches."""
        return bool(self.save_freq != "epoch")

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save after a number of batches, counted over all epochs."""
        if self.save_freq == "epoch":
            return
        self._batches += 1
        if self._batches >= self.save_freq:
            self._batches = 0
            self._save(batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save after an epoch."""
        if self.save_freq == "epoch":
            self._save(None, logs or {})

    def _save(self, batch: int | None, logs: Logs) -> None:
        path, who = self._path(batch, logs), f"Epoch {self._epoch + 1}:"
        report = f"{who} saving model to {path}"
        if self.save_best_only and (current := self._current(logs)) is not None:
            before = "None" if self.best is None else f"{self.best:.5f}"
            if not self._improves(current, self.best):
                if self.verbose:
                    print(f"\n{who} {self.monitor} did not improve from {before}")
                return
            report = f"{who} {self.monitor} improved from {before} to {current:.5f}, saving model to {path}"
            self.best = current
        if self.verbose:
            print(f"\n{report}")
        try:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        except OSError as error:
            where = f"ModelCheckpoint filepath {path!r}"
            raise FileAccessError(where, "a path in a folder", error.strerror or str(error)) from None
        self.model.save_weights(path) if self.save_weights_only else self.model.save(path)

    def _path(self, batch: int | None, logs: Logs) -> str:
        """Return the path with its fields filled in."""
        values = {**logs, "epoch": self._epoch + 1} | ({} if batch is None else {"batch": batch + 1})
        try:
            return self.filepath.format(**values)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            fields = ", ".join(re.findall(r"{([^}:!]*)", self.filepath))
            hint = f"known fields: {', '.join(values)}"
            who, received = f"ModelCheckpoint filepath {self.filepath!r}", f"{fields} ({type(error).__name__}: {error})"
            raise ArgumentError(who, "fields of the logs", received, hint) from None


class BackupAndRestore(Callback):
    """Let `fit` go on where an interrupted run of the same program stopped.

    It is the same as ``fit(..., checkpoint=backup_dir, save_every=save_freq)``, which keeps the last checkpoints; this
    callback removes them when the run has ended.

    Args:
        backup_dir: the folder of the checkpoints, for this run only.
        save_freq: "epoch", or a number of batches, after which a checkpoint is saved.
        double_checkpoint: accepted as in Keras, and ignored: the last three checkpoints are kept in any case.
        delete_checkpoint: whether the checkpoints are removed when the run has ended.

    Source: Keras, ``keras.callbacks.BackupAndRestore``.

    Example:
        >>> import tempfile
        >>> model = tl.Sequential([tl.layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse")
        >>> backup = tl.callbacks.BackupAndRestore(tempfile.mkdtemp())
        >>> history = model.fit(np.ones((10, 2)), np.ones((10, 1)), epochs=2, callbacks=[backup], verbose=0)
    """

    def __init__(
        self,
        backup_dir: Any,
        save_freq: int | str = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        self.backup_dir = _checked_path("BackupAndRestore backup_dir", backup_dir)
        self.save_freq = _checked_frequency("BackupAndRestore save_freq", save_freq)
        self.delete_checkpoint = bool(delete_checkpoint)
