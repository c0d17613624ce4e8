"""`Resuming`: checkpoints during `fit`, and going on from the newest one."""

from __future__ import annotations

import hashlib
import math
import os
import warnings
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np

from tensorlab import random
from tensorlab.autodiff import flatten
from tensorlab.callbacks import BackupAndRestore, Callback, Logs
from tensorlab.errors import (
    ArgumentError,
    FileAccessError,
    SavedFileError,
    SavedFileWarning,
    StateError,
    TensorlabError,
    levels_to_the_user,
    short_repr,
)
from tensorlab.loading import Loading, loading
from tensorlab.models.data import Samples
from tensorlab.models.data_checks import check_count
from tensorlab.models.epochs import Epochs
from tensorlab.models.runs import Runs
from tensorlab.models.signals import Signals
from tensorlab.random import streams
from tensorlab.saving.container import SavedFile
from tensorlab.saving.folder import CheckpointFolder
from tensorlab.saving.paths import described, named_weights
from tensorlab.saving.plain import Packer, unpack
from tensorlab.saving.state import (
    build_layers,
    layers_to_data,
    optimizers_to_data,
    set_layers,
    set_optimizers,
    shapes_to_data,
)
from tensorlab.saving.weights import WEIGHTS, arrays_of, assign_all, mismatches

_HINT = "choose another folder for this run, or delete the checkpoints in it"
_FIELDS = ("described", "epoch", "step", "started", "data", "stopped", "logs", "metrics", "callbacks")
_KINDS = {"data": dict, "stopped": bool, "logs": dict, "metrics": list, "callbacks": dict}
_SAMPLED = 64
"""How many samples are compared with those of the interrupted run."""


class Resuming:
    """The checkpoints of one run of `fit`, which goes on from the newest one if there is one.

    A checkpoint has the weights, the state of the optimizers, the metrics and the callbacks, the position in the data,
    and the random streams. So an interrupted run that is started again by the same program takes the same steps, and
    ends with the same bits, as one that was not interrupted.

    It is the ``with`` block of the run. The folder belongs to the run until it ends. SIGINT and SIGTERM write a
    checkpoint after the current step, before they do what they always do; a second one does that at once.

    Args:
        who: the run, in messages.
        model: the model, which is built.
        checkpoint: the folder, or a `BackupAndRestore`.
        save_every: "epoch", or a number of steps.
        keep: how many checkpoints are kept.
        batches: the batches of the run, which begin where the checkpoint was saved.
        callbacks: the callbacks of the run.

    Raises:
        ArgumentError: for another ``save_every`` or ``keep``.
        FileAccessError: if the folder cannot be used.
        StateError: when the block is entered, if another run uses the folder, or has left its checkpoints there.
    """

    _found: dict[str, Any] | None = None

    def __init__(
        self, who: str, model: Runs, checkpoint: Any, save_every: Any, keep: Any, batches: Epochs, callbacks: Any
    ) -> None:
        self._backup = checkpoint if isinstance(checkpoint, BackupAndRestore) else None
        if self._backup is not None:
            checkpoint, save_every = self._backup.backup_dir, self._backup.save_freq
        if save_every != "epoch":
            try:
                save_every = check_count(f"{who} save_every", save_every)
            except ArgumentError:
                expected = "'epoch', or a number of steps"
                raise ArgumentError(f"{who} save_every", expected, short_repr(save_every)) from None
        self._every = math.inf if save_every == "epoch" else save_every
        self._folder = CheckpointFolder(who, checkpoint, check_count(f"{who} keep_checkpoints", keep))
        self._who, self._model, self._batches = who, model, batches
        self._callbacks: Sequence[Callback] = callbacks
        self._run = _described(model, batches)
        self._taken = 0  # steps since the last checkpoint
        self._signals = Signals()

    def __enter__(self) -> Self:
        """Read the newest checkpoint, and continue the random streams, before those of the run are made."""
        self._folder.acquire()
        try:
            self._found = self._folder.newest(self._read)
            if self._found is not None:
                random.set_state(self._found["random"])
            self._signals.__enter__()
        except BaseException:
            self._folder.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            self._folder.release()
            self._signals.__exit__(kind, error, traceback)

    # Reading

    def _read(self, file: SavedFile) -> dict[str, Any]:
        """Read a checkpoint, and check all of it."""
        run, arrays = file.section("run", dict), {name: file.array(name) for name in file.shapes}
        found = unpack(file.who, run, arrays)
        lacking = sorted({*_FIELDS} - {*found})
        numbers = [found.get(name) for name in ("epoch", "step", "started")]
        if lacking or not all(type(number) is int and 0 <= number < 1 << 62 for number in numbers):
            raise SavedFileError(file.who, "the state of a run", short_repr(lacking or numbers), "the file is damaged")
        for name, kind in _KINDS.items():
            if not isinstance(found[name], kind):
                raise SavedFileError(file.who, f"a {kind.__name__} as {name!r}", short_repr(found[name]))
        self._check_run(file, found["described"])
        return {
            **found,
            "arrays": arrays,
            "state": file.section("state", dict),
            "optimizers": file.section("optimizers", dict),
            "random": file.section("random", dict),
            "position": file.section("position", dict),
            "who": file.who,
        }

    def _check_run(self, file: SavedFile, before: Any) -> None:
        """Raise unless a checkpoint is of this run: of the same data, divided in the same way, and such weights."""
        present = {name.removeprefix(WEIGHTS): found for name, found in file.shapes.items() if name.startswith(WEIGHTS)}
        token = loading.set(Loading(file.who, shapes=Counter(present.values())))
        try:  # a model with its own train_step is not built before the first step
            build_layers(file.who, self._model, file.section("shapes", dict))
        except TensorlabError as error:
            raise StateError(
                self._who, f"{self._folder.path!r} has checkpoints of another run: {error}", _HINT
            ) from error
        finally:
            loading.reset(token)
        wrong = [*mismatches(described(named_weights(self._model)), present).values()]
        old = before if isinstance(before, dict) else {}
        # As text, because a damaged file may have arrays, which have no truth value when they are compared.
        names = [name for name in {**self._run, **old} if repr(old.get(name)) != repr(self._run.get(name))]
        wrong += [f"{name} was {short_repr(old.get(name))}, and is {short_repr(self._run.get(name))}" for name in names]
        if wrong:
            problem = f"{self._folder.path!r} has checkpoints of another run: {'; '.join(wrong)}"
            raise StateError(self._who, problem, _HINT)

    # Going on

    def begin(self, initial_epoch: int, epochs: int) -> tuple[int, Logs]:
        """Return the first epoch, and the logs of the last one. It is called after ``on_train_begin``."""
        found = self._found
        if found is None or found["epoch"] < initial_epoch:
            self._found = None
            return initial_epoch, {}
        if not found["step"]:
            self._restore(found)
            self._batches.go_on(found["data"], 0)
            self._found = None
            self._model.stop_training = found["stopped"]
        return (epochs if found["stopped"] else found["epoch"]), dict(found["logs"])

    def go_on(self) -> tuple[int, int, Logs | None] | None:
        """Restore the state inside of an epoch, after ``on_epoch_begin``, or return None if there is none.

        Returns:
            the number with which the random streams of the epoch began, the number of steps taken, and the last logs of
            a step that the model replaces.
        """
        found = self._found
        if found is None:
            return None
        self._restore(found)
        self._found = None
        self._batches.go_on(found["data"], found["step"])
        streams.set_position(found["position"])
        return found["started"], found["step"], found["logs"] or None

    def _restore(self, found: dict[str, Any]) -> None:
        who, model = found["who"], self._model
        set_layers(who, model, found["state"])
        set_optimizers(who, model, found["optimizers"], found["arrays"])
        values = [(weight, found["arrays"][f"{WEIGHTS}{name}"]) for name, weight in named_weights(model).items()]
        assign_all(values)
        try:
            for metric, state in zip(model.metrics, found["metrics"], strict=True):
                metric.set_state(state)
            for callback, name in zip(self._callbacks, _names(self._callbacks), strict=True):
                if name in found["callbacks"]:
                    callback.set_state(found["callbacks"][name])
        except Exception as error:  # set_state of a metric or a callback may raise anything for a damaged file
            raise SavedFileError(who, "the state of metrics and callbacks of this run", str(error)) from error

    # Saving

    def after_step(self) -> bool:
        """Count a step, and return whether a checkpoint is due."""
        self._taken += 1
        return self._taken >= self._every or self._signals.waiting is not None

    def save(self, epoch: int, step: int, started: int, stopped: bool = False, logs: Logs | None = None) -> None:
        """Write a checkpoint, and then let a signal that waits for it interrupt the run.

        If it cannot be written, the run goes on. What it has computed would be lost otherwise.

        Args:
            epoch: how many epochs have ended.
            step: how many steps of the next epoch have been taken.
            started: the number with which the random streams of the epoch began.
            stopped: whether training is to stop.
            logs: the logs of the last epoch, or of the last step if the model replaces that.

        Warns:
            SavedFileWarning: if the checkpoint cannot be written.

        Raises:
            KeyboardInterrupt: if SIGINT has waited.
        """
        self._taken = 0
        model, arrays = self._model, arrays_of(self._model)
        packer = Packer(f"{self._who} checkpoint", "run", arrays)
        pairs = zip(_names(self._callbacks), self._callbacks, strict=True)
        run = {
            "described": self._run,
            "epoch": epoch,
            "step": step,
            "started": started,
            "data": self._batches.get_state(),
            "stopped": stopped,
            "logs": logs or {},
            "metrics": [metric.get_state() for metric in model.metrics],
            "callbacks": {name: callback.get_state() for name, callback in pairs},
        }
        header = {
            "run": packer.pack(run),
            "state": layers_to_data(model),
            "shapes": shapes_to_data(model),
            "optimizers": optimizers_to_data(model, arrays),
            "random": random.get_state(),
            "position": streams.get_position(),
        }
        try:
            self._folder.write(epoch, step, header, arrays)
        except FileAccessError as problem:
            text = f"a checkpoint could not be saved, and training goes on: {problem}"
            warnings.warn(text, SavedFileWarning, stacklevel=levels_to_the_user())
        self._signals.deliver()

    def _finish(self) -> None:
        """Remove the checkpoints of a `BackupAndRestore`, which are for interrupted runs only."""
        if self._backup is not None and self._backup.delete_checkpoint:
            self._folder.remove()
            if not os.listdir(self._folder.path):
                os.rmdir(self._folder.path)


def _names(callbacks: Sequence[Callback]) -> list[str]:
    """Return a name for each callback: its class, numbered."""
    kinds = [type(callback).__name__ for callback in callbacks]
    return [f"{kind}/{kinds[:index].count(kind)}" for index, kind in enumerate(kinds)]


def _described(model: Runs, batches: Epochs) -> dict[str, Any]:
    """Return what has to be the same in an interrupted run and in the one that goes on."""
    described: dict[str, Any] = {
        "optimizer": type(model.optimizer).__name__,
        "metrics": [name for name, _ in model.reported_metrics()],
        **batches.described(),
    }
    if isinstance(batches.data, Samples):
        samples = batches.data
        described["samples"] = samples.count
        described["data"] = _digest(samples)
    return described


def _digest(samples: Samples) -> str:
    """Return a hash of some samples and targets, spread over the data."""
    digest = hashlib.sha256()
    rows = np.unique(np.linspace(0, samples.count - 1, _SAMPLED).astype(np.int64))
    for tensor in flatten([samples.x, samples.y, samples.weights]):
        if tensor is not None:
            digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
            for row in rows.tolist():
                digest.update(np.ascontiguousarray(tensor[row].numpy()).tobytes())
    return digest.hexdigest()[:16]
