"""The book's network in tensorlab, PyTorch, JAX and Keras on TensorFlow, each in a process of its own.

    python tests/benchmarks/bench_mnist.py [--epochs 5] [--threads 2] [--peer jax=PYTHON ...] [--json FILE]

All train 784-512-10 with RMSprop, batches of 128 and a new order in every epoch, in float32, on data in memory, and
count the accuracy. Their programs are in `peers/`. Libraries that are not installed are left out; `workers.py` says how
to name the Python of each. Data is MNIST or, if it is not available, random bytes, which take as long except where a
library skips zeros.

In the first pass all libraries train an epoch in turn, and then predict in turn: one image, from an array to an array,
and 10,000 images with default arguments. tensorlab and PyTorch also train a second network on one image a step. After
each round of epochs, the BLAS of NumPy and of PyTorch compute the five matrix products of a step, as often as an epoch
does: the time of an epoch if nothing else had to be done. Ratios are medians of the ratios in each round; the first
epoch is not among them.

In the second pass the processes run one after the other: import, training, evaluation, exit, with kernels on disk. The
peak memory is that of the whole process, in which the data takes 220 MB.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import recording
import workers
from readme import cell, shown
from recording import US
from rich.console import Console
from rich.table import Table
from workers import Worker, in_turn, ratios

import tensorlab as tl

SIZE = 60_000
PEERS = ("torch", "jax", "keras")
SINGLE = 1024
"""How many images the other networks are trained on, one a step."""
PRODUCTS = "matrix products of an epoch alone"


def save_data(folder: Path, samples: int) -> None:
    """Write images, as numbers from 0 to 1, and labels into a folder."""
    try:
        (x, y), (x_test, y_test) = tl.datasets.mnist.load_data(timeout=10)
    except tl.errors.DatasetError:
        print("MNIST is not available: random bytes instead, so the accuracies mean nothing")
        numbers = np.random.default_rng(0)
        x, x_test = (numbers.integers(0, 256, (n, 28, 28), np.uint8) for n in (samples, 10_000))
        y, y_test = (numbers.integers(0, 10, n).astype(np.uint8) for n in (samples, 10_000))
    for name, images in (("x", x[:samples]), ("x_test", x_test)):
        np.save(folder / f"{name}.npy", images.reshape(-1, 784).astype("float32") / 255)
    np.save(folder / "y.npy", y[:samples])
    np.save(folder / "y_test.npy", y_test)


class Comparison:
    """The measurements of one run, which go into a table and into a record.

    Args:
        pythons: the Python of each library but tensorlab, which runs in this one.
        options: what every worker is to know.
        recorder: for the record.
    """

    def __init__(self, pythons: Mapping[str, str], options: Mapping[str, Any], recorder: recording.Recorder) -> None:
        self.programs = {US: ("mnist_tensorlab", sys.executable)}
        self.programs |= {workers.TITLES[name]: (f"mnist_{name}", python) for name, python in pythons.items()}
        self.options, self.recorder = options, recorder
        self.table = Table("784-512-10 on MNIST", *self.programs)
        for column in self.table.columns[1:]:
            column.justify = "right"

    def start(self, library: str, **options: Any) -> Worker:
        """Start the process of a library."""
        return Worker(*self.programs[library], {**self.options, **options})

    def add(self, name: str, measured: Mapping[str, Sequence[float]], unit: str = "s") -> None:
        """Add medians and, of what has a unit, the medians of the ratios to tensorlab's."""
        medians = {library: statistics.median(values) for library, values in measured.items()}
        compared = {library: statistics.median(values) for library, values in ratios(measured).items()} if unit else {}
        self.recorder.add(name, medians, unit, compared)
        self.table.add_row(name, *[cell(self.recorder.results[-1], library) for library in self.programs])

    def in_turns(self, epochs: int, rounds: int, seconds: float) -> None:
        """Train in turn, and then predict in turn, for some rounds of some seconds for each library."""
        with ExitStack() as stack:
            running = {library: stack.enter_context(self.start(library)) for library in self.programs}
            blas = {"NumPy": stack.enter_context(Worker("mnist_numpy", sys.executable, self.options))}
            blas |= {library: worker for library, worker in running.items() if library == "PyTorch"}
            self._train(epochs, running, blas)
            for name, command in (("predict 1 image", "predict_one"), ("predict 10,000 images", "predict_all")):
                self.add(name, in_turn(running, rounds, lambda w, do=command: w.ask(do, seconds=seconds)["median"]))
            eager = {library: worker for library, worker in running.items() if library in (US, "PyTorch")}
            images = min(SINGLE, self.options["samples"])
            steps = in_turn(eager, rounds, lambda w: w.ask("train_singly", images=images)["seconds"] / images)
            self.add("a training step of 1 image", steps)
            accuracies = in_turn(running, 1, lambda worker: worker.ask("accuracy")["accuracy"])
            self.add(f"test accuracy after {epochs} epochs", accuracies, "")
            self.recorder.run["peers"] = workers.versions(running)
            workers.report_waiting_cpu(running)

    def _train(self, epochs: int, running: Mapping[str, Worker], blas: Mapping[str, Worker]) -> None:
        for worker in running.values():
            worker.ask("train")
        taken: dict[str, list[float]] = {library: [] for library in running}
        products: dict[str, list[float]] = {library: [] for library in blas}
        losses: list[float] = []
        for _ in range(epochs):
            for library, worker in running.items():
                answer = worker.ask("epoch")
                taken[library].append(answer["seconds"])
                losses += [answer["loss"]] if library == US else []
            for library, worker in blas.items():
                products[library].append(worker.ask("products")["seconds"])
        for worker in running.values():
            worker.ask("stop")
        self.add("first epoch", {library: times[:1] for library, times in taken.items()})
        later = {library: times[1:] for library, times in taken.items()}
        self.add("epoch", later)
        alone = {library: times[1:] for library, times in products.items()}
        medians = {library: statistics.median(times) for library, times in alone.items()}
        compared = {library: statistics.median(r) for library, r in ratios({US: later[US], **alone}).items()}
        self.recorder.add(PRODUCTS, medians, "s", compared)
        best = min(medians, key=medians.__getitem__)
        print(f"{PRODUCTS}: {shown(medians[best], 's')} in {best}, {compared[best]:.2f} of tensorlab's epoch")
        for number, loss in enumerate(losses, 1):
            self.recorder.add(f"training loss, epoch {number}", {US: loss}, "")

    def one_after_the_other(self, epochs: int, repeats: int) -> None:
        """Run whole processes."""
        imports: dict[str, list[float]] = {library: [] for library in self.programs}
        firsts: dict[str, list[float]] = {library: [] for library in self.programs}
        wholes: dict[str, list[float]] = {library: [] for library in self.programs}
        peaks: dict[str, list[float]] = {library: [] for library in self.programs}
        for _ in range(repeats):
            for library in self.programs:
                with self.start(library, settle=False) as worker:
                    commands = ("train", *["epoch"] * epochs, "stop", "accuracy")
                    answers = [worker.ask(command) for command in commands]
                    peak = worker.ask("memory")["bytes"]
                    wholes[library].append(worker.end())
                imports[library].append(worker.ready["import"])
                firsts[library].append(answers[1]["seconds"])
                peaks[library] += [peak] if peak else []
        self.add("import", imports)
        self.add("first epoch, kernels on disk", firsts)
        self.add(f"whole process of {epochs} epochs", wholes)
        if all(peaks.values()):
            self.add(f"peak memory of {epochs} epochs", peaks, "B")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=tl.get_num_threads())
    parser.add_argument("--samples", type=int, default=SIZE, help="the number of training images")
    parser.add_argument("--repeats", type=int, default=3, help="whole processes of each library; 0 for none")
    parser.add_argument("--quick", action="store_true", help="256 images and 2 epochs, to see that everything runs")
    workers.add_argument(parser)
    recording.add_argument(parser)
    options = parser.parse_args(arguments)
    if options.quick:
        options.epochs, options.samples, options.repeats = 2, 256, 1
    if options.epochs < 2:
        parser.error("--epochs must be at least 2: the first epoch is not counted")
    recorder = recording.recorder(__file__, options)
    rounds, seconds = (1, 0.01) if options.quick else (5, 0.3)
    with tempfile.TemporaryDirectory() as folder:
        save_data(Path(folder), options.samples)
        known = {"threads": options.threads, "samples": options.samples, "data": folder, "cache": f"{folder}/cache"}
        comparison = Comparison(workers.find(PEERS, options.peer), known, recorder)
        comparison.in_turns(options.epochs, rounds, seconds)
        if options.repeats:
            comparison.one_after_the_other(options.epochs, options.repeats)
    Console(width=110).print(comparison.table)
    print("Medians; in brackets, the value of that library divided by tensorlab's.")
    recorder.write(options.json)


if __name__ == "__main__":
    main()
