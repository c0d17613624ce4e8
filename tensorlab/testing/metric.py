"""Conformance checks of metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab.metrics import Metric
from tensorlab.metrics.identify import takes_targets_and_outputs
from tensorlab.testing.examples import example, reconstruct
from tensorlab.testing.loss import Batch, batches
from tensorlab.testing.report import NotApplicableError
from tensorlab.testing.subject import Array, Subject, require_close

_TOLERANCES = (1e-5, 1e-7)
"""The relative and absolute tolerance between results that differ only by rounding."""

_SAMPLES = 9


class MetricSubject(Subject):
    """Check a metric or a subclass of `Metric`."""

    kind = "metric"
    headings = ("batches", "config")

    def make(self) -> Metric:
        """Return a new object."""
        made: Metric = example(self.thing) if isinstance(self.thing, type) else reconstruct(self.thing)
        return made

    def batch(self) -> Batch:
        """Return the first candidate of targets and outputs that the metric accepts."""
        if not takes_targets_and_outputs(self.make()):
            raise NotApplicableError("it takes no targets and outputs")
        refused = ""
        for y_true, y_pred in batches(3 * _SAMPLES):
            try:
                self.make().update_state(y_true, y_pred)
            except Exception as error:  # the metric needs other targets
                refused = refused or f"{type(error).__name__}: {error}"
                continue
            return y_true, y_pred
        raise NotApplicableError(f"it accepts no batch: {refused}")

    def check_batches(self) -> None:
        """Compare two batches of unequal size with one batch of all samples, and a reset metric with a new one."""
        y_true, y_pred = self.batch()
        whole = self._result(self.make(), [(y_true, y_pred)])
        cut = _SAMPLES // 3
        used = self.make()
        parts = self._result(used, [(y_true[:cut], y_pred[:cut]), (y_true[cut:], y_pred[cut:])])
        hint = "weight each batch by its number of samples, as Metric does for a subclass that implements only call"
        require_close(f"{self.who} over two batches", [parts], [whole], "over all samples", *_TOLERANCES, hint)
        used.reset_state()
        first = [(y_true[:cut], y_pred[:cut])]
        reset, new = self._result(used, first), self._result(self.make(), first)
        require_close(
            f"{self.who} after reset_state()", [reset], [new], "a new metric", *_TOLERANCES, "clear all state in it"
        )

    def _result(self, metric: Metric, over: list[Batch]) -> Array:
        for y_true, y_pred in over:
            metric.update_state(y_true, y_pred)
        return np.asarray(metric.result(), np.float64)

    def request(self) -> dict[str, Any]:
        """Return the config of the metric, and a batch."""
        return self.recipe({}) | {"arrays": list(self.batch())}

    def built(self) -> Any:
        """Return the metric that `request` describes."""
        return self.make()
