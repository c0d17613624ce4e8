"""Callbacks: objects that observe a training run, and may change it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tensorlab import absent, serialization
from tensorlab.callbacks.base import Callback, CallbackList, History, LambdaCallback, Logs
from tensorlab.callbacks.checkpoint import BackupAndRestore, ModelCheckpoint
from tensorlab.callbacks.logger import CSVLogger
from tensorlab.callbacks.monitor import EarlyStopping, ReduceLROnPlateau
from tensorlab.callbacks.progress import ProgbarLogger, ProgressBar, show
from tensorlab.callbacks.schedule import LearningRateScheduler, TerminateOnNaN
from tensorlab.callbacks.tensorboard import TensorBoard

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "Logs",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ProgressBar",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
    "find_observers",
    "get",
    "show",
]

find_observers: Callable[[], list[Callback]] = list
"""Return the callbacks that plugins add to every run: none, until the plugin manager replaces this function."""


def get(identifier: Any) -> Callback:
    """Return a callback from its name, class or config. A `Callback` is returned as it is.

    Raises:
        UnknownNameError: for an unknown name; the message suggests similar names.
        ArgumentTypeError: for anything else.
    """
    found: Callback = serialization.get("callback", identifier, Callback)
    return found


if not TYPE_CHECKING:  # a type checker would accept every name
    __getattr__ = absent.lookup(globals())
