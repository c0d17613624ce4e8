"""Saving and loading take no second copy of the weights in memory. Times are what the benchmark measures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "benchmarks"


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not say how much memory is not of files")
def test_no_second_copy_of_the_weights(tmp_path: Path) -> None:
    path, found, megabytes = tmp_path / "large.tensorlab", {}, 96
    for part in ("save", "load"):  # each in a new process, as its memory at the beginning matters
        command = [sys.executable, str(FOLDER / "bench_saving.py"), f"--part={part}", f"--folder={path}"]
        done = subprocess.run([*command, f"--megabytes={megabytes}"], capture_output=True, text=True, check=True)
        found[part] = int(done.stdout.split()[1]) / path.stat().st_size
    assert found["save"] < 0.3
    assert 0.9 < found["load"] < 1.4  # the weights themselves, and one array
