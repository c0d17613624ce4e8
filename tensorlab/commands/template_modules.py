"""The module that ``new-plugin`` writes for each kind: it works as it is, and passes every check."""

from __future__ import annotations

_ACTIVATION = '''\
"""The $name activation for tensorlab: ``Dense(64, activation="$name")``."""

from tensorlab import Activation, hookimpl


def $name(x):
    """``x / (1 + |x|)``. Write your own: a function of one number; its derivative follows from its source."""
    return x / (1.0 + abs(x))


@hookimpl
def tensorlab_register_activations():
    """Return what the plugin adds, by name. tensorlab calls this at the first look-up of any name."""
    return {"$name": Activation($name)}
'''

_LOSS = '''\
"""The $name loss for tensorlab: ``model.compile(loss="$name")``."""

import math

from tensorlab import LossRule, hookimpl


def $name(y_true, y_pred, delta=1.0):
    """``δ² (√(1 + (e/δ)²) - 1)``, where ``e`` is the error. Write your own: a function of a target and an output.

    What has a default value is a hyperparameter. The loss of a sample is the mean over its outputs.
    """
    error = (y_pred - y_true) / delta
    return delta * delta * (math.sqrt(1.0 + error * error) - 1.0)


@hookimpl
def tensorlab_register_losses():
    """Return what the plugin adds, by name. tensorlab calls this at the first look-up of any name."""
    return {"$name": LossRule($name)}
'''

_OPTIMIZER = '''\
"""The $name optimizer for tensorlab: ``model.compile(optimizer="$name")``."""

from tensorlab import OptimizerRule, hookimpl


def $name(w, g, velocity, learning_rate=0.01, momentum=0.9):
    """``v ← μ v - η g``, ``w ← w + v``. Write your own: one step of one weight ``w`` with the gradient ``g``.

    A parameter without a default value is a slot: a number kept with each weight, 0 at first, and returned after it.
    """
    velocity = momentum * velocity - learning_rate * g
    return w + velocity, velocity


@hookimpl
def tensorlab_register_optimizers():
    """Return what the plugin adds, by name. tensorlab calls this at the first look-up of any name."""
    return {"$name": OptimizerRule($name)}
'''

_LAYER = '''\
"""The $class layer for tensorlab."""

import tensorlab as tl
from tensorlab import hookimpl


class $class(tl.layers.Layer):
    """``scale · x / √(mean(x²) + ε)`` along the last axis. Write your own: `build` makes weights, `call` computes.

    Args:
        epsilon: ε, which keeps the divisor from 0. Arguments are kept by themselves for saving and loading.
    """

    def __init__(self, epsilon=1e-5, **options):
        super().__init__(**options)
        self.epsilon = epsilon

    def build(self, input_shape):
        """Make the scale, one number for each feature."""
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

    def call(self, inputs):
        """The inputs, brought to one size; the gradient follows from the operations."""
        size = tl.sqrt(tl.mean(inputs * inputs, axis=-1, keepdims=True) + self.epsilon)
        return self.scale * inputs / size


@hookimpl
def tensorlab_register_layers():
    """Return what the plugin adds, by name. tensorlab calls this at the first look-up of any name."""
    return {"$class": $class}
'''

_METRIC = '''\
"""The $name metric for tensorlab: ``model.compile(metrics=["$name"])``."""

import tensorlab as tl
from tensorlab import hookimpl


class $class(tl.metrics.Metric):
    """The share of outputs that are nearer to their target than a tolerance. Write your own: `call` gives a number for
    each sample; the mean over all samples is kept.

    Args:
        name: what it is called in reports.
        tolerance: the largest error that counts as right.
    """

    name = "$name"

    def __init__(self, name=None, tolerance=0.1):
        super().__init__(name)
        self.tolerance = tolerance

    def call(self, y_true, y_pred):
        """Compute the share for each sample."""
        right = tl.abs(y_pred - y_true.astype(y_pred.dtype)) < self.tolerance
        return tl.mean(right.astype(y_pred.dtype), axis=-1)


@hookimpl
def tensorlab_register_metrics():
    """Return what the plugin adds, by name. tensorlab calls this at the first look-up of any name."""
    return {"$name": $class}
'''

_INITIALIZER = '''\
"""The $name initializer for tensorlab: ``Dense(64, kernel_initializer="$name")``."""

import math

import tensorlab as tl
from tensorlab import hookimpl


class $class(tl.initializers.Initializer):
    """Uniform in ``±scale · √(3 / n)`` for weights of units with n inputs. Write your own: `__call__` gives the tensor.

    Args:
        scale: the standard deviation of a unit's output for inputs of standard deviation 1.
        seed: for numbers of its own that repeat; None to follow `tl.random.set_seed`.
    """

    def __init__(self, scale=1.0, seed=None):
        self.scale, self.seed = scale, seed

    def __call__(self, shape, dtype=None):
        """Draw a weight of this shape and dtype, float32 if None."""
        limit = self.scale * math.sqrt(3.0 / max(1, math.prod(shape[:-1])))
        return tl.random.uniform(shape, -limit, limit, dtype, self.seed)


@hookimpl
def tensorlab_register_initializers():
    """Return what the plugin adds, by name. tensorlab calls this at the first look-up of any name."""
    return {"$name": $class}
'''

_REGULARIZER = '''\
"""The $name regularizer for tensorlab: ``Dense(64, kernel_regularizer="$name")``."""

import tensorlab as tl
from tensorlab import hookimpl


class $class(tl.regularizers.Regularizer):
    """``strength · Σ log(1 + x²)``. Write your own: `__call__` computes what a weight costs, one number.

    Args:
        strength: the factor.
    """

    def __init__(self, strength=0.01):
        self.strength = strength

    def __call__(self, x):
        """Compute the cost; its gradient follows from the operations."""
        return self.strength * tl.sum(tl.log1p(x * x))


@hookimpl
def tensorlab_register_regularizers():
    """Return what the plugin adds, by name. tensorlab calls this at the first look-up of any name."""
    return {"$name": $class}
'''

_CALLBACK = '''\
"""The $class callback for tensorlab: ``model.fit(x, y, callbacks=["$class"])``."""

import tensorlab as tl
from tensorlab import hookimpl


class $class(tl.callbacks.Callback):
    """Multiply the learning rate by a factor after every epoch. Write your own: each method is called at its moment.

    Args:
        factor: what the learning rate is multiplied by.
    """

    def __init__(self, factor=0.9):
        super().__init__()
        self.factor = factor

    def on_epoch_end(self, epoch, logs=None):
        """Lower the learning rate."""
        optimizer = self.model.optimizer
        optimizer.learning_rate = self.factor * optimizer.learning_rate


@hookimpl
def tensorlab_register_callbacks():
    """Return what the plugin adds, by name. tensorlab calls this at the first look-up of any name."""
    return {"$class": $class}
'''

_DATASET = '''\
"""The $name data set for tensorlab: ``tl.datasets.get("$name")()``."""

import numpy as np

from tensorlab import hookimpl


def $name(samples=200, seed=0):
    """Make points on two half circles, and 0 or 1 for each. Write your own: read files, or make the arrays.

    Args:
        samples: the number of points; a fifth of them is for testing.
        seed: the same one gives the same points.

    Returns:
        ``((x_train, y_train), (x_test, y_test))``, NumPy arrays.
    """
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, samples)
    angles = rng.uniform(0, np.pi, samples) + np.pi * y
    x = np.stack([np.cos(angles) + y, np.sin(angles) + 0.5 * y], axis=1) + rng.normal(0, 0.1, (samples, 2))
    x, cut = x.astype("float32"), samples * 4 // 5
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


@hookimpl
def tensorlab_register_datasets():
    """Return what the plugin adds, by name. tensorlab calls this at the first look-up of any name."""
    return {"$name": $name}
'''

_BACKEND = '''\
"""The $name backend for tensorlab: ``with tl.device("$name"):``."""

from tensorlab import hookimpl
from tensorlab.backends import ReferenceBackend


class $class(ReferenceBackend):
    """A device that computes as the reference backend does. Write your own: replace one method after the other.

    `tensorlab.backends.Backend` says what each has to do: `map`, `reduce`, `rowwise`, `scan`, `matmul` and `update`
    compute, the others keep memory.
    """

    name = "$name"

    @property
    def about(self):
        """What ``python -m tensorlab info`` says of it."""
        return "plain Python on this processor"


@hookimpl
def tensorlab_register_backends():
    """Return what the plugin adds, by name. tensorlab calls this at the first look-up of any name."""
    return {"$name": $class}
'''

MODULES = {
    "layer": _LAYER,
    "activation": _ACTIVATION,
    "loss": _LOSS,
    "optimizer": _OPTIMIZER,
    "metric": _METRIC,
    "initializer": _INITIALIZER,
    "regularizer": _REGULARIZER,
    "callback": _CALLBACK,
    "dataset": _DATASET,
    "backend": _BACKEND,
}
"""The text of the module, by kind. ``$name`` is a function's name, ``$class`` a class's."""
