"""First use: seconds of the imports and of the first operation, with an empty and with a full kernel cache.

    python tests/benchmarks/bench_first_use.py [--repeats 5] [--json FILE]

Every figure is the median over new processes. The times of the imports are a lower bound.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence

import recording
from recording import ROOT

PROGRAM = """
import sys, time
start = time.perf_counter()
import numpy as np
numpy = time.perf_counter()
import tensorlab as tl
library = time.perf_counter()
x = tl.asarray(np.ones((64, 64), np.float32))
ready = time.perf_counter()
{operation}
first = time.perf_counter()
{operation}
second = time.perf_counter()
print(numpy - start, library - numpy, first - ready, second - first, first - start, int("numba" in sys.modules))
"""
OPERATIONS = {
    "add": "tl.add(x, x)",
    "exp": "tl.exp(x)",
    "sum": "tl.sum(x)",
    "softmax": "tl.softmax(x)",
    "matmul": "x @ x",
}
HEADER = ("import numpy", "import tensorlab", "first use", "second use", "in all")


def measured(operation: str, cache: str) -> list[float]:
    """Return the columns of `HEADER`, and whether Numba was imported, for one new process."""
    variables = os.environ | {"TENSORLAB_CACHE_DIR": cache, "PYTHONPATH": str(ROOT)}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # imports use stored byte code, as those of installed packages do
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(operation=operation)],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(word) for word in done.stdout.split()]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=OPERATIONS, help="one operation")
    recording.add_argument(parser)
    options = parser.parse_args(arguments)
    recorder = recording.recorder(__file__, options)
    print(f"{'seconds':20}" + "".join(f"{title:>18}" for title in HEADER) + "   Numba imported")
    for name, operation in OPERATIONS.items():
        if options.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory() as full:
            measured(operation, full)
            runs = {"empty cache": [], "full cache": []}
            for _ in range(options.repeats):
                with tempfile.TemporaryDirectory() as empty:
                    runs["empty cache"].append(measured(operation, empty))
                runs["full cache"].append(measured(operation, full))
        for cache, rows in runs.items():
            *medians, numba = (statistics.median(column) for column in zip(*rows, strict=True))
            for title, value in zip(HEADER, medians, strict=True):
                recorder.add(f"{name}: {title}", {recording.US: value}, cache=cache.removesuffix(" cache"))
            cells = "".join(f"{value:18.4f}" for value in medians)
            print(f"{name + ', ' + cache:20}{cells}   {'yes' if numba else 'no'}", flush=True)
    recorder.write(options.json)


if __name__ == "__main__":
    main()
