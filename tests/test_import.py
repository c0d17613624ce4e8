"""What `import tensorlab` does not do: import what few programs need, and parse scalar functions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tensorlab as tl

ROOT = Path(__file__).parent.parent

LATER = {
    "email",
    "importlib.metadata",
    "llvmlite",
    "numba",
    "pathlib",
    "platformdirs",
    "pooch",
    "rich",
    "socket",
    "tensorlab.datasets",
    "tensorlab.kernel_list",
    "tensorlab.kernels.runtime",
    "tensorlab.linalg",
    "tensorlab.plugins.builtins",
    "tensorlab.testing",
    "urllib.request",
    "zipfile",
}
"""Modules that are imported when they are first used."""


def output(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_modules_that_few_programs_need_are_imported_later() -> None:
    program = "import sys, numpy; early = set(sys.modules); import tensorlab; print(*(set(sys.modules) - early))"
    assert LATER & set(output(program).split()) == set()


def test_no_scalar_function_is_parsed() -> None:
    program = (
        "import tensorlab as tl\n"
        "from tensorlab.scalars import source\n"
        "before = source._parsed.cache_info().misses\n"
        "tl.exp(tl.asarray([1.0], device='reference'))\n"
        "print(before, source._parsed.cache_info().misses)"
    )
    assert output(program) == "0 1\n"


@pytest.mark.parametrize("name", ["datasets", "linalg", "testing"])
def test_lazy_submodules_are_attributes_like_others(name: str) -> None:
    program = f"import tensorlab as tl; print('{name}' in dir(tl), tl.{name}.__name__, '{name}' in vars(tl))"
    assert output(program) == f"True tensorlab.{name} True\n"
    assert output(f"from tensorlab import *; print({name}.__name__)") == f"tensorlab.{name}\n"
    assert output(f"from tensorlab import {name}; print({name}.__name__)") == f"tensorlab.{name}\n"


def test_dir_lists_every_public_name_once() -> None:
    assert set(tl.__all__) <= set(dir(tl))
    assert len(dir(tl)) == len(set(dir(tl)))


def test_unknown_attribute_raises_the_usual_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'tensorlab' has no attribute 'testings'$") as caught:
        _ = tl.testings  # type: ignore[attr-defined]
    assert (caught.value.name, caught.value.obj) == ("testings", tl)
