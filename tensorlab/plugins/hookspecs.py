"""What a plugin can add. Every hook takes nothing and returns ``{name: thing}``.

A name is a Python identifier. A name that another distribution uses already is refused.
"""

from __future__ import annotations

from typing import Any

import pluggy

hookspec = pluggy.HookspecMarker("tensorlab")
hookimpl = pluggy.HookimplMarker("tensorlab")
"""The decorator for the functions of a plugin that implement a hook."""


@hookspec
def tensorlab_register_layers() -> dict[str, Any]:  # type: ignore[empty-body]
    """Subclasses of `tensorlab.layers.Layer`, by class name."""


@hookspec
def tensorlab_register_activations() -> dict[str, Any]:  # type: ignore[empty-body]
    """`tensorlab.Activation` objects, or functions from a tensor to a tensor."""


@hookspec
def tensorlab_register_losses() -> dict[str, Any]:  # type: ignore[empty-body]
    """Subclasses of `tensorlab.losses.Loss`, or `tensorlab.losses.LossRule` objects."""


@hookspec
def tensorlab_register_optimizers() -> dict[str, Any]:  # type: ignore[empty-body]
    """Subclasses of `tensorlab.optimizers.Optimizer`, or `tensorlab.optimizers.OptimizerRule` objects."""


@hookspec
def tensorlab_register_metrics() -> dict[str, Any]:  # type: ignore[empty-body]
    """Subclasses of `tensorlab.metrics.Metric`."""


@hookspec
def tensorlab_register_initializers() -> dict[str, Any]:  # type: ignore[empty-body]
    """Subclasses of `tensorlab.initializers.Initializer`."""


@hookspec
def tensorlab_register_backends() -> dict[str, Any]:  # type: ignore[empty-body]
    """Functions without arguments that return a `tensorlab.backends.Backend`; called when the device is first used."""
