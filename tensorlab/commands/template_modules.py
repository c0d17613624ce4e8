"""Templates of the module that ``new-plugin`` writes for each kind. Each works and passes every check as it is."""

from __future__ import annotations

_ACTIVATION = '''\
"""The $name activation for tensorlab: ``Dense(64, activation="$name")``."""

from tensorlab import Activation, hookimpl


def $name(x):
    """Compute ``x / (1 + |x|)``. Replace it by your function of one number; its derivative is taken from its source."""
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
    """Compute ``δ² (√(1 + (e/δ)²) - 1)`` for the error ``e``. Replace it by your function of a target and an output.

    A parameter with a default value is a hyperparameter. The loss of a sample is the mean over its outputs.
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
    """Compute ``v ← μ v - η g``, ``w ← w + v``. Replace it by your step of a weight ``w`` with the gradient ``g``.

    A parameter without a default value is a slot: a number kept for each weight. It starts at 0 and is returned after
    the weight.
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
    """Compute ``scale · x / √(mean(x²) + ε)`` along the last axis. Replace `build` (weights) and `call` by yours.

    Args:
        epsilon: ε, which avoids a division by 0. tensorlab saves and loads the arguments of the constructor.
        options: those of every layer, such as ``name``.
    """

    def __init__(self, epsilon=1e-5, **options):
        super().__init__(**options)
        self.epsilon = epsilon

    def build(self, input_shape):
        """Create the scale, one number for each feature."""
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

    def call(self, inputs):
        """Normalize and scale the inputs. The gradient follows from the operations."""
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
    """Compute the fraction of outputs whose error is below a tolerance.

    Replace `call`, which returns a number for each sample; the result is the mean over all samples.

    Args:
        name: its name in logs.
        tolerance: the largest error that counts as correct.
    """

    name = "$name"

    def __init__(self, name=None, tolerance=0.1):
        super().__init__(name)
        self.tolerance = tolerance

    def call(self, y_true, y_pred):
        """Compute the fraction for each sample."""
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
    """Draw from ``±scale · √(3 / n)`` uniformly, for units with n inputs. Replace `__call__`, which returns the tensor.

    Args:
        scale: the standard deviation of a unit's output for inputs of standard deviation 1.
        seed: the seed of its own random stream; None to use that of `tl.random.set_seed`.
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
    """Compute ``strength · Σ log(1 + x²)``. Replace `__call__`, which returns the penalty of a weight, one number.

    Args:
        strength: the factor.
    """

    def __init__(self, strength=0.01):
        self.strength = strength

    def __call__(self, x):
        """Compute the penalty. Its gradient follows from the operations."""
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
    """Multiply the learning rate by a factor after every epoch. Replace it by methods of `tl.callbacks.Callback`.

    Args:
        factor: the factor.
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
    """Generate points on two half circles with labels 0 and 1. Replace it by code that reads or generates your data.

    Args:
        samples: the number of points; a fifth of them is the test data.
        seed: the seed of the random points.

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
    """A device that computes like the reference backend. Replace one method after the other by yours.

    `tensorlab.backends.Backend` specifies the methods: `map`, `reduce`, `arg_reduce`, `rowwise`, `scan`,
    `matmul`, `update`, and those for windows compute; the others manage memory.
    """

    name = "$name"

    @property
    def about(self):
        """Its description in ``python -m tensorlab info``."""
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
"""The text of the module, by kind. ``$name`` is the name of a function, ``$class`` that of a class."""
