"""Environments with plugins, installed from wheels or written by hand as an installer would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path

import tensorlab as tl

ROOT = Path(tl.__file__).parent.parent


def install(folder: Path, name: str, source: str, distribution: str | None = None, metadata: bool = True) -> None:
    """Write a module, and the ``.dist-info`` of a distribution that declares it as a plugin."""
    distribution = distribution or f"acme-{name}"
    folder.mkdir(exist_ok=True)
    (folder / f"plugin_{name}.py").write_text(textwrap.dedent(source))
    info = folder / f"{distribution.replace('-', '_')}-1.5.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(f"[tensorlab]\n{name} = plugin_{name}\n")
    if metadata:
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")


PYPROJECT = """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{distribution}"
version = "1.5"
dependencies = ["tensorlab>=0.1"]

[project.entry-points.tensorlab]
{name} = "plugin_{name}"

[tool.setuptools]
py-modules = ["plugin_{name}"]
"""
BUILD = """
import os, sys
from setuptools import build_meta
wheels, *projects = sys.argv[1:]
for project in projects:
    os.chdir(project)
    build_meta.build_wheel(wheels)
"""
PIP = ("-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps")


def project(folder: Path, name: str, source: str) -> Path:
    """Create the project folder of a plugin's distribution."""
    made = folder / f"acme-{name}"
    made.mkdir(parents=True)
    (made / "pyproject.toml").write_text(PYPROJECT.format(name=name, distribution=made.name))
    (made / f"plugin_{name}.py").write_text(textwrap.dedent(source))
    return made


def install_wheels(site: Path, projects: Iterable[Path], work: Path, kernels: bool = False) -> None:
    """Build a wheel of each project with its own build backend, and let pip install all of them without an index.

    Args:
        site: the folder to install into.
        projects: the folders of the projects.
        work: a folder for copies.
        kernels: whether the wheels contain compiled kernels if a project asks for it.
    """
    environment = os.environ | {"TENSORLAB_SHIPPED": "1" if kernels else "0"}
    wheels = work / "wheels"
    copies = [shutil.copytree(project, work / project.name) for project in projects]  # building writes into the folders
    commands = [
        ["-c", BUILD, str(wheels), *map(str, copies)],
        [*PIP, "--target", str(site), "--find-links", str(wheels), *(copy.name for copy in copies)],
    ]
    for command in commands:
        done = subprocess.run(
            [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr


def python(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the plugins of a folder. Warnings are errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def output_of(folder: Path, program: str, **environment: str) -> str:
    """Return the output of a program, which must succeed."""
    done = python(folder, "-c", textwrap.dedent(program), **environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout
