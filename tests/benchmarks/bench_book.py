"""The book's first timing: 1,000 times add and relu of matrices of (20, 100); prints seconds and ratios.

    python tests/benchmarks/bench_book.py [--rounds 9] [--threads 2] [--json FILE]

The book reports 0.02 s for NumPy and 2.45 s for Python loops over the elements. Each figure is the median of rounds in
which all candidates take turns, so that a machine whose speed drifts slows all of them equally. The loops are measured
once, with 20 calls, and scaled up.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import recording
from rich.console import Console
from rich.table import Table

import tensorlab as tl

CALLS = 1000

Array = np.ndarray[Any, Any]


def naive_add(x: Array, y: Array) -> Array:
    x = x.copy()
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] += y[i, j]
    return x


def naive_relu(x: Array) -> Array:
    x = x.copy()
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] = max(x[i, j], 0)
    return x


@tl.elementwise
def add_then_relu(x: float, y: float) -> float:
    """Return max(x + y, 0)."""
    return max(x + y, 0.0)


def seconds(run: Callable[[], Any], calls: int) -> float:
    """Return the time of 1,000 calls, extrapolated from some."""
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) * CALLS / calls


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=tl.get_num_threads())
    recording.add_argument(parser)
    options = parser.parse_args(arguments)
    tl.set_num_threads(options.threads)

    numbers = np.random.default_rng(0)
    x, y = numbers.normal(size=(20, 100)), numbers.normal(size=(20, 100))
    a, b = tl.asarray(x), tl.asarray(y)
    ways: dict[str, Callable[[], Any]] = {
        "NumPy, two calls": lambda: np.maximum(x + y, 0.0),
        "tensorlab, two calls": lambda: tl.relu(a + b),
        "tensorlab, one call of tl.elementwise": lambda: add_then_relu(a, b),
    }
    expected = naive_relu(naive_add(x, y))
    for name, run in ways.items():
        if not np.array_equal(run(), expected):
            raise SystemExit(f"{name} does not give what the loops give")

    loops = seconds(lambda: naive_relu(naive_add(x, y)), 20)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, run in ways.items():
            taken[name].append(seconds(run, CALLS))
    medians = {"Python loops": loops, **{name: statistics.median(times) for name, times in taken.items()}}

    table = Table("1,000 × add, relu on (20, 100) float64", "seconds", "times NumPy's")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, median in medians.items():
        table.add_row(name, f"{median:.4f}", f"{median / medians['NumPy, two calls']:.2f}")
    Console(width=90).print(table)
    recorder = recording.recorder(__file__, options)
    numpy = medians["NumPy, two calls"]
    for name, median in medians.items():
        if name.startswith(recording.US):
            times = {recording.US: median, "NumPy": numpy, "Python loops": loops}
            recorder.add(f"1,000 times add, relu of (20, 100): {name}", times, dtype="float64")
    recorder.write(options.json)


if __name__ == "__main__":
    main()
