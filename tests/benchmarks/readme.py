"""Generate README's table of measurements from a file of results.

    python tests/benchmarks/readme.py                  print the generated text
    python tests/benchmarks/readme.py --write [FILE]   write it into README.md

README names the file of its table. That file is used without an argument, so that a test can compare both.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import recording
from recording import ROOT, US

README = ROOT / "README.md"
PEERS = ("NumPy", "PyTorch")
"""Libraries that always have a column."""
OTHERS = ("JAX", "Keras")
"""Libraries that have a column if they were measured."""
REGION = re.compile(r"<!-- measured: (?P<file>\S+) -->\n(?P<text>.*?)<!-- end of measured -->\n", re.DOTALL)
Result = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        title: its first cell.
        benchmark: the name of the benchmark.
        name: the name of the result.
        labels: labels that the result must have.
        threads: the number of threads of the run; None for any number.
    """

    title: str
    benchmark: str
    name: str
    labels: dict[str, Any] = field(default_factory=dict)
    threads: int | None = None

    def find(self, record: Result) -> Result | None:
        """Return the result that the row shows, or None if the file does not have it."""
        for run in record["runs"]:
            if run["benchmark"] == self.benchmark and self.threads in (None, run["threads"]):
                for result in run["results"]:
                    if result["name"] == self.name and self.labels.items() <= result.items():
                        return dict(result)
        return None

    @property
    def command(self) -> str:
        """The command that measures it."""
        arguments = "" if self.threads is None else f" --threads {self.threads}"
        return f"`tests/benchmarks/{self.benchmark}.py{arguments}`"


SINGLE, DOUBLE = {"dtype": "float32"}, {"dtype": "float64"}
MEAN = "geometric mean above 100 elements"
ROWS = (
    Row("784-512-10 on MNIST, batch 128: an epoch", "bench_mnist", "epoch"),
    Row("the same: its five matrix products a step alone", "bench_mnist", "matrix products of an epoch alone"),
    Row("the same: first epoch, kernels on disk", "bench_mnist", "first epoch, kernels on disk"),
    Row("the same: a process of 5 epochs, from start to end", "bench_mnist", "whole process of 5 epochs"),
    Row("the same: peak memory of that process", "bench_mnist", "peak memory of 5 epochs"),
    Row("the same: import", "bench_mnist", "import"),
    Row("the same: a training step of 1 image", "bench_mnist", "a training step of 1 image"),
    Row("the same: predict 1 image", "bench_mnist", "predict 1 image"),
    Row("the same: predict 10,000 images", "bench_mnist", "predict 10,000 images"),
    Row("the same: test accuracy after 5 epochs, seed 0", "bench_mnist", "test accuracy after 5 epochs"),
    Row("steps of ten networks with Adam, geometric mean", "bench_scaling", "networks: geometric mean"),
    Row("the worst of the ten", "bench_scaling", "networks: worst"),
    Row("training images a second, batch 1", "bench_scaling", "training images at batch 1"),
    Row("35 operations above 100 elements, float32, geometric mean", "bench_ops", MEAN, SINGLE),
    Row("the same in float64", "bench_ops", MEAN, DOUBLE),
    Row("`exp` of 1,000,000 float32", "bench_ops", "exp[1,000,000]", SINGLE),
    Row("`matmul` (128,784) · (784,512), float32", "bench_ops", "matmul 128,784,512", SINGLE),
    Row("`matmul` (1024,1024) · (1024,1024), float32", "bench_ops", "matmul 1024,1024,1024", SINGLE),
    Row("relu(x · w + b), (128,784) · (784,512), float32", "bench_matmul", "relu(x · w + b) 128,784,512", SINGLE),
    Row("a training step by hand with a tape, one thread", "bench_tape", "training step by hand", threads=1),
    Row("the same with `tl.jit`, two threads", "bench_tape", "training step by hand, tl.jit", threads=2),
    Row("first addition in a process: kernels are compiled", "bench_first_use", "add: first use", {"cache": "empty"}),
    Row("first addition in a process: kernels are on disk", "bench_first_use", "add: first use", {"cache": "full"}),
)
WORST = 5
"""The number of rows with slower operations that are listed."""
BOOK = (0.258, 0.104, 0.069, 0.051, 0.038)
"""The losses printed in *Deep Learning with Python* for this network."""


def cell(result: Result, library: str) -> str:
    """Return the cell of one library: the measured value, and the ratio in brackets."""
    value, ratio = result["medians"].get(library), result["ratios"].get(library)
    parts = [] if value is None else [shown(value, result["unit"])]
    if ratio is not None:
        parts.append(f"({ratio:.2f} ×)" if parts else f"{ratio:.2f} ×")
    return " ".join(parts)


def shown(value: float, unit: str) -> str:
    """Return a value with its unit, as `recording.Recorder.add` describes it."""
    if unit == "s":
        return seconds(value)
    return {"B": f"{value / 1e6:,.0f} MB", "1/s": f"{value:,.0f} /s"}.get(unit, f"{value:.4f}")


def seconds(value: float) -> str:
    """Return a time with three digits and a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size or unit == "µs":
            number = float(f"{value / size:.3g}")
            return f"{number:.0f} {unit}" if number >= 100 else f"{number:g} {unit}"
    raise AssertionError


def text(record: Result) -> str:
    """Return the Markdown of a record: the machine, the table, and the operations in which tensorlab is slower."""
    found = [(row, result) for row in ROWS if (result := row.find(record)) is not None]
    others = [library for library in OTHERS if any(cell(result, library) for _, result in found)]
    libraries = (US, *PEERS, *others)
    lines = [
        "",
        _where(record),
        "",
        f"| | {' | '.join(libraries)} | measured by |",
        "|---" * (len(libraries) + 2) + "|",
    ]
    for row, result in found:
        cells = (row.title, *(cell(result, library) for library in libraries), row.command)
        lines.append(f"| {' | '.join(cells)} |")
    losses = [loss for epoch in range(1, len(BOOK) + 1) for loss in _losses(record, epoch)]
    if len(losses) == len(BOOK):
        ours, book = (" ".join(f"{loss:.3f}" for loss in each) for each in (losses, BOOK))
        lines += ["", f"Training losses of the five epochs: {ours}. The book prints {book}."]
    slower = sorted(_slower(record))
    if slower:
        listed = ", ".join(f"{name} ({ratio:.2f})" for ratio, name in slower[:WORST])
        more = f", and {len(slower) - WORST} more" if len(slower) > WORST else ""
        lines += [
            "",
            "Slower than the faster of the two, above 100 elements, with the ratio of the times:",
            f"{listed}{more}.",
        ]
    return "\n".join(lines) + "\n\n"


def _losses(record: Result, epoch: int) -> list[float]:
    result = Row("", "bench_mnist", f"training loss, epoch {epoch}").find(record)
    return [] if result is None else [result["medians"][US]]


def _where(record: Result) -> str:
    machine, versions = record["machine"], dict(record["versions"])
    for run in record["runs"]:
        versions |= {name: version for name, version in run.get("peers", {}).items() if name not in versions}
    named = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "commit")
    commit = f" (commit {versions['commit']})" if "commit" in versions else ""
    note = f"\n{record['note']}" if "note" in record else ""
    sizes = any(result["unit"] == "B" for run in record["runs"] for result in run["results"])
    compared = "time or memory" if sizes else "time"
    return (
        f"Measured on {record['date']} on {machine['cores']} cores of an {machine['processor']} ({machine['target']}), "
        f"{machine['system']}.\n{named}{commit}.\n"
        f"Times are medians of runs in turn; in brackets, the {compared} of that library divided by tensorlab's.{note}"
    )


def _slower(record: Result) -> list[tuple[float, str]]:
    """Return the measurements of operations above 100 elements in which another library is faster."""
    found = []
    for run in record["runs"]:
        for result in run["results"] if run["benchmark"] in ("bench_ops", "bench_matmul") else ():
            least = min(result["ratios"].values(), default=1.0)
            if least < 1.0 and "[100]" not in result["name"] and result["unit"] == "s":
                found.append((least, f"{result['name']} in {result['dtype']}"))
    return found


def region(readme: str) -> re.Match[str]:
    """Return the generated part of README.

    Raises:
        SystemExit: if README does not have it.
    """
    found = REGION.search(readme)
    if found is None:
        sys.exit(f"{README}: expected <!-- measured: FILE --> and <!-- end of measured -->, received neither")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the text, or write it into README.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", help="of results; by default the one that README.md names")
    parser.add_argument("--write", action="store_true", help="change README.md")
    options = parser.parse_args(arguments)
    readme = README.read_text(encoding="utf-8")
    found = region(readme)
    path = (options.file or ROOT / found["file"]).resolve()
    new = text(recording.read(path))
    if not options.write:
        print(new)
        return
    name = path.relative_to(ROOT).as_posix()
    replaced = f"<!-- measured: {name} -->\n{new}<!-- end of measured -->\n"
    README.write_text(readme[: found.start()] + replaced + readme[found.end() :], encoding="utf-8")


if __name__ == "__main__":
    main()
