"""Sample plugins: the source of one that registers objects of nearly every kind, and plugins made of functions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tensorlab.plugins import hookimpl

SOUND = """
import math
import tensorlab as tl
from tensorlab import Activation, LossRule, OptimizerRule, hookimpl

def hat(x):
    return 1.0 / (1.0 + x * x)

def cubed(y_true, y_pred, scale=2.0):
    return scale * abs(y_true - y_pred) ** 3

def signed(w, g, learning_rate=0.5):
    return w - learning_rate if g > 0 else w + learning_rate

class Double(tl.layers.Layer):
    def call(self, inputs):
        return inputs * 2.0

class Bias(tl.metrics.Metric):
    name = "bias"
    def call(self, y_true, y_pred):
        return tl.mean(y_pred - y_true, axis=-1)

class Sevens(tl.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return tl.full(shape, 7.0, dtype=dtype)

class Backend(type(tl.backends.CPUBackend())):
    name = "other"

@hookimpl
def tensorlab_register_activations():
    return {"hat": Activation(hat)}

@hookimpl
def tensorlab_register_losses():
    return {"cubed": LossRule(cubed)}

@hookimpl
def tensorlab_register_optimizers():
    return {"signed": OptimizerRule(signed)}

@hookimpl
def tensorlab_register_layers():
    return {"Double": Double}

@hookimpl
def tensorlab_register_metrics():
    return {"bias": Bias}

@hookimpl
def tensorlab_register_initializers():
    return {"sevens": Sevens}

@hookimpl
def tensorlab_register_backends():
    return {"other": Backend}
"""


def plugin_of(**functions: Any) -> SimpleNamespace:
    """Return a plugin whose hooks are these functions, by name."""
    return SimpleNamespace(**{name: hookimpl(function, specname=name) for name, function in functions.items()})
