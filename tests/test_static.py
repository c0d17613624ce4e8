"""The code is formatted, passes ruff, and is strictly typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A cache folder for ruff and mypy."""
    return str(tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize(
    "command", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]], ids=["check", "format", "types"]
)
def test_no_findings(command: list[str], cache: str) -> None:
    line = [sys.executable, "-m", *command, "--cache-dir", f"{cache}/{command[0]}"]
    found = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def test_types_of_all_public_names_are_visible(tmp_path: Path, cache: str) -> None:
    import tensorlab as tl

    program = tmp_path / "program.py"
    names = [name for name in tl.__all__ if not name.startswith("__")]
    program.write_text(
        "import tensorlab as tl\n" + "".join(f"tl.{name}\n" for name in names) + "tl.ones((2, 2)).shape\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", f"{cache}/mypy", str(program)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
