"""Callbacks that set the learning rate, or stop a run whose loss is NaN."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

from tensorlab.arguments import check_callable
from tensorlab.callbacks.base import Callback, Logs
from tensorlab.errors import ArgumentTypeError, short_repr


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch.

    The learning rate is added to the logs as "learning_rate".

    Args:
        schedule: a function of the epoch, counted from 0, and perhaps of the learning rate, that returns the new one.
        verbose: 1 to print each.

    Raises:
        ArgumentTypeError: for a schedule that is not a function; in training, if it does not return a float.

    Source: Keras, ``keras.callbacks.LearningRateScheduler``.

    Example:
        >>> halve = tl.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        check_callable(
            "LearningRateScheduler schedule", "a function of the epoch and perhaps the learning rate", schedule
        )
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the learning rate."""
        optimizer = self.model.optimizer
        given = (epoch, float(optimizer.learning_rate))
        try:
            inspect.signature(self.schedule).bind(*given)
        except TypeError:
            given = given[:1]  # type: ignore[assignment]
        except ValueError:  # a builtin without a signature
            pass
        rate = self.schedule(*given)
        if isinstance(rate, (bool, str)) or not hasattr(rate, "__float__"):
            expected = "a function that returns a float"
            raise ArgumentTypeError("LearningRateScheduler schedule", expected, short_repr(rate))
        optimizer.learning_rate = float(rate)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {optimizer.learning_rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Add the learning rate to the logs."""
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class TerminateOnNaN(Callback):
    """Stop training when the loss is NaN or infinite, and keep what was trained, NaN weights included.

    Without this callback `fit` raises NonFiniteError and goes back to the weights from before the call.

    Args:
        raise_error: whether to raise NonFiniteError, as `fit` does without this callback, instead of stopping.

    Source: Keras, ``keras.callbacks.TerminateOnNaN``.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    @property
    def takes_non_finite_loss(self) -> bool:  # type: ignore[override]
        """Whether `fit` does not raise."""
        return not self.raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Stop if the loss is NaN or infinite."""
        if logs is not None and "loss" in logs and not math.isfinite(logs["loss"]):
            print(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True
