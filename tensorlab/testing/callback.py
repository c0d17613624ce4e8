"""The checks of a callback."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from tensorlab.callbacks import Callback
from tensorlab.tensor import Tensor
from tensorlab.testing.examples import again, example
from tensorlab.testing.subject import Subject
from tensorlab.testing.training import trained


class CallbackSubject(Subject):
    """A subclass of `Callback`, or a callback. It may change the run that it watches, but always in the same way."""

    kind = "callback"
    headings = ("watches", "config", "determinism")

    def make(self) -> Callback:
        """A new one."""
        made: Callback = example(self.thing) if isinstance(self.thing, type) else again(self.thing)
        return made

    def compute(self, dtype: str, count: int) -> list[Tensor]:
        """The weights that a run ends with."""
        return trained([self.make()])

    def _run(self, method: str) -> None:
        with contextlib.redirect_stdout(io.StringIO()):  # before it is made: it may keep the stream
            super()._run(method)

    def check_watches(self) -> None:
        """It goes through one run of two epochs after another, and raises nothing."""
        watcher = self.make()
        for _ in range(2):
            trained([watcher])

    def request(self) -> dict[str, Any]:
        """The callback's config."""
        return self.recipe({}) | {"arrays": []}

    def built(self) -> Any:
        """That callback."""
        return self.make()
