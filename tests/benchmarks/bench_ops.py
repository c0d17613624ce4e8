"""Operations of tensorlab, NumPy and PyTorch, measured in turn; prints microseconds and ratios.

    python tests/benchmarks/bench_ops.py [--dtype float32|float64] [--threads 2] [--only exp] [--json FILE]

A ratio above 1 means that tensorlab is faster. PyTorch is left out if it is not installed. Each figure is the median of
rounds in which all libraries take turns, so that a machine whose speed drifts slows all of them equally. Before its
turn, a library waits until the threads of the others sleep, and wakes its own.

A row is below the bar if it is slower than 0.9 of the faster peer (at a million elements, and for products), slower
than 0.7 of it (below a million elements), or slower than PyTorch (at 100 elements).
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import recording
from peers.protocol import settle
from rich.console import Console
from rich.table import Table

import tensorlab as tl

Row = tuple[str, int, Callable[[], Any], Callable[[], Any], Callable[[], Any] | None]
ROUNDS = 15


def rows(dtype: str, torch: Any) -> Iterator[Row]:
    numbers = np.random.default_rng(0)

    def made(*shape: int) -> tuple[Any, Any, Any]:
        array = (numbers.random(shape) + 0.5).astype(dtype)
        return tl.asarray(array), array, None if torch is None else torch.from_numpy(array)

    def row(name: str, size: int, ours: Any, numpy: Any, theirs: Any, *arguments: tuple[Any, Any, Any]) -> Row:
        a, b, c = zip(*arguments, strict=True)
        run = None if torch is None else lambda: theirs(*c)
        return name, size, lambda: ours(*a), lambda: numpy(*b), run

    t = torch
    for size in (100, 10_000, 1_000_000):
        x, y = made(size), made(size)
        label = f"[{size:,}]"
        yield row(f"add{label}", size, tl.add, np.add, t and t.add, x, y)
        yield row(f"multiply{label}", size, tl.multiply, np.multiply, t and t.mul, x, y)
        yield row(f"divide{label}", size, tl.divide, np.divide, t and t.div, x, y)
        yield row(f"maximum{label}", size, tl.maximum, np.maximum, t and t.maximum, x, y)
        for name in ("exp", "log", "tanh", "sqrt"):
            yield row(f"{name}{label}", size, getattr(tl, name), getattr(np, name), t and getattr(t, name), x)
        yield row(f"sigmoid{label}", size, tl.sigmoid, lambda v: 1 / (1 + np.exp(-v)), t and t.sigmoid, x)
        yield row(f"relu{label}", size, tl.relu, lambda v: np.maximum(v, 0), t and t.relu, x)
        yield row(f"sum{label}", size, tl.sum, np.sum, t and t.sum, x)
    m, v = made(1000, 1000), made(1000)
    n = 1_000_000
    yield row("(1000,1000) + (1000,)", n, tl.add, np.add, t and t.add, m, v)
    yield row(
        "maximum (64,3,32,10), (32,10)",
        61_440,
        tl.maximum,
        np.maximum,
        t and t.maximum,
        made(64, 3, 32, 10),
        made(32, 10),
    )
    for axis in (0, 1):
        yield row(
            f"sum over axis {axis}",
            n,
            lambda a, axis=axis: tl.sum(a, axis=axis),
            lambda a, axis=axis: np.sum(a, axis=axis),
            t and (lambda a, axis=axis: t.sum(a, dim=axis)),
            m,
        )
    yield row(
        "max over axis 1", n, lambda a: tl.max(a, axis=1), lambda a: np.max(a, 1), t and (lambda a: t.amax(a, 1)), m
    )
    yield row(
        "argmax over axis 1",
        n,
        lambda a: tl.argmax(a, axis=1),
        lambda a: np.argmax(a, 1),
        t and (lambda a: t.argmax(a, 1)),
        m,
    )
    yield row("softmax over axis 1", n, tl.softmax, numpy_softmax, t and (lambda a: t.softmax(a, 1)), m)
    shapes = [(128, 784, 512), (784, 128, 512), (128, 512, 10), (1, 784, 512), (64, 64, 64), (1024, 1024, 1024)]
    for rows_, inner, columns in shapes:
        a, b = made(rows_, inner), made(inner, columns)
        yield row(f"matmul {rows_},{inner},{columns}", n, tl.matmul, np.matmul, t and t.matmul, a, b)


def numpy_softmax(x: Any) -> Any:
    shifted = np.exp(x - x.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def run_for(run: Callable[[], Any], seconds: float) -> float:
    """Return the seconds per call, for calls during a given time."""
    count = 0
    start = now = time.perf_counter()
    while now - start < seconds:
        run()
        count += 1
        now = time.perf_counter()
    return (now - start) / count


def median_times(runs: list[Callable[[], Any]], rounds: int = ROUNDS) -> list[float]:
    """Return the seconds per call of each function, measured in turn, with only its own threads awake."""
    repeats = []
    for run in runs:
        run()  # compiles a kernel
        run_for(run, 5e-3)  # compiles the call, after a hundred calls
        repeats.append(max(1, min(2000, int(3e-3 / run_for(run, 1e-3)))))
    taken: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, count, times in zip(runs, repeats, taken, strict=True):
            settle()
            run_for(run, 5e-3)
            start = time.perf_counter()
            for _ in range(count):
                run()
            times.append((time.perf_counter() - start) / count)
    return [statistics.median(times) for times in taken]


def bar(size: int) -> float:
    """Return the ratio to the best peer that a row should reach; for small sizes the peer is PyTorch."""
    return 1.0 if size <= 100 else 0.7 if size < 1_000_000 else 0.9


def measure(dtype: str, options: argparse.Namespace, torch: Any, recorder: recording.Recorder) -> None:
    """Measure the rows of one dtype, print them, and record them."""
    table = Table(f"operation, {dtype}", "tensorlab µs", "NumPy µs", "PyTorch µs", "NumPy / us", "PyTorch / us")
    for column in table.columns[1:]:
        column.justify = "right"
    ratios: dict[str, list[float]] = {"NumPy": [], "PyTorch": []}
    below = []
    for name, size, *runs in rows(dtype, torch):
        if options.only not in name:
            continue
        times = median_times([run for run in runs if run is not None], options.rounds)
        against = [other / times[0] for other in times[1:]]
        libraries = (recording.US, *ratios)[: len(times)]
        recorder.add(name, dict(zip(libraries, times, strict=True)), dtype=dtype, bar=bar(size))
        table.add_row(
            name,
            *[f"{seconds * 1e6:,.1f}" for seconds in times],
            *([] if torch else ["-"]),
            *[f"{ratio:.2f}" for ratio in against],
        )
        if size > 100:
            for peer, ratio in zip(ratios, against, strict=False):
                ratios[peer].append(ratio)
        worst = against[-1] if size <= 100 else min(against)
        if worst < bar(size):
            below.append(f"{name} {worst:.2f} (of {bar(size)})")
    Console(width=110).print(table)
    means: dict[str, float] = {}
    for peer, values in ratios.items():
        if values:
            mean = means[peer] = math.exp(statistics.fmean(map(math.log, values)))
            print(f"geometric mean over the rows above 100 elements: {mean:.2f} times as fast as {peer}")
    if means:
        recorder.add("geometric mean above 100 elements", {}, "ratio", means, dtype=dtype)
    print(f"rows below the bar: {', '.join(below) or 'none'}\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    options, torch, recorder = recording.with_pytorch(__file__, __doc__, arguments, ROUNDS)
    for dtype in ("float32", "float64") if options.dtype == "both" else (options.dtype,):
        measure(dtype, options, torch, recorder)
    recorder.write(options.json)


if __name__ == "__main__":
    main()
