"""Conformance checks of callbacks."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from tensorlab.callbacks import Callback
from tensorlab.tensor import Tensor
from tensorlab.testing.examples import example, reconstruct
from tensorlab.testing.subject import Subject
from tensorlab.testing.training import trained


class CallbackSubject(Subject):
    """Check a callback or a subclass of `Callback`. It may change the run, but always in the same way."""

    kind = "callback"
    headings = ("watches", "config", "determinism")

    def make(self) -> Callback:
        """Return a new object."""
        made: Callback = example(self.thing) if isinstance(self.thing, type) else reconstruct(self.thing)
        return made

    def compute(self, dtype: str, count: int) -> list[Tensor]:
        """Return the weights at the end of a run."""
        return trained([self.make()])

    def _run(self, method: str) -> None:
        with contextlib.redirect_stdout(
            io.StringIO()
        ):  # before construction, because the callback may store the stream
            super()._run(method)

    def check_watches(self) -> None:
        """Require that two runs of two epochs raise nothing."""
        watcher = self.make()
        for _ in range(2):
            trained([watcher])

    def request(self) -> dict[str, Any]:
        """Return the config of the callback."""
        return self.recipe({}) | {"arrays": []}

    def built(self) -> Any:
        """Return the callback that `request` describes."""
        return self.make()
