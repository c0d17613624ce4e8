"""Convolutions and their gradients, and a convolutional network, compared with PyTorch and Keras.

    python tests/benchmarks/bench_convolution.py [--threads 2] [--only 3x3] [--epochs 4] [--peer keras=PYTHON]
        [--json FILE]

The first table has the forward pass and both gradients of convolutions without bias in float32. A name gives the shape
of the images (batch, height, width, channels), the size of the kernel and the number of filters. PyTorch computes in
its own layout (batch, channels, height, width), and in "channels last", which is ours. A ratio is the median of
PyTorch's time over tensorlab's, so above 1 tensorlab is faster. `bench_ops` describes how times are measured.

The second table has epochs of the network of ``examples/mnist_cnn.py`` with Adam and batches of 128, each library in a
process of its own; they take turns of an epoch. The data is MNIST, or random if that is not available. Libraries that
are not installed are left out; `workers.py` says how to name the Python of each.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import recording
import workers
from bench_mnist import save_data
from bench_ops import ROUNDS, median_times
from readme import shown
from recording import US
from rich.console import Console
from rich.table import Table
from workers import Worker, in_turn, ratios

import tensorlab as tl
from tensorlab.backends import CPUBackend
from tensorlab.windows import Windows

PEERS = ("PyTorch", "PyTorch channels last")
PASSES = ("forward", "gradient of images", "gradient of kernel")
SAMPLES = 60_000


class Convolution(NamedTuple):
    """A convolution with a square kernel; images are padded by the same number of pixels on all sides."""

    batch: int
    size: int
    channels: int
    kernel: int
    filters: int
    stride: int = 1
    padding: int = 0

    def __str__(self) -> str:
        shape = f"({self.batch}, {self.size}, {self.size}, {self.channels})"
        stride = f" / {self.stride}" if self.stride > 1 else ""
        return f"{shape}, {self.kernel}x{self.kernel}{stride}, {self.filters}"

    @property
    def windows(self) -> Windows:
        """The windows of the images."""
        size, stride, padding = ((n, n) for n in (self.kernel, self.stride, self.padding))
        return Windows(size, stride, (1, 1), (padding, padding))


CONVOLUTIONS = (
    Convolution(128, 28, 1, 3, 32, padding=1),  # both convolutions of examples/mnist_cnn.py
    Convolution(128, 14, 32, 3, 64, padding=1),
    Convolution(128, 28, 1, 5, 6, padding=2),  # LeNet
    Convolution(64, 32, 3, 3, 64, padding=1),  # CIFAR
    Convolution(32, 32, 64, 3, 64, padding=1),
    Convolution(32, 32, 64, 3, 128, stride=2, padding=1),
    Convolution(8, 112, 3, 7, 64, stride=2, padding=3),  # ResNet
    Convolution(8, 28, 128, 3, 128, padding=1),
    Convolution(16, 14, 256, 3, 256, padding=1),
    Convolution(16, 7, 512, 3, 512, padding=1),
)


def runs_of(shape: Convolution, torch: Any) -> list[list[Callable[[], Any]]]:
    """Return functions that compute each of `PASSES`, for tensorlab and each peer."""
    numbers = np.random.default_rng(0)
    windows = shape.windows
    down, across = windows.counts((shape.size, shape.size))
    images = numbers.standard_normal((shape.batch, shape.size, shape.size, shape.channels), np.float32)
    kernel = numbers.standard_normal((shape.kernel, shape.kernel, shape.channels, shape.filters), np.float32)
    outputs = numbers.standard_normal((shape.batch, down, across, shape.filters), np.float32)
    backend = CPUBackend()
    passes: list[list[Callable[[], Any]]] = [
        [lambda: backend.convolve(windows, images, kernel)],
        [lambda: backend.convolve_images(windows, images.shape, outputs, kernel)],
        [lambda: backend.convolve_weights(windows, images, outputs)],
    ]
    if torch is not None:
        x, y = (torch.from_numpy(array).permute(0, 3, 1, 2) for array in (images, outputs))
        w = torch.from_numpy(kernel).permute(3, 2, 0, 1)
        sizes = [shape.stride] * 2, [shape.padding] * 2, [1, 1], False, [0, 0], 1
        for layout in (torch.contiguous_format, torch.channels_last):
            xs, ys, ws = (each.contiguous(memory_format=layout) for each in (x, y, w))

            def forward(xs: Any = xs, ws: Any = ws) -> Any:
                return torch.ops.aten.convolution(xs, ws, None, *sizes)

            def backward(of_images: bool, xs: Any = xs, ys: Any = ys, ws: Any = ws) -> Any:
                mask = [of_images, not of_images, False]
                return torch.ops.aten.convolution_backward(ys, xs, ws, None, *sizes, mask)

            passes[0].append(forward)
            passes[1].append(lambda backward=backward: backward(True))
            passes[2].append(lambda backward=backward: backward(False))
    return passes


def rows(torch: Any) -> Iterator[tuple[str, str, list[Callable[[], Any]]]]:
    """Yield the name of a convolution, the pass, and a function for each library."""
    for shape in CONVOLUTIONS:
        for name, runs in zip(PASSES, runs_of(shape, torch), strict=True):
            yield str(shape), name, runs


def table_of(title: str, libraries: Sequence[str]) -> Table:
    """Return an empty table with the times of libraries and their ratios to the first one."""
    compared = [f"{peer} / {libraries[0]}" for peer in libraries[1:]]
    table = Table(title, *libraries, *compared)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def convolutions(options: argparse.Namespace, torch: Any, recorder: recording.Recorder) -> None:
    """Measure convolutions, and print a table."""
    libraries = (US, *PEERS[: 2 if torch else 0])
    table = table_of("convolution", libraries)
    against: dict[str, list[float]] = {peer: [] for peer in libraries[1:]}
    for shape, name, runs in rows(torch):
        if options.only in f"{shape} {name}":
            times = median_times(runs, options.rounds)
            recorder.add(f"{shape} {name}", dict(zip(libraries, times, strict=True)))
            compared = [other / times[0] for other in times[1:]]
            for peer, ratio in zip(against, compared, strict=True):
                against[peer].append(ratio)
            table.add_row(f"{shape} {name}", *[shown(s, "s") for s in times], *[f"{ratio:.2f}" for ratio in compared])
    Console(width=140).print(table)
    for peer, found in against.items():
        if found:
            mean, worst = math.exp(statistics.fmean(map(math.log, found))), min(found)
            print(f"against {peer}: geometric mean {mean:.2f}, worst {worst:.2f}")
            recorder.add("geometric mean of all convolutions", {}, "ratio", {peer: mean}, peer=peer)
            recorder.add("worst of all convolutions", {}, "ratio", {peer: worst}, peer=peer)


def network(options: argparse.Namespace, recorder: recording.Recorder) -> None:
    """Measure epochs of the network in each library, and print a table."""
    found = workers.find(("torch", "keras"), options.peer)
    programs = {US: ("cnn_tensorlab", sys.executable)}
    programs |= {workers.TITLES[name]: (f"cnn_{name}", python) for name, python in found.items()}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        save_data(Path(folder), options.samples)
        settings = {"threads": options.threads, "data": folder}
        running = {library: stack.enter_context(Worker(*program, settings)) for library, program in programs.items()}
        for worker in running.values():
            worker.ask("train")
        in_turn(running, 1, lambda worker: worker.ask("epoch")["seconds"])  # compiles
        taken = in_turn(running, options.epochs, lambda worker: worker.ask("epoch")["seconds"])
        for worker in running.values():
            worker.ask("stop")
        accuracies = {library: worker.ask("accuracy")["accuracy"] for library, worker in running.items()}
        recorder.run["peers"] = workers.versions(running)
        workers.report_idle(running)
    medians = {library: statistics.median(times) for library, times in taken.items()}
    compared = {library: statistics.median(values) for library, values in ratios(taken).items()}
    table = table_of("convolutional network", list(running))
    times = [shown(seconds, "s") for seconds in medians.values()]
    table.add_row(f"epoch of {options.samples:,}", *times, *[f"{ratio:.2f}" for ratio in compared.values()])
    table.add_row("test accuracy", *[f"{accuracy:.4f}" for accuracy in accuracies.values()], *[""] * len(compared))
    Console(width=140).print(table)
    recorder.add("convolutional network: epoch", medians, "s", compared, samples=options.samples)
    recorder.add("convolutional network: test accuracy", accuracies, "", {})


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=tl.get_num_threads())
    parser.add_argument("--only", default="", help="only the convolutions whose name contains this")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--epochs", type=int, default=4, help="the rounds of epochs of the network; 0 leaves it out")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="the images of an epoch")
    workers.add_argument(parser)
    recording.add_argument(parser)
    options = parser.parse_args(arguments)
    tl.set_num_threads(options.threads)
    recorder = recording.recorder(__file__, options)
    convolutions(options, recording.pytorch(options.threads), recorder)
    if options.epochs:
        network(options, recorder)
    recorder.write(options.json)


if __name__ == "__main__":
    main()
