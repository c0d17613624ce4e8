"""The catalogue contains every function that makes a kernel, and finds their kernels."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from typing import Any

import pytest

import tensorlab as tl
from tensorlab import kernels
from tensorlab.kernels import catalogue

MAKERS = {name: maker for name, maker in vars(catalogue).items() if isinstance(maker, catalogue.Maker)}


def makers() -> dict[str, Any]:
    """Return every decorated function of the package, by its name in the catalogue."""
    found = {}
    for module in pkgutil.walk_packages(kernels.__path__, kernels.__name__ + "."):
        for name, thing in vars(importlib.import_module(module.name)).items():
            if hasattr(thing, "lowered") and hasattr(thing, "name") and not isinstance(thing, catalogue.Maker):
                found[name] = thing
    return found


def test_catalogue_contains_every_kernel_maker() -> None:
    assert {name: maker.name for name, maker in MAKERS.items()} == {name: made.name for name, made in makers().items()}
    assert set(catalogue.__all__) == {"Maker", *MAKERS}
    assert len(MAKERS) > 10


@pytest.mark.parametrize("named", [False, True])
def test_kernel_maker_and_catalogue_entry_return_the_same_kernel(named: bool) -> None:
    from tensorlab.kernels.loops.map import map_kernel

    square, types = tl.square.scalar, ("float32",)
    arguments = {"function": square, "compute": "float32", "inputs": types, "outputs": types}
    found = map_kernel(**arguments) if named else map_kernel(*arguments.values())
    assert found is catalogue.map_kernel(*arguments.values())
    assert found is not catalogue.map_kernel(tl.exp.scalar, *list(arguments.values())[1:])


def test_catalogue_can_be_imported_without_numba() -> None:
    program = "import sys, tensorlab.kernels.catalogue; print('numba' in sys.modules, 'llvmlite' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False False\n"
