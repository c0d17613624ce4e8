"""Plugins that observe training runs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any

import pluggy

from tensorlab.callbacks import Callback, Logs
from tensorlab.errors import PluginError, PluginWarning, levels_to_the_user

HOOKS = (
    "tensorlab_fit_start",
    "tensorlab_fit_end",
    "tensorlab_epoch_start",
    "tensorlab_epoch_end",
    "tensorlab_batch_end",
)


class Observer(Callback):
    """A plugin as a callback of one run. If it raises, the run continues without it, unless ``TENSORLAB_STRICT`` is 1.

    Args:
        who: the name of the plugin in messages.
        hooks: its implementations, by the name of the hook.
    """

    def __init__(self, who: str, hooks: Mapping[str, pluggy.HookImpl]) -> None:
        self.who, self.hooks = who, dict(hooks)

    @property
    def watches_steps(self) -> bool:
        """Whether the plugin observes steps."""
        return "tensorlab_batch_end" in self.hooks

    @property
    def acts_between_steps(self) -> bool:
        """Whether the plugin is called after every step."""
        return self.watches_steps

    def _notify(self, hook: str, **moment: Any) -> None:
        implementation = self.hooks.get(hook)
        if implementation is None:
            return
        try:
            implementation.function(*[moment[name] for name in implementation.argnames])
        except Exception as error:
            self.hooks.clear()
            received = f"{type(error).__name__}: {error}"
            if os.environ.get("TENSORLAB_STRICT") == "1":
                raise PluginError(f"{self.who}: {hook}", "a hook that only observes", received) from error
            text = f"{self.who}: {hook} raised {received}; it is not called again in this run"
            warnings.warn(text, PluginWarning, stacklevel=levels_to_the_user())

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Call `tensorlab_fit_start`."""
        self._notify("tensorlab_fit_start", model=self.model, params=dict(self.params))

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Call `tensorlab_fit_end`."""
        self._notify("tensorlab_fit_end", model=self.model, logs=dict(logs or {}))

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Call `tensorlab_epoch_start`."""
        self._notify("tensorlab_epoch_start", model=self.model, epoch=epoch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Call `tensorlab_epoch_end`."""
        self._notify("tensorlab_epoch_end", model=self.model, epoch=epoch, logs=dict(logs or {}))

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Call `tensorlab_batch_end`."""
        self._notify("tensorlab_batch_end", model=self.model, batch=batch, logs=dict(logs or {}))
