"""The environment of processes that use the CUDA backend without installing it."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """The environment of a process in which tensorlab-cuda is as good as installed."""
    information = folder / "tensorlab_cuda-0.1.0.dist-info"
    information.mkdir(exist_ok=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: tensorlab-cuda\nVersion: 0.1.0\n")
    (information / "entry_points.txt").write_text("[tensorlab]\ncuda = tensorlab_cuda\n")
    folders = REPOSITORY, REPOSITORY / "cuda", Path(__file__).parent, folder, os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(each) for each in folders if each), **variables}
