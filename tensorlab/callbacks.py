"""Callbacks: what watches a training run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from tensorlab import serialization, terminal

Logs = dict[str, float]


class Callback(serialization.Configured):
    """The base of every callback: each method is called at its moment, with the metrics of that moment.

    Attributes:
        model: the model that is trained.
        params: ``epochs``, ``steps`` (an epoch) and ``verbose``.

    Source: Keras, ``keras.callbacks.Callback``.
    """

    _kind = "callback"
    model: Any = None
    params: dict[str, Any]

    @property
    def watches_steps(self) -> bool:
        """Whether `on_train_batch_end` does anything. If nobody's does, steps are not waited for one by one."""
        return getattr(self.on_train_batch_end, "__func__", None) is not Callback.on_train_batch_end

    def on_train_begin(self, logs: Logs) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs) -> None:
        """After the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After an epoch, counted from 0, and its validation."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """After a step, counted from 0."""


class History(Callback):
    """What `fit` returns: the metrics of every epoch.

    Attributes:
        epoch: the numbers of the epochs, from 0.
        history: for each metric, such as "loss" or "val_accuracy", a list with one number an epoch.

    Source: Keras, ``keras.callbacks.History``.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Keep the metrics."""
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


find_observers: Callable[[], list[Callback]] = list
"""Gives the callbacks of whoever watches every run; put in place by whoever manages plugins."""


def get(identifier: Any) -> Callback:
    """A callback from its name, its class, its config, or itself.

    Raises:
        UnknownNameError: for an unknown name, with the nearest known ones.
        ArgumentTypeError: for anything else.
    """
    found: Callback = serialization.get("callback", identifier, Callback)
    return found


class CallbackList:
    """Several callbacks as one."""

    def __init__(self, callbacks: Iterable[Callback], model: Any, **params: Any) -> None:
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            callback.model, callback.params = model, params

    @property
    def watches_steps(self) -> bool:
        """Whether anyone watches every step."""
        return any([callback.watches_steps for callback in self.callbacks])

    def call(self, moment: str, *arguments: Any) -> None:
        """Call one method of each."""
        for callback in self.callbacks:
            getattr(callback, moment)(*arguments)


def show(logs: Logs) -> str:
    """``loss: 0.2577 - accuracy: 0.9245``."""
    return " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())


class ProgressBar(Callback):
    """What `fit` shows: a line an epoch; on a terminal, until then, a bar with steps, time left and metrics.

    Args:
        verbose: "auto" for that, 1 for the bar wherever it goes, 2 for the lines.
    """

    def __init__(self, verbose: int | str = "auto") -> None:
        self.console = terminal.console(soft_wrap=True)
        self.live = verbose == 1 or (verbose == "auto" and self.console.is_terminal)
        self.progress: Progress | None = None

    @property
    def watches_steps(self) -> bool:
        """Whether there is a bar."""
        return self.live

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Begin a bar."""
        self.started = time.perf_counter()
        if self.live:
            # It fits into 80 columns. On fewer the metrics wrap, and nothing is cut off.
            whole = Column(no_wrap=True)
            self.progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=12),
                MofNCompleteColumn(table_column=whole),
                TextColumn("ETA"),
                TimeRemainingColumn(compact=True, table_column=whole),
                TextColumn("{task.fields[metrics]}", table_column=Column(no_wrap=False)),
                console=self.console,
                transient=True,
            )
            name = f"Epoch {epoch + 1}/{self.params['epochs']}"
            # A first run stands here for some seconds, and whoever watches should know why.
            preparing = "" if epoch else "preparing kernels"
            self.task = self.progress.add_task(name, total=self.params["steps"], metrics=preparing)
            self.progress.start()

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """Move it on."""
        if self.progress is not None:
            self.progress.update(self.task, completed=batch + 1, metrics=show(logs))

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Write the line, in place of the bar."""
        self.close()
        seconds = time.perf_counter() - self.started
        steps = self.params["steps"]
        self.console.print(
            f"Epoch {epoch + 1}/{self.params['epochs']} - {steps}/{steps} - {seconds:.1f}s - {show(logs)}",
            markup=False,
        )

    def close(self) -> None:
        """Leave the terminal as it was, also after an error."""
        if self.progress is not None:
            self.progress.stop()
            self.progress = None
