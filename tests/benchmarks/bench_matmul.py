"""Products followed by bias and activation, compared with NumPy and PyTorch; prints microseconds and ratios.

    python tests/benchmarks/bench_matmul.py [--dtype float32|float64] [--threads 2] [--only 64,64] [--json FILE]

A ratio above 1 means that tensorlab is faster. PyTorch is left out if it is not installed. `bench_ops` describes how
times are measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import recording
from bench_ops import ROUNDS, median_times
from rich.console import Console
from rich.table import Table

import tensorlab as tl

SHAPES = [(128, 784, 512), (784, 128, 512), (128, 512, 10), (1, 784, 512), (64, 64, 64), (1024, 1024, 1024)]


def rows(dtype: str, torch: Any) -> Iterator[tuple[str, list[Callable[[], Any]]]]:
    """Yield the name of each row, and a function for each library."""
    numbers = np.random.default_rng(0)
    for m, k, n in SHAPES:
        x, w, bias = (numbers.standard_normal(shape).astype(dtype) for shape in [(m, k), (k, n), (n,)])
        a, b, c = map(tl.asarray, (x, w, bias))
        runs: list[Callable[[], Any]] = [
            lambda a=a, b=b, c=c: tl.dense(a, b, c, tl.relu),
            lambda x=x, w=w, bias=bias: np.maximum(np.add(np.matmul(x, w), bias), 0),
        ]
        if torch is not None:
            p, q, r = map(torch.from_numpy, (x, w, bias))
            runs.append(lambda p=p, q=q, r=r: torch.relu(torch.addmm(r, p, q)))
            transposed = q.T.contiguous()  # the layout of torch.nn.Linear's weight
            runs.append(lambda p=p, q=transposed, r=r: torch.relu(torch.nn.functional.linear(p, q, r)))
        yield f"relu(x · w + b) {m},{k},{n}", runs
        several = [tl.matmul, np.matmul] if torch is None else [tl.matmul, np.matmul, torch.matmul]
        for name, left, right in [("xᵀ", x.T.copy().T, w), ("wᵀ", x, w.T.copy().T)]:
            pairs = [map(tl.asarray, (left, right)), (left, right)]
            if torch is not None:
                pairs.append(map(torch.from_numpy, (left, right)))
            yield (
                f"with {name} transposed {m},{k},{n}",
                [lambda f=f, p=tuple(pair): f(*p) for f, pair in zip(several, pairs, strict=True)],
            )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--threads", type=int, default=tl.get_num_threads())
    parser.add_argument("--only", default="", help="only the rows whose name contains this")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    recording.add_argument(parser)
    options = parser.parse_args(arguments)
    tl.set_num_threads(options.threads)
    torch = recording.pytorch(options.threads)
    recorder = recording.recorder(__file__, options)
    peers = ["NumPy", "PyTorch", "PyTorch linear"]
    table = Table("operation", "tensorlab µs", *[f"{peer} µs" for peer in peers], *[f"{peer} / us" for peer in peers])
    for column in table.columns[1:]:
        column.justify = "right"
    for name, runs in rows(options.dtype, torch):
        if options.only not in name:
            continue
        times = median_times(runs, options.rounds)
        libraries = (recording.US, *peers)[: len(times)]
        recorder.add(name, dict(zip(libraries, times, strict=True)), dtype=options.dtype)
        missing = ["-"] * (len(peers) + 1 - len(times))
        against = [f"{other / times[0]:.2f}" for other in times[1:]]
        table.add_row(name, *[f"{seconds * 1e6:,.1f}" for seconds in times], *missing, *against, *missing)
    Console(width=130).print(table)
    recorder.write(options.json)


if __name__ == "__main__":
    main()
