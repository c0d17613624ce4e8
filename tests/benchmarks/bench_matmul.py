"""Matrix products of many shapes and layouts, compared with NumPy and PyTorch; prints microseconds and ratios.

    python tests/benchmarks/bench_matmul.py [--dtype float32|float64|both] [--threads 2] [--only 64,64] [--json FILE]

The rows named relu(x · w + b) include bias and activation; the last column is a layer like ``torch.nn.Linear``, whose
weights are transposed. The other rows are products alone. A name gives the rows of A, the columns of A and the columns
of B; aᵀ and bᵀ are transposed operands, "a/4096 B" is an operand whose rows are 4096 bytes apart. The last lines are
the geometric mean and the smallest of the ratios of these rows to the faster peer.

A ratio above 1 means that tensorlab is faster. PyTorch is left out if it is not installed. `bench_ops` describes how
times are measured.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import recording
from bench_ops import ROUNDS, median_times
from rich.console import Console
from rich.table import Table

import tensorlab as tl

PEERS = ("NumPy", "PyTorch", "PyTorch linear")
LAYERS = [(128, 784, 512), (784, 128, 512), (128, 512, 10), (1, 784, 512), (64, 64, 64), (1024, 1024, 1024)]
TRANSPOSED = -1


class Product(NamedTuple):
    """A product of A (m, k) and B (k, n).

    The layout of an operand is 0 if its rows are contiguous, `TRANSPOSED` if its columns are, or the number of bytes
    between its rows.
    """

    m: int
    k: int
    n: int
    a: int = 0
    b: int = 0
    dtype: str = "float32"

    @property
    def name(self) -> str:
        """The shape, and the layout of operands that are not C-contiguous."""
        layouts = [(letter, layout) for letter, layout in (("a", self.a), ("b", self.b)) if layout]
        words = [f"{letter}ᵀ" if layout == TRANSPOSED else f"{letter}/{layout} B" for letter, layout in layouts]
        return " ".join([f"{self.m},{self.k},{self.n}", *words])

    def operands(self) -> tuple[Any, Any]:
        """Return random operands."""
        numbers = np.random.default_rng(0)
        a, b = (numbers.standard_normal(shape).astype(self.dtype) for shape in ((self.m, self.k), (self.k, self.n)))
        return laid_out(a, self.a), laid_out(b, self.b)


PRODUCTS = (
    # A training step of the network 784-512-10 with batches of 128: both layers, then gradients from the last layer on.
    Product(128, 784, 512),
    Product(128, 512, 10),
    Product(512, 128, 10, a=TRANSPOSED),
    Product(128, 10, 512, b=TRANSPOSED),
    Product(784, 128, 512, a=TRANSPOSED),
    # Layers of other sizes.
    Product(128, 784, 512, a=TRANSPOSED),
    Product(128, 784, 512, b=TRANSPOSED),
    Product(784, 128, 512),
    Product(32, 784, 512),
    Product(256, 784, 1024),
    Product(128, 1024, 1024),
    Product(128, 2048, 2048),
    Product(8, 4096, 4096),
    Product(512, 128, 10),
    # Squares.
    Product(64, 64, 64),
    Product(100, 100, 100),
    Product(256, 256, 256),
    Product(512, 512, 512),
    Product(1000, 1000, 1000),
    Product(1024, 1024, 1024),
    Product(1024, 1024, 1024, a=TRANSPOSED, b=TRANSPOSED),
    # One row.
    Product(1, 784, 512),
    Product(1, 512, 10),
    Product(1, 4096, 4096),
    Product(1, 1024, 1024, b=TRANSPOSED),
    # Tall, wide and skinny.
    Product(64, 4096, 64),
    Product(2048, 64, 2048),
    Product(10_000, 32, 8),
    Product(4096, 256, 24),
    Product(4, 1024, 1000),
    # Rows that are a power of two apart.
    Product(100, 500, 120, b=512),
    Product(100, 500, 240, a=4096, b=1024),
    Product(100, 500, 500, b=4096),
    Product(100, 500, 200, a=16_384, b=16_384),
    Product(60, 500, 300, a=65_536, b=65_536),
    # Double precision.
    Product(128, 784, 512, dtype="float64"),
    Product(784, 128, 512, a=TRANSPOSED, dtype="float64"),
    Product(512, 512, 512, dtype="float64"),
    Product(1, 784, 512, dtype="float64"),
    Product(128, 512, 10, dtype="float64"),
)


def laid_out(array: Any, layout: int) -> Any:
    """Return the array in a layout of `Product`."""
    if layout == TRANSPOSED:
        return array.T.copy().T
    if layout == 0:
        return array
    room = np.zeros((array.shape[0], layout // array.itemsize), array.dtype)
    view = room[:, : array.shape[1]]
    view[...] = array
    return view


class Row(NamedTuple):
    """A row of the table, with a function for each library."""

    name: str
    dtype: str
    runs: list[Callable[[], Any]]
    counts: bool
    """Whether the row counts for the geometric mean."""


def rows(torch: Any) -> Iterator[Row]:
    """Yield the rows; operands are made when a row is taken."""
    for m, k, n in LAYERS:
        for dtype in ("float32", "float64"):
            yield _layer(m, k, n, dtype, torch)
    for product in PRODUCTS:
        yield _product(product, torch)


def _layer(m: int, k: int, n: int, dtype: str, torch: Any) -> Row:
    numbers = np.random.default_rng(0)
    x, w, bias = (numbers.standard_normal(shape).astype(dtype) for shape in [(m, k), (k, n), (n,)])
    a, b, c = map(tl.asarray, (x, w, bias))
    runs: list[Callable[[], Any]] = [
        lambda: tl.dense(a, b, c, tl.relu),
        lambda: np.maximum(np.add(np.matmul(x, w), bias), 0),
    ]
    if torch is not None:
        p, q, r = map(torch.from_numpy, (x, w, bias))
        transposed = q.T.contiguous()  # the layout of torch.nn.Linear's weight
        runs += [
            lambda: torch.relu(torch.addmm(r, p, q)),
            lambda: torch.relu(torch.nn.functional.linear(p, transposed, r)),
        ]
    return Row(f"relu(x · w + b) {m},{k},{n}", dtype, runs, counts=False)


def _product(product: Product, torch: Any) -> Row:
    operands = product.operands()
    libraries = [(tl.matmul, tl.asarray), (np.matmul, np.asarray)]
    if torch is not None:
        libraries.append((torch.matmul, torch.from_numpy))
    runs = []
    for multiply, convert in libraries:
        a, b = map(convert, operands)
        runs.append(lambda multiply=multiply, a=a, b=b: multiply(a, b))
    return Row(product.name, product.dtype, runs, counts=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    options, torch, recorder = recording.with_pytorch(__file__, __doc__, arguments, ROUNDS)
    table = Table("operation", "dtype", "tensorlab µs", *[f"{p} µs" for p in PEERS], *[f"{p} / us" for p in PEERS])
    for column in table.columns[2:]:
        column.justify = "right"
    least: dict[str, float] = {}
    for name, dtype, runs, counts in rows(torch):
        if options.only not in name or options.dtype not in (dtype, "both"):
            continue
        times = median_times(runs, options.rounds)
        libraries = (recording.US, *PEERS)[: len(times)]
        recorder.add(name, dict(zip(libraries, times, strict=True)), dtype=dtype)
        missing = ["-"] * (len(PEERS) + 1 - len(times))
        against = [other / times[0] for other in times[1:]]
        shown = [f"{seconds * 1e6:,.1f}" for seconds in times], [f"{ratio:.2f}" for ratio in against]
        table.add_row(name, dtype, *shown[0], *missing, *shown[1], *missing)
        if counts:
            least[f"{name} in {dtype}"] = min(against)
    Console(width=140).print(table)
    if least:
        mean = math.exp(statistics.fmean(map(math.log, least.values())))
        smallest, worst = min((ratio, name) for name, ratio in least.items())
        print(f"{len(least)} products, ratio to the faster peer:")
        print(f"geometric mean {mean:.2f}, worst {smallest:.2f} ({worst})")
        recorder.add("geometric mean of all products", {}, "ratio", {"faster peer": mean})
        recorder.add("worst of all products", {}, "ratio", {"faster peer": smallest})
    recorder.write(options.json)


if __name__ == "__main__":
    main()
