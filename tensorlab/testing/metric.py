"""Conformance checks of metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab.metrics import Metric
from tensorlab.metrics.identify import takes_targets_and_outputs
from tensorlab.testing.examples import again, example
from tensorlab.testing.loss import Batch, batches
from tensorlab.testing.report import NotApplicableError
from tensorlab.testing.subject import Array, Subject, same

_RULES = (1e-5, 1e-7)
_SAMPLES = 9


class MetricSubject(Subject):
    """Check a metric or a subclass of `Metric`."""

    kind = "metric"
    headings = ("batches", "config")

    def make(self) -> Metric:
        """Return a new object."""
        made: Metric = example(self.thing) if isinstance(self.thing, type) else again(self.thing)
        return made

    def batch(self) -> Batch:
        """Return the first candidate of targets and outputs that the metric accepts."""
        if not takes_targets_and_outputs(self.make()):
            raise NotApplicableError("it takes no targets and outputs")
        refused = ""
        for y_true, y_pred in batches(3 * _SAMPLES):
            try:
                self.make().update_state(y_true, y_pred)
            except Exception as error:  # the loss or metric needs other targets
                refused = refused or f"{type(error).__name__}: {error}"
                continue
            return y_true, y_pred
        raise NotApplicableError(f"it accepts no batch: {refused}")

    def check_batches(self) -> None:
        """Compare batches of unequal size with all samples at once, and a reset metric with a new one."""
        y_true, y_pred = self.batch()
        whole = self._over(self.make(), [(y_true, y_pred)])
        cut = _SAMPLES // 3
        used = self.make()
        parts = self._over(used, [(y_true[:cut], y_pred[:cut]), (y_true[cut:], y_pred[cut:])])
        hint = "weight each batch by its number of samples; Metric does so if only call is implemented"
        same(f"{self.who} over two batches", [parts], [whole], "over all samples", *_RULES, hint)
        used.reset_state()
        first = [(y_true[:cut], y_pred[:cut])]
        reset, new = self._over(used, first), self._over(self.make(), first)
        same(f"{self.who} after reset_state()", [reset], [new], "of a new one", *_RULES, "clear all state in it")

    def _over(self, metric: Metric, given: list[Batch]) -> Array:
        for y_true, y_pred in given:
            metric.update_state(y_true, y_pred)
        return np.asarray(metric.result(), np.float64)

    def request(self) -> dict[str, Any]:
        """Return the config of the metric, and a batch."""
        return self.recipe({}) | {"arrays": list(self.batch())}

    def built(self) -> Any:
        """Return the metric that `request` describes."""
        return self.make()
