"""Kill a training program at random moments, and start it again until it ends.

Run as a script: ``killed_runs.py SEED COUNT``. It compares what each of COUNT interrupted runs ends with.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
SECONDS = 0.7
"""About as long as the training of the program takes."""


def started(folder: str, *more: str, program: str = "resumed_runs.py") -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    command = [sys.executable, str(HERE / program), folder, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def ended(process: subprocess.Popen[str]) -> str:
    """Return what a program prints at its end."""
    output, errors = process.communicate(timeout=300)
    if process.returncode:
        raise RuntimeError(errors)
    return output.split()[-1]


def killed(folder: str, choose: random.Random, kills: int) -> str:
    """Kill a program several times, each time at a random moment, and return what it prints in the end."""
    for _ in range(kills):
        process = started(folder)
        assert process.stdout is not None
        process.stdout.readline()  # training begins
        time.sleep(choose.uniform(0.0, SECONDS))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return ended(started(folder))


if __name__ == "__main__":
    chosen, expected = random.Random(int(sys.argv[1])), ended(started(""))
    for number in range(int(sys.argv[2])):
        with tempfile.TemporaryDirectory() as place:
            same = killed(place, chosen, kills=3) == expected
            print(number, "same" if same else "DIFFERENT", sorted(os.listdir(place)), flush=True)
