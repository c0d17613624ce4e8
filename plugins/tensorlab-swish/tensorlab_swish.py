"""The swish activation for tensorlab: ``Dense(64, activation="swish")``."""

import math

from tensorlab import Activation, hookimpl


def swish(x):
    """``x · σ(x)``, which is ``x / (1 + exp(-x))``.

    Source: P. Ramachandran, B. Zoph, Q. V. Le, "Searching for Activation Functions", arXiv:1710.05941.
    """
    return x / (1.0 + math.exp(-x))


@hookimpl
def tensorlab_register_activations():
    """Called by tensorlab the first time that a program looks any name up."""
    return {"swish": Activation(swish)}
