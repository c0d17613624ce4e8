"""Look up a metric by name, class, config, function or object."""

from __future__ import annotations

import inspect
from typing import Any

from tensorlab import losses
from tensorlab.errors import ArgumentTypeError, short_repr
from tensorlab.losses import Loss, LossRule
from tensorlab.metrics.base import Metric
from tensorlab.metrics.reduction import MeanMetricWrapper
from tensorlab.registry import registries
from tensorlab.serialization import of_kind


def get(identifier: Any) -> Metric:
    """Return a metric from its name, class or config, or from a function of ``(y_true, y_pred)`` tensors.

    A loss, the name of a loss, or a `LossRule` gives a metric for the mean of that loss. A metric from a name has that
    name in logs. A `Metric` is returned as it is.

    Raises:
        UnknownNameError: for an unknown name; the message suggests similar names.
        ArgumentTypeError: for anything else.
    """
    name = None
    if isinstance(identifier, str):
        name = identifier
        known = registries["metric" if name in registries["metric"] or name not in registries["loss"] else "loss"]
        identifier = known.get(name)
    elif isinstance(identifier, dict):
        identifier = of_kind("metric", identifier)
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier() if name is None else identifier.named(name)
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, LossRule) or (isinstance(identifier, type) and issubclass(identifier, Loss)):
        identifier = losses.get(identifier)
    if callable(identifier) and not isinstance(identifier, type):
        return MeanMetricWrapper(identifier, name)
    raise ArgumentTypeError("metric", "a name, a Metric, or a function of (y_true, y_pred)", short_repr(identifier))


def takes_targets_and_outputs(metric: Metric) -> bool:
    """Return whether a metric implements ``update_state(y_true, y_pred)``, unlike `Mean`."""
    if type(metric).update_state is Metric.update_state:
        return type(metric).call is not Metric.call
    parameters = list(inspect.signature(metric.update_state).parameters.values())
    by_position = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return True
    return len(by_position) >= 2 and by_position[1].name != "sample_weight"
