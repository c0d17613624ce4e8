"""The code is formatted, free of what ruff finds, and typed strictly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    "command", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]], ids=["check", "format", "types"]
)
def test_nothing_is_found(command: list[str], tmp_path: Path) -> None:
    cache = ["--cache-dir", str(tmp_path)]
    found = subprocess.run([sys.executable, "-m", *command, *cache], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
