"""Callbacks that act when a metric stops improving."""

from __future__ import annotations

import warnings
from typing import Any

from tensorlab.callbacks.base import Callback, Logs
from tensorlab.errors import ArgumentError, ArgumentTypeError, levels_to_the_user, short_repr
from tensorlab.rules import finite, integer


class _Monitor(Callback):
    """The base of callbacks that monitor one metric.

    Args:
        monitor: the name of the metric in the logs.
        mode: "min", "max", or "auto" for what the metric's name or class says.
        min_delta: a change of at most this much is no improvement.

    Raises:
        ArgumentError: for another mode; when training begins, for "auto" and a metric of unknown direction.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f"{type(self).__name__} mode", "'auto', 'min' or 'max'", short_repr(mode))
        if not isinstance(monitor, str):
            raise ArgumentTypeError(f"{type(self).__name__} monitor", "the name of a metric", short_repr(monitor))
        self.monitor, self.mode = monitor, mode
        self.min_delta = abs(finite(f"{type(self).__name__} min_delta", min_delta))

    def _falls(self) -> bool:
        """Return whether smaller is better."""
        if self.mode != "auto":
            return self.mode == "min"
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return True
        for reported, metric in self.model.reported_metrics():
            direction = getattr(metric, "_direction", None)
            if reported == name and direction is not None:
                return bool(direction == "down")
        raise ArgumentError(
            f"{type(self).__name__} mode",
            "'min' or 'max', as it is not known whether a larger value is better",
            f"'auto' with monitor={self.monitor!r}",
        )

    def _improves(self, value: float, reference: float | None) -> bool:
        if reference is None:
            return True
        return value + self.min_delta < reference if self._falls() else value - self.min_delta > reference

    def _current(self, logs: Logs) -> float | None:
        """Return the monitored metric, or warn that it is not reported."""
        if self.monitor in logs:
            try:
                return float(logs[self.monitor])
            except (TypeError, ValueError):
                who = f"{type(self).__name__}: the metric {self.monitor!r}"
                raise ArgumentTypeError(who, "a number", short_repr(logs[self.monitor])) from None
        known = ", ".join(map(repr, logs))
        text = f"{type(self).__name__}: expected a metric {self.monitor!r} after each epoch, received {known}"
        hint = "; pass validation_data to fit" if self.monitor.startswith("val_") else ""
        warnings.warn(text + hint, stacklevel=levels_to_the_user())
        return None


class EarlyStopping(_Monitor):
    """Stop training when a metric has not improved for some epochs.

    Args:
        monitor: the name of the metric in the logs.
        min_delta: a change of at most this much is no improvement.
        patience: how many epochs without improvement are waited for.
        verbose: 1 to print when training stops.
        mode: "min", "max", or "auto" for what the metric's name or class says.
        baseline: a value that has to be reached; until then, an improvement does not extend the wait.
        restore_best_weights: whether the model gets the weights of the best epoch at the end.
        start_from_epoch: the first epoch, counted from 0, that is looked at.

    Raises:
        ArgumentError: for another mode, or a number out of range; after the first epoch, for "auto" and a metric of
            unknown direction.

    Attributes:
        stopped_epoch: the epoch after which training stopped, 0 if it did not.
        best_epoch: the epoch with the best value.

    Source: Keras, ``keras.callbacks.EarlyStopping``.

    Example:
        >>> model = tl.Sequential([tl.layers.Dense(1)])
        >>> model.compile(optimizer="sgd", loss="mse")
        >>> x, y = np.ones((10, 2)), np.ones((10, 1))
        >>> stop = tl.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
        >>> history = model.fit(x, y, epochs=5, validation_split=0.2, callbacks=[stop], verbose=0)
    """

    best: float | None
    best_weights: list[Any] | None
    wait: int
    stopped_epoch: int
    best_epoch: int

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose = integer("EarlyStopping patience", patience, 0), verbose
        self.baseline = None if baseline is None else finite("EarlyStopping baseline", baseline)
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = integer("EarlyStopping start_from_epoch", start_from_epoch, 0)
        self.on_train_begin({})

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Reset the state of the last run."""
        self.wait, self.stopped_epoch, self.best_epoch = 0, 0, 0
        self.best, self.best_weights = None, None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare the metric with the best so far, and stop if the patience is exhausted."""
        logs = {} if logs is None else logs
        current = self._current(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._improves(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._improves(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Restore the best weights if ``restore_best_weights`` is set."""
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(_Monitor):
    """Reduce the learning rate when a metric has not improved for some epochs.

    The learning rate is added to the logs as "learning_rate".

    Args:
        monitor: the name of the metric in the logs.
        factor: what the learning rate is multiplied by.
        patience: how many epochs without improvement are waited for.
        verbose: 1 to print when the learning rate changes.
        mode: "min", "max", or "auto" for what the metric's name or class says.
        min_delta: a change of at most this much is no improvement.
        cooldown: epochs after a reduction in which none is counted.
        min_lr: the learning rate is not reduced below it.

    Raises:
        ArgumentError: for a factor of 1 or more, another number out of range, or another mode; as `EarlyStopping` for
            "auto".

    Source: Keras, ``keras.callbacks.ReduceLROnPlateau``.
    """

    best: float | None
    wait: int
    cooldown_counter: int

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if finite("ReduceLROnPlateau factor", factor) >= 1.0:
            raise ArgumentError("ReduceLROnPlateau factor", "a number below 1", short_repr(factor))
        self.factor, self.verbose = factor, verbose
        self.patience = integer("ReduceLROnPlateau patience", patience, 0)
        self.cooldown = integer("ReduceLROnPlateau cooldown", cooldown, 0)
        self.min_lr = finite("ReduceLROnPlateau min_lr", min_lr, 0.0)
        self.on_train_begin({})

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Reset the state of the last run."""
        self.wait, self.cooldown_counter, self.best = 0, 0, None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare the metric with the best so far, and reduce the learning rate if the patience is exhausted."""
        logs = {} if logs is None else logs
        optimizer = self.model.optimizer
        rate = logs["learning_rate"] = float(optimizer.learning_rate)
        current = self._current(logs)
        if current is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self._improves(current, self.best):
            self.best, self.wait = current, 0
        elif self.cooldown_counter <= 0:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                optimizer.learning_rate = max(rate * self.factor, self.min_lr)
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    name, reduced = "ReduceLROnPlateau", optimizer.learning_rate
                    print(f"\nEpoch {epoch + 1}: {name} reducing learning rate to {reduced}.")
