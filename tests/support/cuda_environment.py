"""The environment of processes that use the CUDA backend without installing it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a process in which tensorlab-cuda appears to be installed."""
    information = folder / "tensorlab_cuda-0.1.0.dist-info"
    information.mkdir(exist_ok=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: tensorlab-cuda\nVersion: 0.1.0\n")
    (information / "entry_points.txt").write_text("[tensorlab]\ncuda = tensorlab_cuda\n")
    folders = REPOSITORY, REPOSITORY / "cuda", Path(__file__).parent, folder, os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(each) for each in folders if each), **variables}


def python(folder: Path, *arguments: str, **variables: str) -> str:
    """Run Python in that environment, and return its output; it must succeed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment(folder, **variables),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
