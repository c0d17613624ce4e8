"""Kill a training program at random moments, and start it again until it ends.

    python tests/support/killed_runs.py [--kills 200] [--program mnist_run.py] [--seed 1] [--folder DIR]

It compares what the interrupted runs end with to what a run without checkpoints ends with, and says at the end how many
kills there were, and what they left behind. Its exit status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
SECONDS = 0.7
"""About as long as the training of ``resumed_runs.py`` takes."""
LONGEST = 300.0
"""The seconds after which a program that has not ended counts as hanging."""


def started(folder: str, *more: str, program: str = "resumed_runs.py") -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    command = [sys.executable, str(HERE / program), folder, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def ended(process: subprocess.Popen[str], seconds: float = LONGEST) -> str:
    """Return what a program prints at its end.

    Raises:
        subprocess.TimeoutExpired: if it takes longer. It still runs then.
        RuntimeError: if it fails.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    process.wait(seconds)
    with process:
        if process.returncode:
            raise RuntimeError(process.stderr.read())
        return process.stdout.read().split()[-1]


def end_or_kill(process: subprocess.Popen[str], seconds: float) -> str | None:
    """Kill a program some time after its training begins, and return None; or what it printed if it ended before."""
    assert process.stdout is not None
    process.stdout.readline()  # training begins
    try:
        return ended(process, seconds)
    except subprocess.TimeoutExpired:
        with process:
            process.send_signal(signal.SIGKILL)
        return None


def killed(
    folder: str,
    choose: random.Random,
    kills: int,
    *more: str,
    seconds: float = SECONDS,
    program: str = "resumed_runs.py",
) -> str:
    """Kill a program several times, each time at a random moment, and return what it prints in the end."""
    for _ in range(kills):
        end_or_kill(started(folder, *more, program=program), choose.uniform(0.0, seconds))
    return ended(started(folder, *more, program=program))


def left_behind(folder: str) -> collections.Counter[str]:
    """Return what a kill has left: a torn file, a checkpoint inside of an epoch or after one, or nothing."""
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    found = collections.Counter({"torn files": sum(name.endswith(".tmp") for name in names)})
    whole = [name for name in names if not name.endswith(".tmp")]
    kind = (
        "no checkpoint" if not whole else "between epochs" if "-step-00000000." in whole[-1] else "inside of an epoch"
    )
    return found + collections.Counter({kind: 1})


def main(arguments: Sequence[str] | None = None) -> None:
    """Kill a program until there were enough kills, and exit with status 1 if a run ended with other bits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--program", default="mnist_run.py")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--folder", help="where checkpoints are; the system's folder for temporary files if omitted")
    options = parser.parse_args(arguments)
    choose, kills, runs, different = random.Random(options.seed), 0, 0, 0
    left: collections.Counter[str] = collections.Counter()
    expected = ended(started("", program=options.program))
    process = started("", program=options.program)
    assert process.stdout is not None
    process.stdout.readline()
    start = time.perf_counter()
    ended(process)
    seconds = time.perf_counter() - start
    while kills < options.kills:
        with tempfile.TemporaryDirectory(dir=options.folder) as place:
            printed = None
            while printed is None:
                limit = choose.uniform(0.0, seconds) if kills < options.kills else LONGEST
                printed = end_or_kill(started(place, program=options.program), limit)
                if printed is None:
                    seconds *= 1.1
                    kills += 1
                    left += left_behind(place)
            seconds *= 0.7  # the machine has become faster, as it does other work too
            runs += 1
            different += printed != expected
        print(f"{kills} kills, {runs} runs, {different} different", flush=True)
    print(f"left behind: {dict(left)}; the hash of all runs is {expected}")
    sys.exit(different > 0)


if __name__ == "__main__":
    main()
