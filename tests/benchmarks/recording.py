"""Results of benchmarks as JSON: the machine, the versions, and for each measurement medians and ratios.

Every benchmark takes ``--json FILE`` and writes one file of this form; `record.py` joins several of them:

    {"format": 1, "date": "2026-11-30", "machine": {...}, "versions": {...},
     "runs": [{"benchmark": "bench_ops", "arguments": [...], "threads": 2, "peers": {...},
               "results": [{"name": "exp[10,000]", "dtype": "float32", "unit": "s",
                            "medians": {"tensorlab": 3.1e-06, "NumPy": 6.4e-06}, "ratios": {"NumPy": 2.06}}]}]}

"peers" has the versions of libraries that ran in other processes; it may be absent. A ratio is the time, or the memory,
of another library divided by tensorlab's, so above 1 tensorlab is faster, or smaller.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FORMAT = 1
ROOT = Path(__file__).parents[2]
US = "tensorlab"
PATHS = ("json", "peer", "plot", "wheel")
"""Options that name files of one machine, which are not recorded."""


class Recorder:
    """Collects the results of one run of a benchmark.

    Args:
        benchmark: the name of the file without ``.py``.
        arguments: the command line, without ``--json FILE``.
        threads: the number of threads of tensorlab; None if it does not apply.
    """

    def __init__(self, benchmark: str, arguments: Sequence[str] = (), threads: int | None = None) -> None:
        self.run: dict[str, Any] = {"benchmark": benchmark, "arguments": list(arguments), "threads": threads}
        self.results: list[dict[str, Any]] = []

    def add(
        self,
        name: str,
        medians: Mapping[str, float],
        unit: str = "s",
        ratios: Mapping[str, float] | None = None,
        **labels: Any,
    ) -> None:
        """Add a measurement.

        Args:
            name: what was measured. Together with the labels it identifies the result in its run.
            medians: the value of each library, by name; ours is "tensorlab".
            unit: of the medians: "s" for seconds, "B" for bytes, "1/s" for what is done in a second, "" for a plain
                number, "ratio" if there are only ratios.
            ratios: the times of other libraries divided by ours. By default they are computed from the medians.
            labels: other properties that distinguish results of the same name, such as ``dtype="float32"``.
        """
        if ratios is None:
            others = {library: value for library, value in medians.items() if library != US}
            ratios = {library: value / medians[US] for library, value in others.items()} if unit == "s" else {}
        self.results.append(
            {"name": name, **labels, "unit": unit, "medians": _rounded(medians), "ratios": _rounded(ratios)}
        )

    def write(self, path: Path | None) -> None:
        """Write the results to a file; do nothing if ``path`` is None."""
        if path is not None:
            write(path, {**environment(), "runs": [{**self.run, "results": self.results}]})


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.5g}") for name, value in values.items()}


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument ``--json FILE`` to a parser."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")


def recorder(file: str, options: argparse.Namespace) -> Recorder:
    """Return the recorder of the benchmark in ``file``, for the options that its parser returned."""
    given = {name: value for name, value in vars(options).items() if name not in PATHS}
    arguments = [f"--{name}={value}" for name, value in given.items()]
    return Recorder(Path(file).stem, arguments, given.get("threads"))


def with_pytorch(
    file: str, description: str | None, arguments: Sequence[str] | None, rounds: int
) -> tuple[argparse.Namespace, Any, Recorder]:
    """Parse the arguments of a benchmark that compares operations with PyTorch, and set the number of threads of both.

    Args:
        file: the file of the benchmark.
        description: its docstring, for ``--help``.
        arguments: the command line; None for that of the process.
        rounds: the default number of rounds.

    Returns:
        the options, PyTorch or None, and the recorder.
    """
    import tensorlab as tl

    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", choices=("float32", "float64", "both"), default="both")
    parser.add_argument("--threads", type=int, default=tl.get_num_threads())
    parser.add_argument("--only", default="", help="only the rows whose name contains this")
    parser.add_argument("--rounds", type=int, default=rounds)
    add_argument(parser)
    options = parser.parse_args(arguments)
    tl.set_num_threads(options.threads)
    return options, pytorch(options.threads), recorder(file, options)


def pytorch(threads: int) -> Any:
    """Return PyTorch, set to a number of threads, or None if it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(threads)
    return torch


def environment() -> dict[str, Any]:
    """Describe the date, the machine and the versions."""
    return {
        "format": FORMAT,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "versions": versions(),
    }


def machine() -> dict[str, Any]:
    """Describe the processor and the system."""
    from llvmlite import binding

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(),
        "target": binding.get_host_cpu_name(),
        "cores": cores,
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str:
    """Return the name of the processor from /proc/cpuinfo or, on other systems, from Python."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Return the versions of Python, tensorlab and the other libraries that are installed."""
    from tensorlab import __version__

    found = {"Python": platform.python_version(), US: __version__}
    commit = _git("rev-parse", "--short", "HEAD")
    if commit:
        found["commit"] = commit + ("+changes" if _git("status", "--porcelain", "--", "tensorlab") else "")
    for name, package in (("NumPy", "numpy"), ("Numba", "numba"), ("llvmlite", "llvmlite"), ("PyTorch", "torch")):
        try:
            found[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def write(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record as JSON with one result per line, so that versions of a file can be compared by line."""
    lines = []
    for run in record["runs"]:
        head = json.dumps({name: value for name, value in run.items() if name != "results"}, ensure_ascii=False)
        results = [f"   {json.dumps(result, ensure_ascii=False)}" for result in run["results"]]
        lines.append(f'  {head[:-1]}, "results": [\n' + ",\n".join(results) + "\n  ]}")
    head = json.dumps({name: value for name, value in record.items() if name != "runs"}, indent=1, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{head[:-2]},\n "runs": [\n' + ",\n".join(lines) + "\n ]\n}\n", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """Read a record.

    Raises:
        SystemExit: for a file of another format.
    """
    record = json.loads(path.read_text(encoding="utf-8"))
    if record.get("format") != FORMAT:
        sys.exit(f"{path}: expected format {FORMAT}, received {record.get('format')}")
    return dict(record)
