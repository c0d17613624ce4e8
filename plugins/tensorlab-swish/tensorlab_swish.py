"""The swish activation for tensorlab: ``Dense(64, activation="swish")``."""

import math

from tensorlab import Activation, hookimpl


def swish(x):
    """Compute ``x · σ(x)``, that is ``x / (1 + exp(-x))``.

    Source: P. Ramachandran, B. Zoph, Q. V. Le, "Searching for Activation Functions", arXiv:1710.05941.
    """
    return x / (1.0 + math.exp(-x))


@hookimpl
def tensorlab_register_activations():
    """Return what the plugin adds, by name. tensorlab calls this at the first look-up of any name."""
    return {"swish": Activation(swish)}
