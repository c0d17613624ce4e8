"""Environments with plugins in them: folders with modules and ``*.dist-info``, as an installer makes them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import tensorlab as tl

ROOT = Path(tl.__file__).parent.parent


def install(folder: Path, name: str, source: str, distribution: str | None = None, metadata: bool = True) -> None:
    """A module, and the ``.dist-info`` of a distribution that declares it as a plugin."""
    distribution = distribution or f"acme-{name}"
    folder.mkdir(exist_ok=True)
    (folder / f"plugin_{name}.py").write_text(textwrap.dedent(source))
    info = folder / f"{distribution.replace('-', '_')}-1.5.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(f"[tensorlab]\n{name} = plugin_{name}\n")
    if metadata:
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")


def python(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process that finds the folder's plugins. Warnings are errors in it."""
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def output_of(folder: Path, program: str, **environment: str) -> str:
    """What a program prints that ends well."""
    done = python(folder, "-c", textwrap.dedent(program), **environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout
