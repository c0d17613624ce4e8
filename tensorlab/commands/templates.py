"""What ``new-plugin`` writes: for each kind a module that works as it is, and the files that are the same for all."""

from __future__ import annotations

from string import Template

_ACTIVATION = '''\
"""The $name activation for tensorlab: ``Dense(64, activation="$name")``."""

from tensorlab import Activation, hookimpl


def $name(x):
    """``x / (1 + |x|)``. Write your own: a function of one number; its derivative follows from its source."""
    return x / (1.0 + abs(x))


@hookimpl
def tensorlab_register_activations():
    """Called by tensorlab the first time that a program looks any name up."""
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
    """Called by tensorlab the first time that a program looks any name up."""
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
    """Called by tensorlab the first time that a program looks any name up."""
    return {"$name": OptimizerRule($name)}
'''

_LAYER = '''\
"""The $thing layer for tensorlab."""

import tensorlab as tl
from tensorlab import hookimpl


class $thing(tl.layers.Layer):
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
    """Called by tensorlab the first time that a program looks any name up."""
    return {"$thing": $thing}
'''

_PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "$distribution"
version = "0.1.0"
description = "The $thing $kind for tensorlab"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["tensorlab>=0.1"]

[project.optional-dependencies]
test = ["pytest>=8"]

[project.entry-points.tensorlab]
$name = "$module"

[tool.setuptools]
py-modules = ["$module"]

[tool.pytest.ini_options]
tensorlab_plugins = ["$distribution"]
"""

_README = """\
# $distribution

The $thing $kind for tensorlab.

```console
$$ pip install -e ".[test]"
$$ python -m tensorlab check-plugin $distribution
$$ pytest
```

Nothing has to be imported to use it:

```python
$use
```
"""

_MODULES = {"activation": _ACTIVATION, "loss": _LOSS, "optimizer": _OPTIMIZER, "layer": _LAYER}

_USES = {
    "activation": 'import tensorlab as tl\n\nlayer = tl.layers.Dense(64, activation="$name")',
    "loss": 'import tensorlab as tl\n\nloss = tl.losses.get("$name")',
    "optimizer": 'import tensorlab as tl\n\noptimizer = tl.optimizers.get("$name")',
    "layer": "from $module import $thing\n\nlayer = $thing()",
}

IMPORTED = ("hookimpl", "math", "tensorlab", "tl")
"""Names that a module has from elsewhere."""

KINDS = tuple(_MODULES)
"""What a new plugin can add."""


def registered_name(kind: str, function: str) -> str:
    """The name that it is registered by: of a layer, that of its class."""
    return "".join(word.capitalize() for word in function.split("_")) if kind == "layer" else function


def files(kind: str, function: str, distribution: str) -> dict[str, str]:
    """The text of each file, by its path in the folder.

    Args:
        kind: one of `KINDS`.
        function: the name of what is added, as a Python identifier.
        distribution: the name of the distribution.
    """
    module = f"tensorlab_{function}"
    names = {
        "name": function,
        "thing": registered_name(kind, function),
        "kind": kind,
        "module": module,
        "distribution": distribution,
    }
    names["use"] = Template(_USES[kind]).substitute(names)
    texts = {
        f"{module}.py": _MODULES[kind],
        "pyproject.toml": _PYPROJECT,
        "README.md": _README,
    }
    return {path: Template(text).substitute(names) for path, text in texts.items()}
