"""tensorlab: write the scalar, tensorlab writes the kernel.

A tensor library whose arithmetic is defined by plain Python functions of numbers, compiled with Numba. It has
gradients, a Keras-like `Sequential`, and plugins for layers, activations, losses and optimizers.

    >>> import tensorlab as tl
    >>> tl.asarray([1.0, 2.0]) + 1
    Tensor([2., 3.], dtype=float32)
"""

import tensorlab.start  # noqa: F401  (before anything else is imported)

# isort: split

from typing import TYPE_CHECKING

from tensorlab import (
    activations,
    backends,
    callbacks,
    constraints,
    errors,
    initializers,
    layers,
    lazy,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    plugins,
    random,
    regularizers,
    saving,
    terminal,
    utils,
)
from tensorlab.activations import Activation
from tensorlab.autodiff import no_grad
from tensorlab.backends.cpu import get_num_threads, set_num_threads
from tensorlab.devices import device
from tensorlab.dtypes import (
    bool,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from tensorlab.gradients import GradientTape, custom_gradient, grad, jacobian, value_and_grad
from tensorlab.inspection import inspect
from tensorlab.layers import Input, KerasTensor, Layer
from tensorlab.losses import LossRule
from tensorlab.models import Model, Sequential
from tensorlab.optimizers import OptimizerRule
from tensorlab.plans import disable_jit, jit
from tensorlab.plugins import hookimpl
from tensorlab.saving import load_model
from tensorlab.tensor import Tensor, asarray
from tensorlab.variable import Variable
from tensorlab.version import __version__

if TYPE_CHECKING:
    from tensorlab import datasets, debug, linalg, testing

    # A type checker follows one star import, but not the second one in `tensorlab.ops`.
    from tensorlab.ops.activations import *
    from tensorlab.ops.arithmetic import *
    from tensorlab.ops.broadcasting import *
    from tensorlab.ops.choosing import *
    from tensorlab.ops.comparison import *
    from tensorlab.ops.complex import *
    from tensorlab.ops.constants import *
    from tensorlab.ops.creation import *
    from tensorlab.ops.cumulative import *
    from tensorlab.ops.data_types import *
    from tensorlab.ops.dlpack import *
    from tensorlab.ops.exponential import *
    from tensorlab.ops.extrema import *
    from tensorlab.ops.floating import *
    from tensorlab.ops.indexing import *
    from tensorlab.ops.joining import *
    from tensorlab.ops.lift import *
    from tensorlab.ops.linalg import *
    from tensorlab.ops.logical import *
    from tensorlab.ops.namespace import *
    from tensorlab.ops.nn import *
    from tensorlab.ops.powers import *
    from tensorlab.ops.reduction import *
    from tensorlab.ops.rounding import *
    from tensorlab.ops.searching import *
    from tensorlab.ops.sets import *
    from tensorlab.ops.shaping import *
    from tensorlab.ops.sorting import *
    from tensorlab.ops.statistics import *
    from tensorlab.ops.trigonometric import *
else:
    from tensorlab.ops import *

    datasets, debug, linalg, testing = lazy.submodules(__name__, ("datasets", "debug", "linalg", "testing"))

__all__ = [
    "Activation",
    "GradientTape",
    "Input",
    "KerasTensor",
    "Layer",
    "LossRule",
    "Model",
    "OptimizerRule",
    "Sequential",
    "Tensor",
    "Variable",
    "__version__",
    "activations",
    "asarray",
    "backends",
    "bool",
    "callbacks",
    "constraints",
    "custom_gradient",
    "datasets",
    "debug",
    "device",
    "disable_jit",
    "errors",
    "float32",
    "float64",
    "get_num_threads",
    "grad",
    "hookimpl",
    "initializers",
    "inspect",
    "int8",
    "int16",
    "int32",
    "int64",
    "jacobian",
    "jit",
    "layers",
    "linalg",
    "load_model",
    "losses",
    "metrics",
    "models",
    "no_grad",
    "ops",
    "optimizers",
    "plugins",
    "random",
    "regularizers",
    "saving",
    "set_num_threads",
    "terminal",
    "testing",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "utils",
    "value_and_grad",
]
__all__ += ops.__all__
