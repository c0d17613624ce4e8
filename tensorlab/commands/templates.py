"""Templates of ``new-plugin`` for the files that are the same for every kind, and the names in them."""

from __future__ import annotations

from string import Template

from tensorlab.commands.template_modules import MODULES

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

$kernels[tool.pytest.ini_options]
tensorlab_plugins = ["$distribution"]
"""

_README = """\
# $distribution

The $thing $kind for tensorlab. In an environment in which tensorlab is installed from its checkout:

```console
$$ pip install -e ".[test]"
$$ python -m tensorlab check-plugin $distribution
$$ pytest
```

Use it by name, without an import:

```python
$use
```
"""

_USES = {
    "activation": 'import tensorlab as tl\n\nlayer = tl.layers.Dense(64, activation="$name")',
    "loss": 'import tensorlab as tl\n\nloss = tl.losses.get("$name")',
    "optimizer": 'import tensorlab as tl\n\noptimizer = tl.optimizers.get("$name")',
    "layer": "from $module import $class\n\nlayer = $class()",
    "metric": 'import tensorlab as tl\n\nmetric = tl.metrics.get("$name")',
    "initializer": 'import tensorlab as tl\n\nlayer = tl.layers.Dense(64, kernel_initializer="$name")',
    "regularizer": 'import tensorlab as tl\n\nlayer = tl.layers.Dense(64, kernel_regularizer="$name")',
    "callback": 'import tensorlab as tl\n\ncallback = tl.callbacks.get("$class")',
    "dataset": 'import tensorlab as tl\n\n(x_train, y_train), (x_test, y_test) = tl.datasets.get("$name")()',
    "backend": 'import tensorlab as tl\n\nwith tl.device("$name"):\n    x = tl.ones((2, 3))',
}

_KERNELS = """\
[tool.tensorlab]
kernels = true  # a wheel that is built with --no-build-isolation contains compiled kernels

"""
_SCALAR = ("activation", "loss", "optimizer")
"""Kinds that are scalar functions."""

IMPORTED = ("hookimpl", "math", "np", "tensorlab", "tl")
"""Names that the module of a plugin imports."""

KINDS = tuple(MODULES)
"""The kinds of objects that a new plugin can add."""

_BY_CLASS = ("layer", "callback")
"""Kinds that are registered by the name of their class."""


def class_name(function: str) -> str:
    """Return the class name for the name of a function: ``SoftStep`` for ``soft_step``."""
    return "".join(word.capitalize() for word in function.split("_"))


def registered_name(kind: str, function: str) -> str:
    """Return the name by which the object is registered."""
    return class_name(function) if kind in _BY_CLASS else function


def files(kind: str, function: str, distribution: str) -> dict[str, str]:
    """Return the text of each file, by its path in the folder.

    Args:
        kind: one of `KINDS`.
        function: the name of what is added, as a Python identifier.
        distribution: the name of the distribution.
    """
    module = f"tensorlab_{function}"
    names = {
        "name": function,
        "class": class_name(function),
        "thing": registered_name(kind, function),
        "kind": kind,
        "module": module,
        "distribution": distribution,
        "kernels": _KERNELS if kind in _SCALAR else "",
    }
    names["use"] = Template(_USES[kind]).substitute(names)
    texts = {
        f"{module}.py": MODULES[kind],
        "pyproject.toml": _PYPROJECT,
        "README.md": _README,
    }
    return {path: Template(text).substitute(names) for path, text in texts.items()}
