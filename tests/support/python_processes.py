"""Run programs in new Python processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python. Warnings are errors, except that of Python 3.12 about forking a process with threads."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def output_of(program: str, **environment: str) -> str:
    """Return the output of a program, which must succeed and print no errors."""
    done = python("-c", program, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
