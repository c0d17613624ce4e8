"""What a model is compiled with: the optimizer, the losses and metrics of its outputs, and what they report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tensorlab import autodiff, optimizers
from tensorlab.callbacks import Logs
from tensorlab.layers import Layer
from tensorlab.losses import Loss
from tensorlab.losses.base import matched
from tensorlab.metrics import Mean, Metric
from tensorlab.models.outputs import OutputLosses, OutputMetrics, Outputs
from tensorlab.tensor import Tensor


class Compiled(Layer):
    """The optimizer, the losses and the metrics, which `Steps.compile` sets."""

    _optimizer: optimizers.Optimizer | None = None
    _loss: Loss | None = None
    _loss_name = ""
    _metrics: tuple[Metric, ...] = ()
    _weighted_metrics: tuple[Metric, ...] = ()  # those among them that sample weights apply to
    _chosen_metrics = OutputMetrics((), 0), OutputMetrics((), 0)  # as given to compile, without and with weights
    _outputs: Outputs | None = None  # of the last batch
    _positions: tuple[int, ...] = ()  # of the output that each metric is for
    _loss_tracker: Mean | None = None

    def _known_outputs(self) -> Outputs | None:
        """Return the outputs of a model whose layers are known; None for a subclass with a ``call`` of its own."""
        return None

    def _resolve(self, outputs: Outputs) -> None:
        """Find the outputs that losses and metrics are for.

        Raises:
            ArgumentError: for losses or metrics of other outputs.
        """
        if outputs == self._outputs:
            return
        who, loss, several = f"{self._who}.compile", self._loss, len(outputs.labels) > 1
        if loss is not None and several and not isinstance(loss, OutputLosses):
            self._loss = loss = OutputLosses(who, loss, None, [self._loss_name] * len(outputs.labels))
        if isinstance(loss, OutputLosses):
            loss.resolve(outputs)
        names = ("metrics", "weighted_metrics")
        each = [m.positions(f"{who} {name}", outputs) for m, name in zip(self._chosen_metrics, names, strict=True)]
        self._positions, self._outputs = (*each[0], *each[1]), outputs

    def _described_outputs(self, y_pred: Any) -> Outputs:
        """Describe what the model has returned, and find the losses and metrics that belong to it."""
        known = self._known_outputs()
        outputs = Outputs.of(self._who, y_pred, () if known is None else known.named)
        self._resolve(outputs)
        return outputs

    @property
    def optimizer(self) -> optimizers.Optimizer | None:
        """The optimizer that `compile` was given."""
        return self._optimizer

    @property
    def loss(self) -> Loss | None:
        """The loss that `compile` was given."""
        return self._loss

    @property
    def compiled(self) -> bool:
        """Whether `compile` has been called."""
        return self._optimizer is not None

    @property
    def metrics(self) -> list[Metric]:
        """The mean of the loss, and of that of each output; the metrics of `compile`, and those that are attributes.

        All of them are reset before each epoch and each evaluation, and reported after it. A subclass may replace
        this property.
        """
        losses = [self._loss_tracker] if self._loss_tracker else []
        each = self._loss.means if isinstance(self._loss, OutputLosses) else ()
        known = [*losses, *each, *self._metrics]
        return [*known, *(metric for metric in self._own_metrics() if not any(metric is each for each in known))]

    def _own_metrics(self) -> Iterator[Metric]:
        for name, value in vars(self).items():
            if isinstance(value, Metric) and name != "_loss_tracker":
                yield value
            elif isinstance(value, (list, tuple)) and name not in ("_metrics", "_weighted_metrics"):
                yield from (each for each in value if isinstance(each, Metric))

    @property
    def metrics_names(self) -> list[str]:
        """The names under which losses and metrics are reported, in the order of what `evaluate` returns."""
        return [name for name, _ in self.reported_metrics()]

    def reported_metrics(self) -> list[tuple[str, Metric]]:
        """Return each metric with the name under which it is reported."""
        found: dict[str, Metric] = {}
        for metric in self.metrics:
            weighted = any(metric is each for each in self._weighted_metrics)
            prefix = self._prefix(metric)
            first = f"{prefix}{metric.name}"
            if weighted and first in found:
                first = f"{prefix}weighted_{metric.name}"
            name, number = first, 0
            while name in found:
                number += 1
                name = f"{first}_{number}"
            found[name] = metric
        return list(found.items())

    def _prefix(self, metric: Metric) -> str:
        """Return the name of the output that a metric is for, if there are several, as the beginning of its own."""
        if self._outputs is None or len(self._outputs.labels) == 1:
            return ""
        labels = [self._outputs.labels[p] for m, p in zip(self._metrics, self._positions, strict=True) if m is metric]
        return f"{labels[0]}_" if labels and labels[0] is not None else ""

    def reset_metrics(self) -> None:
        """Reset all metrics."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> Logs:
        """Return the results of all metrics, as floats where they are single numbers."""
        logs: Logs = {}
        for name, metric in self.reported_metrics():
            result = metric.result()
            logs |= result if isinstance(result, dict) else {name: result}
        return as_logs(logs)

    def _update_metrics(self, y: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if not self._metrics:
            return
        with autodiff.no_grad():
            outputs = self._described_outputs(y_pred)
            who = f"{self._who}.compute_metrics"
            received, wanted = outputs.split(who, y_pred), outputs.split(f"{who} y", y)
            nested = isinstance(sample_weight, (list, tuple, dict))
            count = len(received)
            weights = outputs.split(f"{who} sample_weight", sample_weight) if nested else [sample_weight] * count
            pairs = [
                matched(true, pred) if isinstance(true, Tensor) and isinstance(pred, Tensor) else (true, pred)
                for true, pred in zip(wanted, received, strict=True)
            ]
            for metric, position in zip(self._metrics, self._positions, strict=True):
                true, pred = pairs[position]
                if weights[position] is not None and any(metric is each for each in self._weighted_metrics):
                    metric.update_state(true, pred, sample_weight=weights[position])
                else:
                    metric.update_state(true, pred)


def as_logs(logs: Logs) -> Logs:
    """Return logs with floats in place of single numbers of other types, and arrays in place of tensors."""
    return {name: _plain(value) for name, value in logs.items()}


def _plain(value: Any) -> Any:
    if type(value) is float:
        return value
    if isinstance(value, Metric):
        return _plain(value.result())
    if isinstance(value, Tensor):
        return value.numpy() if value.ndim else float(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return value
