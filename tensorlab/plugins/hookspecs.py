"""The hooks: everything that a plugin can do.

A ``tensorlab_register_…`` hook takes no arguments and returns ``{name: object}``. A name is a Python identifier. If
another distribution has registered the name, the whole plugin is rejected.

The other hooks observe `fit`. An implementation may leave out arguments. Its return value is ignored, and ``logs`` is a
copy. If it raises, a warning is issued and the plugin is not called again in that run; with TENSORLAB_STRICT=1, an
error is raised instead.
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
    """Return subclasses of `tensorlab.layers.Layer` that implement `call`, by class name."""


@hookspec
def tensorlab_register_activations() -> Things:
    """Return `tensorlab.Activation` objects, or functions from a tensor to a tensor."""


@hookspec
def tensorlab_register_losses() -> Things:
    """Return `tensorlab.LossRule` objects, or subclasses of `tensorlab.losses.Loss` that implement `call`."""


@hookspec
def tensorlab_register_optimizers() -> Things:
    """Return `tensorlab.OptimizerRule` objects, or subclasses of `tensorlab.optimizers.Optimizer`."""


@hookspec
def tensorlab_register_metrics() -> Things:
    """Return subclasses of `tensorlab.metrics.Metric`."""


@hookspec
def tensorlab_register_initializers() -> Things:
    """Return subclasses of `tensorlab.initializers.Initializer` that implement `__call__`."""


@hookspec
def tensorlab_register_regularizers() -> Things:
    """Return subclasses of `tensorlab.regularizers.Regularizer` that implement `__call__`."""


@hookspec
def tensorlab_register_callbacks() -> Things:
    """Return subclasses of `tensorlab.callbacks.Callback`."""


@hookspec
def tensorlab_register_datasets() -> Things:
    """Return functions that return ``((x_train, y_train), (x_test, y_test))`` as NumPy arrays."""


@hookspec
def tensorlab_register_backends() -> dict[str, Callable[[], Any]]:
    """Return functions without arguments that return a `tensorlab.backends.Backend`.

    A function is called when its device is first used. If it has the attributes of a
    `tensorlab.backends.SharingBackend`, it is also called for arrays of other libraries in the memory of its device.
    """


@hookspec
def tensorlab_fit_start(model: Any, params: dict[str, Any]) -> None:
    """Observe the start of `fit`. ``params`` has ``epochs``, ``steps`` (per epoch) and ``verbose``."""


@hookspec
def tensorlab_fit_end(model: Any, logs: Logs) -> None:
    """Observe the end of `fit`, with the logs of the last epoch. It is not called if `fit` raises."""


@hookspec
def tensorlab_epoch_start(model: Any, epoch: int) -> None:
    """Observe the start of an epoch. ``epoch`` counts from 0."""


@hookspec
def tensorlab_epoch_end(model: Any, epoch: int, logs: Logs) -> None:
    """Observe the end of an epoch, after its validation. ``epoch`` counts from 0."""


@hookspec
def tensorlab_batch_end(model: Any, batch: int, logs: Logs) -> None:
    """Observe the end of a training step. ``batch`` counts from 0 in each epoch."""
