"""What a plugin can do: the whole surface.

A ``tensorlab_register_…`` hook takes nothing and returns ``{name: thing}``. A name is a Python identifier; one that
another distribution uses already is refused, and with it the whole plugin.

The other hooks watch `fit`. They take those of their arguments that they name, what they return is ignored, the logs
are copies, and a plugin that raises is a warning and is not called again in that run (an error if TENSORLAB_STRICT
is 1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pluggy

hookspec = pluggy.HookspecMarker("tensorlab")
hookimpl = pluggy.HookimplMarker("tensorlab")
"""The decorator for the functions of a plugin that implement a hook."""

Things = dict[str, Any]
Logs = dict[str, float]


@hookspec
def tensorlab_register_layers() -> Things:
    """Subclasses of `tensorlab.layers.Layer` that have a `call`, by class name."""


@hookspec
def tensorlab_register_activations() -> Things:
    """`tensorlab.Activation` objects, or functions from a tensor to a tensor."""


@hookspec
def tensorlab_register_losses() -> Things:
    """`tensorlab.LossRule` objects, or subclasses of `tensorlab.losses.Loss` that have a `call`."""


@hookspec
def tensorlab_register_optimizers() -> Things:
    """`tensorlab.OptimizerRule` objects, or subclasses of `tensorlab.optimizers.Optimizer`."""


@hookspec
def tensorlab_register_metrics() -> Things:
    """Subclasses of `tensorlab.metrics.Metric`."""


@hookspec
def tensorlab_register_initializers() -> Things:
    """Subclasses of `tensorlab.initializers.Initializer` that have a `__call__`."""


@hookspec
def tensorlab_register_regularizers() -> Things:
    """Subclasses of `tensorlab.regularizers.Regularizer` that have a `__call__`."""


@hookspec
def tensorlab_register_callbacks() -> Things:
    """Subclasses of `tensorlab.callbacks.Callback`."""


@hookspec
def tensorlab_register_datasets() -> Things:
    """Functions that return ``((x_train, y_train), (x_test, y_test))`` as NumPy arrays."""


@hookspec
def tensorlab_register_backends() -> dict[str, Callable[[], Any]]:
    """Functions without arguments that return a `tensorlab.backends.Backend`; called when the device is first used.

    One that has the attributes of a `tensorlab.backends.SharingBackend` is also called for other libraries' arrays.
    """


@hookspec
def tensorlab_fit_start(model: Any, params: dict[str, Any]) -> None:
    """Before the first epoch of `fit`; ``params`` has ``epochs``, ``steps`` (an epoch) and ``verbose``."""


@hookspec
def tensorlab_fit_end(model: Any, logs: Logs) -> None:
    """After the last epoch, with its metrics. Not called if `fit` raises."""


@hookspec
def tensorlab_epoch_start(model: Any, epoch: int) -> None:
    """Before an epoch, counted from 0."""


@hookspec
def tensorlab_epoch_end(model: Any, epoch: int, logs: Logs) -> None:
    """After an epoch, counted from 0, and its validation."""


@hookspec
def tensorlab_batch_end(model: Any, batch: int, logs: Logs) -> None:
    """After a step, counted from 0 in each epoch."""
