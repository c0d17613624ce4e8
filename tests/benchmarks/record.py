"""Run the benchmarks that README's table shows, and write their results to one file in ``results/``.

    python tests/benchmarks/record.py [--quick] [--output FILE] [--only bench_ops ...]

This takes about half an hour on two cores; nothing else should run on the machine. For comparisons, PyTorch must be
installed for the same Python. `bench_mnist` and `bench_scaling` also compare with libraries that the variable
TENSORLAB_BENCH_PEERS names, see `workers.py`. ``--quick`` checks that every benchmark runs; its figures mean nothing.
Afterwards: ``python tests/benchmarks/readme.py --write FILE``.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import recording
from recording import ROOT

RUNS: list[tuple[str, list[str], list[str]]] = [
    ("bench_mnist", [], ["--quick"]),
    ("bench_scaling", [], ["--quick"]),
    ("bench_ops", ["--dtype", "both"], ["--dtype", "float32", "--rounds", "1", "--only", "[100]"]),
    ("bench_matmul", [], ["--rounds", "1", "--only", "64,64,64"]),
    ("bench_tape", ["--threads", "1"], ["--threads", "1", "--rounds", "1"]),
    ("bench_tape", ["--threads", "2"], ["--threads", "2", "--rounds", "1"]),
    ("bench_book", [], ["--rounds", "1"]),
    ("bench_plugins", [], ["--repeats", "1"]),
    ("bench_first_use", [], ["--repeats", "1", "--only", "add"]),
]
"""Each benchmark with its arguments, and the arguments of a quick run."""


def slug(record: dict[str, Any]) -> str:
    """Return a file name with the date, the processor and the number of cores."""
    machine = record["machine"]
    words = f"{machine['processor']} {machine['target']} {machine['cores']} cores".lower()
    return f"{record['date']}-{re.sub(r'[^a-z0-9]+', '-', words).strip('-')}"


def main() -> None:
    """Run the benchmarks one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    parser.add_argument("--output", type=Path, help="the file; by default it is named after the date and the machine")
    parser.add_argument("--only", nargs="+", default=[], help="the names of the benchmarks to run")
    options = parser.parse_args()
    if options.quick and not options.output:
        parser.error("--quick needs --output: its figures mean nothing, so they do not belong in results/")
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    record = {**recording.environment(), "runs": []}
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments, quick in RUNS:
            if options.only and name not in options.only:
                continue
            part = Path(folder) / "part.json"
            program = [str(Path(__file__).with_name(f"{name}.py")), *(quick if options.quick else arguments)]
            print(f"\n{' '.join(program)}", flush=True)
            command = [sys.executable, *program, "--json", str(part)]
            subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=True)
            record["runs"] += recording.read(part)["runs"]
    output = options.output or Path(__file__).with_name("results") / f"{slug(record)}.json"
    recording.write(output, record)
    print(f"\n{output}: {sum(len(run['results']) for run in record['runs'])} results")


if __name__ == "__main__":
    main()
