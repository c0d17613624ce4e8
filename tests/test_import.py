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


@pytest.mark.parametrize("enabled", [True, False])
def test_python_without_its_lock_is_refused(enabled: bool) -> None:
    """Simulate a free-threaded Python, which says whether it has the lock."""
    program = (
        f"import sys; sys._is_gil_enabled = lambda: {enabled}\n"
        "try:\n    import tensorlab\nexcept ImportError as error:\n    print(error)"
    )
    message = (
        "tensorlab: expected Python with its global interpreter lock, received a free-threaded Python that runs "
        "without it; start it with the environment variable PYTHON_GIL=1 or the option -X gil=1\n"
    )
    assert output(program) == ("" if enabled else message)


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
def test_submodule_is_imported_when_an_attribute_is_used(name: str) -> None:
    loaded = f"'tensorlab.{name}' in sys.modules"
    full = f"tensorlab.{name}"
    program = f"import sys, tensorlab as tl; module = tl.{name}; print({loaded}); module.__doc__; print({loaded}); "
    assert output(f"{program} print(tl.{name} is sys.modules['{full}'])") == "False\nTrue\nTrue\n"
    assert output(f"from tensorlab import *; print({name}.__name__)") == f"{full}\n"
    assert output(f"from tensorlab import {name}; print('__all__' in dir({name}))") == "True\n"
    assert output(f"import {full} as one, tensorlab as tl; print(tl.{name} is one)") == "True\n"


def test_lazy_submodule_is_changed_like_the_module_itself() -> None:
    program = (
        "import sys, types, tensorlab as tl\n"
        "module = tl.linalg\n"
        "module.norm2 = 2\n"
        "print(isinstance(module, types.ModuleType), tl.linalg.norm2, sys.modules['tensorlab.linalg'].norm2)\n"
        "del module.norm2\n"
        "print(hasattr(tl.linalg, 'norm2'), module)"
    )
    assert output(program).startswith("True 2 2\nFalse <module 'tensorlab.linalg' from ")


def test_package_has_all_names_and_no_getattr() -> None:
    """A ``__getattr__`` of the module would make each access of ``tl.add`` slower."""
    assert set(tl.__all__) <= set(dir(tl))
    assert not {"__getattr__", "__dir__"} & set(vars(tl))
    with pytest.raises(AttributeError, match=r"^module 'tensorlab' has no attribute 'testings'$"):
        _ = tl.testings  # type: ignore[attr-defined]
