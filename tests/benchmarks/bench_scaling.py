"""Training steps of ten networks with Adam, compared with PyTorch; and growing data, and one and more threads.

    python tests/benchmarks/bench_scaling.py [--quick] [--plot scaling.png] [--peer torch=PYTHON] [--json FILE]

The networks have 784 inputs, some hidden layers of one width with relu, and 10 classes. They vary the batch, the width
and the depth of a base network, one at a time. Each library trains in its own process, on the same random data in
float32, which has no zeros that a library could skip, in its own loop: `fit` in tensorlab, forward, backward and step
in PyTorch. They take turns of a quarter of a second or one step. A ratio is the median of PyTorch's time over
tensorlab's, turn by turn; above 1 tensorlab is faster. This takes about two minutes on two cores. PyTorch is left out
if it is not installed; `workers.py` says how to name its Python.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import recording
import workers
from readme import shown
from recording import US
from rich.console import Console
from rich.table import Table
from workers import Worker, in_turn, ratios

import tensorlab as tl
from tensorlab.environment import install_extra


@dataclass(frozen=True)
class Network:
    """A network and the size of its batches."""

    batch: int
    width: int
    depth: int

    def __str__(self) -> str:
        return f"batch {self.batch:,}, {self.depth} × {self.width}"


@dataclass(frozen=True)
class Plan:
    """What is measured, and how long.

    Attributes:
        base: the network of which the others vary one number.
        variations: the values of each number, the base's own excluded.
        samples: the sizes of the data.
        turn: the seconds of a turn; a turn is at least one step.
        rounds: the number of turns.
    """

    base: Network
    variations: Mapping[str, Sequence[int]]
    samples: Sequence[int]
    turn: float
    rounds: int

    @property
    def networks(self) -> list[Network]:
        """The base and its variations."""
        varied = [replace(self.base, **{name: value}) for name, values in self.variations.items() for value in values]
        return [self.base, *varied]


FULL = Plan(
    Network(128, 512, 2),
    {"batch": (1, 8, 1024, 8192), "width": (16, 2048, 4096), "depth": (8, 32)},
    (1_000, 10_000, 100_000),
    turn=0.25,
    rounds=7,
)
QUICK = Plan(Network(8, 16, 1), {"batch": (1,), "depth": (2,)}, (16, 64), turn=0.01, rounds=1)

Measured = dict[str, list[float]]


class Comparison:
    """The libraries that train, and the measurements so far.

    Args:
        running: the process of each library.
        plan: what is measured.
        threads: the number of threads.
        recorder: for the record.
    """

    def __init__(self, running: Mapping[str, Worker], plan: Plan, threads: int, recorder: recording.Recorder) -> None:
        self.running, self.plan, self.threads, self.recorder = running, plan, threads, recorder
        self.console = Console(width=110)

    def epochs(self, network: Network, samples: int, rounds: int, threads: int, shuffle: bool = False) -> Measured:
        """Return the seconds of epochs in turn, without the first of each library."""
        for worker in self.running.values():
            worker.ask("train", **asdict(network), samples=samples, threads=threads, shuffle=shuffle)
            worker.ask("epoch")
        taken = in_turn(self.running, rounds, lambda worker: worker.ask("epoch")["seconds"])
        for worker in self.running.values():
            worker.ask("stop")
        return taken

    def step(self, network: Network, threads: int | None = None) -> Measured:
        """Return the seconds per step in each turn."""
        threads = threads or self.threads
        few = 8 if network.batch <= 128 else 1
        probe = self.epochs(network, few * network.batch, 1, threads)
        slowest = max(times[0] for times in probe.values()) / few
        steps = max(1, min(2000, round(self.plan.turn / slowest)))
        taken = self.epochs(network, steps * network.batch, self.plan.rounds, threads)
        return {library: [seconds / steps for seconds in times] for library, times in taken.items()}

    def networks(self) -> dict[Network, Measured]:
        """Measure the networks."""
        found = {network: self.step(network) for network in self.plan.networks}
        table = self._table("a step, with Adam", {str(network): taken for network, taken in found.items()})
        for network, taken in found.items():
            self._add(f"step: {network}", taken, "s")
        compared = {network: _compared(taken) for network, taken in found.items()}
        for peer in list(self.running)[1:]:
            each = {network: one[peer] for network, one in compared.items()}
            mean = math.exp(statistics.fmean(map(math.log, each.values())))
            worst = min(each, key=each.__getitem__)
            table.add_section()
            table.add_row("geometric mean", "", "", f"{mean:.2f}")
            table.add_row(f"worst: {worst}", "", "", f"{each[worst]:.2f}")
            self.recorder.add("networks: geometric mean", {}, "ratio", {peer: mean})
            self.recorder.add("networks: worst", {}, "ratio", {peer: each[worst]}, network=str(worst))
        self.console.print(table)
        single = next(taken for network, taken in found.items() if network.batch == 1)
        rates = {library: 1 / statistics.median(times) for library, times in single.items()}
        self.recorder.add("training images at batch 1", rates, "1/s", _compared(single))
        print("images a second at batch 1: " + ", ".join(f"{name} {rate:,.0f}" for name, rate in rates.items()))
        return found

    def data(self) -> dict[int, Measured]:
        """Measure epochs of growing data, shuffled, and return the seconds per image."""
        found = {}
        for samples in self.plan.samples:
            taken = self.epochs(self.plan.base, samples, min(3, self.plan.rounds), self.threads, shuffle=True)
            found[samples] = {library: [t / samples for t in times] for library, times in taken.items()}
            self._add(f"an image, of {samples:,}, shuffled", found[samples], "s")
        rows = {f"of {samples:,} images": taken for samples, taken in found.items()}
        self.console.print(self._table(f"an image in an epoch, {self.plan.base}", rows))
        return found

    def cores(self) -> dict[int, Measured]:
        """Measure the base network with one thread, and with all."""
        found = {count: self.step(self.plan.base, count) for count in sorted({1, self.threads})}
        for count, taken in found.items():
            self._add(f"step: {self.plan.base}", taken, "s", threads=count)
        rows = {f"{count} thread{'s' * (count > 1)}": taken for count, taken in found.items()}
        self.console.print(self._table(f"a step, {self.plan.base}", rows))
        return found

    def _add(self, name: str, taken: Measured, unit: str, **labels: Any) -> None:
        medians = {library: statistics.median(times) for library, times in taken.items()}
        self.recorder.add(name, medians, unit, _compared(taken), **labels)

    def _table(self, title: str, rows: Mapping[str, Measured]) -> Table:
        peers = list(self.running)[1:]
        table = Table(title, *self.running, *(f"{peer} / tensorlab" for peer in peers))
        for column in table.columns[1:]:
            column.justify = "right"
        for name, taken in rows.items():
            values = [shown(statistics.median(times), "s") for times in taken.values()]
            table.add_row(name, *values, *(f"{ratio:.2f}" for ratio in _compared(taken).values()))
        return table


def _compared(taken: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {library: statistics.median(values) for library, values in ratios(taken).items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=tl.get_num_threads())
    parser.add_argument("--quick", action="store_true", help="tiny networks, to see that everything runs")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw the results, with matplotlib")
    workers.add_argument(parser)
    recording.add_argument(parser)
    options = parser.parse_args(arguments)
    try:
        from scaling_plot import draw
    except ImportError:
        draw = None
        if options.plot:
            print(f"The plot is left out: it needs matplotlib: {install_extra('bench')}")
    recorder = recording.recorder(__file__, options)
    programs = {US: ("scaling_tensorlab", sys.executable)}
    found = workers.find(("torch",), options.peer)
    programs |= {workers.TITLES[name]: (f"scaling_{name}", python) for name, python in found.items()}
    with ExitStack() as stack:
        running = {
            library: stack.enter_context(Worker(program, python, {"threads": options.threads}))
            for library, (program, python) in programs.items()
        }
        recorder.run["peers"] = workers.versions(running)
        comparison = Comparison(running, QUICK if options.quick else FULL, options.threads, recorder)
        networks, data, cores = comparison.networks(), comparison.data(), comparison.cores()
        workers.report_waiting_cpu(running)
    if options.plot and draw is not None:
        draw(options.plot, comparison.plan.base, networks, data, cores)
        print(f"drawn to {options.plot}")
    recorder.write(options.json)


if __name__ == "__main__":
    main()
