"""An editable install of a clone whose folder is named tensorlab, like the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
BUILD = "import sys; from setuptools import build_meta; build_meta.build_editable(sys.argv[1])"
IMPORT = """
import site, sys
site.addsitedir(sys.argv[1])  # reads its .pth files, as the interpreter does at its start
sys.path.append(sys.argv[2])  # what tensorlab depends on, without the .pth files beside it
import pytest_tensorlab, tensorlab
print(tensorlab.__file__, pytest_tensorlab.__file__, tensorlab.asarray([1, 2]), sep="\\n")
"""


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_package_is_found_from_the_parent_folder_of_the_clone(tmp_path: Path) -> None:
    clone, wheels, site = tmp_path / "tensorlab", tmp_path / "wheels", tmp_path / "site"
    shutil.copytree(ROOT / "tensorlab", clone / "tensorlab", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "pytest_tensorlab.py"):
        shutil.copy(ROOT / name, clone)
    run(clone, "-c", BUILD, str(wheels))
    (wheel,) = wheels.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    expected = [
        str(clone / "tensorlab" / "__init__.py"),
        str(clone / "pytest_tensorlab.py"),
        "Tensor([1, 2], dtype=int64)",
    ]
    for folder in (tmp_path, clone, site):
        found = run(folder, "-S", "-c", IMPORT, str(site), sysconfig.get_path("purelib"))
        assert found.splitlines() == expected
