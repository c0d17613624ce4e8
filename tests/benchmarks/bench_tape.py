"""The cost of a tape: per operation, in a training step written by hand, and in memory, compared with PyTorch.

    python tests/benchmarks/bench_tape.py [--threads 2] [--json FILE]

Times per operation are CPU times of the calling thread (``time.thread_time``), the minimum over several rounds, so that
a busy machine does not affect them. A training step is measured in wall-clock time, or with one thread in CPU time of
that thread, the two libraries in turn. Before its turn, a library waits until the threads of the other one sleep, and
wakes its own. A ratio above 1 means that tensorlab is faster. PyTorch is left out if it is not installed.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import recording
from peers.protocol import settle
from rich.console import Console
from rich.table import Table

import tensorlab as tl

CHAIN = 1000
JIT = "tensorlab, tl.jit"
ROUNDS = 30


def least(run: Callable[[], Any], operations: int, rounds: int) -> float:
    """Return the microseconds per operation, the minimum over rounds."""
    run()
    times = []
    for _ in range(rounds):
        start = time.thread_time()
        run()
        times.append(time.thread_time() - start)
    return min(times) / operations * 1e6


def operations(console: Console, torch: Any, rounds: int, recorder: recording.Recorder) -> None:
    """Measure a chain of 1,000 operations on 4 elements: without a tape, recorded, and differentiated."""
    table = Table("1,000 in a chain, 4 numbers", "alone µs", "recorded +µs", "gradient +µs", "PyTorch's")
    array = np.full(4, 0.9, np.float32)
    x = tl.asarray(array)
    chains: dict[str, tuple[Callable[[Any], Any], Any]] = {
        "y = tanh(y)": (tl.tanh, torch and torch.tanh),
        "y = y * x": (lambda y: y * x, torch and (lambda y: y * leaf)),
        "y = y + 1": (lambda y: y + 1.0, torch and (lambda y: y + 1.0)),
    }
    leaf = torch and torch.tensor(array, requires_grad=True)
    for name, (ours, theirs) in chains.items():

        def chain(step: Callable[[Any], Any], value: Any) -> Any:
            for _ in range(CHAIN):
                value = step(value)
            return value

        def recorded(ours: Callable[[Any], Any] = ours) -> Any:
            with tl.GradientTape() as tape:
                tape.watch(x)
                return tape, chain(ours, x)

        def gradient() -> Any:
            tape, y = recorded()
            return tape.gradient(y, x)

        alone, taped, both = (
            least(run, CHAIN, rounds) for run in (lambda ours=ours: chain(ours, x), recorded, gradient)
        )
        peer, both_ways = "", {recording.US: both / 1e6}
        if torch:

            def backward(theirs: Any = theirs) -> Any:
                return torch.autograd.grad(chain(theirs, leaf), leaf, torch.ones_like(leaf))

            with torch.no_grad():
                t_alone = least(lambda theirs=theirs: chain(theirs, leaf), CHAIN, rounds)
            t_taped = least(lambda theirs=theirs: chain(theirs, leaf), CHAIN, rounds)
            t_both = least(backward, CHAIN, rounds)
            both_ways["PyTorch"] = t_both / 1e6
            peer = f"{t_alone:.2f}  +{t_taped - t_alone:.2f}  +{t_both - t_taped:.2f}"
        recorder.add(f"{name}, recorded and differentiated", both_ways)
        table.add_row(name, f"{alone:.2f}", f"{taped - alone:.2f}", f"{both - taped:.2f}", peer)
    console.print(table)


def training_step(
    console: Console, torch: Any, clock: Callable[[], float], rounds: int, recorder: recording.Recorder
) -> None:
    """Measure the network 784-512-10 on batches of 128, written by hand, from the product to the descent.

    The images are those of MNIST or, if it is not available, random numbers of which four fifths are 0.
    """
    rng = np.random.default_rng(0)
    try:
        (pixels, _), _ = tl.datasets.mnist.load_data(timeout=10)
        images = pixels[:128].reshape(128, 784).astype(np.float32) / 255
    except tl.errors.DatasetError:
        print("MNIST is not available: random numbers instead")
        images = rng.random((128, 784), np.float32) * (rng.random((128, 784)) < 0.2)
    classes = np.eye(10, dtype=np.float32)[rng.integers(0, 10, 128)]
    starts = [
        (rng.standard_normal((784, 512)) * 0.05).astype(np.float32),
        np.zeros(512, np.float32),
        (rng.standard_normal((512, 10)) * 0.05).astype(np.float32),
        np.zeros(10, np.float32),
    ]
    x, y = tl.asarray(images), tl.asarray(classes)
    eager, planned = ([tl.Variable(start) for start in starts] for _ in range(2))

    def step(weights: list[tl.Variable]) -> Any:
        w1, b1, w2, b2 = weights
        with tl.GradientTape() as tape:
            hidden = tl.relu(x @ w1 + b1)
            outputs = tl.softmax(hidden @ w2 + b2)
            loss = tl.mean(-tl.sum(y * tl.log(outputs), axis=1))
        for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
            weight.assign_sub(gradient * 0.01)
        return loss

    jitted = tl.jit(step)
    runs: dict[str, Callable[[], Any]] = {recording.US: lambda: step(eager), JIT: lambda: jitted(planned)}
    if torch:
        tx, ty = torch.from_numpy(images), torch.from_numpy(classes)
        parameters = [torch.tensor(start, requires_grad=True) for start in starts]

        def theirs() -> Any:
            w1, b1, w2, b2 = parameters
            hidden = torch.relu(tx @ w1 + b1)
            outputs = torch.softmax(hidden @ w2 + b2, -1)
            loss = torch.mean(-torch.sum(ty * torch.log(outputs), 1))
            loss.backward()
            loss = loss.detach()
            with torch.no_grad():
                for parameter in parameters:
                    parameter -= parameter.grad * 0.01
                    parameter.grad = None
            return loss

        runs["PyTorch"] = theirs
    times: dict[str, list[float]] = {name: [] for name in runs}
    losses = {name: [float(run()) for _ in range(20)] for name, run in runs.items()}
    for _ in range(rounds):
        for name, run in runs.items():
            settle()
            run()
            start = clock()
            for _ in range(20):
                run()
            times[name].append((clock() - start) / 20)
    table = Table("a training step by hand, 784-512-10, 128", "median µs", "least µs", "loss after 20 steps")
    for name, measured in times.items():
        values = (f"{f(measured) * 1e6:,.0f}" for f in (statistics.median, min))
        table.add_row(name, *values, f"{losses[name][-1]:.5f}")
    console.print(table)
    for title, ours in (("training step by hand", recording.US), ("training step by hand, tl.jit", JIT)):
        taken, ratios = {recording.US: statistics.median(times[ours])}, {}
        if torch:
            taken["PyTorch"] = statistics.median(times["PyTorch"])
            ratios["PyTorch"] = statistics.median(b / a for a, b in zip(times[ours], times["PyTorch"], strict=True))
            console.print(f"PyTorch eager takes {ratios['PyTorch']:.2f} times as long as {ours} (median of rounds)")
        recorder.add(title, taken, ratios=ratios)


def memory(console: Console) -> None:
    """Measure the memory of a tape over 1,000 operations: what remains after each use, and the peak."""
    x = tl.Variable(np.full(10_000, 0.9, np.float32))
    tape = tl.GradientTape()

    def use() -> None:
        with tape:
            y = x
            for _ in range(CHAIN):
                y = y * x
        tape.gradient(y, x)

    use()
    gc.collect()
    tracemalloc.start()
    left, peaks = [], []
    for _ in range(4):
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        use()
        after, peak = tracemalloc.get_traced_memory()
        left.append(after - before)
        peaks.append(peak - before)
    tracemalloc.stop()
    table = Table("1,000 products of 40 kB, four uses of a tape", "kB")
    table.add_row("left after each use", ", ".join(f"{n / 1e3:.1f}" for n in left))
    table.add_row("peak (40,000 are needed)", ", ".join(f"{n / 1e3:,.0f}" for n in peaks))
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    recording.add_argument(parser)
    options = parser.parse_args(arguments)
    tl.set_num_threads(options.threads)
    torch, recorder = recording.pytorch(options.threads), recording.recorder(__file__, options)
    clock = time.thread_time if options.threads == 1 else time.perf_counter
    console = Console()
    operations(console, torch, options.rounds, recorder)
    training_step(console, torch, clock, options.rounds, recorder)
    memory(console)
    recorder.write(options.json)


if __name__ == "__main__":
    main()
