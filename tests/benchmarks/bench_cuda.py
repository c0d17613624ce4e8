"""The CUDA backend on a GPU: maps against a copy, products and epochs against PyTorch, weights against the CPU.

    python tests/benchmarks/bench_cuda.py [--only matmul] [--epochs 5] [--json FILE]
    python tests/benchmarks/bench_cuda.py --small      everything in small sizes, also in Numba's simulator

Operations that compute little are limited by memory, so they are given as a share of the bandwidth of a
device-to-device copy in the same run. Products are compared with PyTorch's in full float32 (without TF32), epochs of
the book's network with PyTorch's on data that is on the GPU. PyTorch is left out if it is not installed or finds no
GPU. Data is MNIST or, if it is not available, random bytes, which take as long. The output ends with targets and what
was reached.

``--small`` checks that the program runs; its times are meaningless.

Exit status: 0; 2 without a GPU.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import recording
from cuda_peer import Peer, pytorch
from recording import US

import tensorlab as tl


@dataclass(frozen=True)
class Sizes:
    """Sizes of the measurements.

    Attributes:
        edge: of the square array of maps and reductions.
        products: m, k and n of products, and whether A is transposed; the first one also runs on tensor cores.
        samples: the number of samples in an epoch.
        pixels: the number of features of a sample.
        units: the number of units of the hidden layer.
        batches: a small and a large batch size.
        steps: the number of steps, with the small batch size, after which weights are compared with the CPU's.
        rounds: the number of rounds; results are their medians.
    """

    edge: int
    products: tuple[tuple[int, int, int, bool], ...]
    samples: int
    pixels: int
    units: int
    batches: tuple[int, int]
    steps: int
    rounds: int


FULL = Sizes(
    edge=10_000,
    products=(
        *((4096, 4096, 4096, False), (4096, 4096, 4096, True)),
        *((4096, 784, 512, False), (128, 784, 512, False), (784, 128, 512, True)),
    ),
    samples=60_000,
    pixels=784,
    units=512,
    batches=(128, 4096),
    steps=100,
    rounds=7,
)
SMALL = Sizes(8, ((6, 7, 5, False), (6, 7, 5, True)), 7, 6, 4, (3, 5), 4, 1)


@dataclass(frozen=True)
class Line:
    """A result.

    Attributes:
        title: its name.
        text: its description.
        reached: the figure that has a target; None without a target, or with nothing to compare with.
        asked: the target: the least allowed figure, or the greatest allowed difference.
        what: the meaning of the figure.
        medians: the measured values, by library.
        unit: of the medians: "s", or "" for a plain number.
    """

    title: str
    text: str
    reached: float | None = None
    asked: float = 0.0
    what: str = ""
    medians: dict[str, float] = field(default_factory=dict)
    unit: str = "s"

    @property
    def verdict(self) -> str:
        """The target, and whether it was reached."""
        assert self.reached is not None
        least = self.what != _DIFFERENCE
        held = self.reached >= self.asked if least else self.reached <= self.asked
        words = f"{self.reached:.3g}, target: at {'least' if least else 'most'} {self.asked:g}"
        return f"{self.title:40} {self.what}: {words}: {'reached' if held else 'NOT reached'}"


_DIFFERENCE = "largest difference"


class Bench:
    """The measurements.

    Args:
        backend: of the device.
        peer: PyTorch, or None.
        sizes: the sizes.
        epochs: the number of epochs, after the first.
    """

    def __init__(self, backend: Any, peer: Peer | None, sizes: Sizes, epochs: int) -> None:
        self.backend, self.peer, self.sizes, self.count = backend, peer, sizes, epochs

    def seconds(self, run: Callable[[], Any], synchronize: Callable[[], None] | None = None) -> float:
        """Return the median time per call, for calls that are queued and synchronized once."""
        wait = synchronize or self.backend.synchronize
        run()
        wait()
        start = time.perf_counter()
        run()
        wait()
        count = max(1, min(200, int(0.05 / (time.perf_counter() - start)))) if self.sizes.rounds > 1 else 1
        taken = []
        for _ in range(self.sizes.rounds):
            start = time.perf_counter()
            for _ in range(count):
                run()
            wait()
            taken.append((time.perf_counter() - start) / count)
        return statistics.median(taken)

    def bandwidth(self) -> Iterator[Line]:
        """Measure maps, reductions, softmax and optimizer steps, as shares of the bandwidth of a copy."""
        edge = self.sizes.edge
        x, y = (tl.asarray(np.random.default_rng(k).standard_normal((edge, edge), np.float32)) for k in range(2))
        row, size = x[0], x.size * 4
        taken = self.seconds(lambda: self.backend.copy(x._buffer))
        copying = 2 * size / taken
        yield Line(f"copy of {size / 1e6:,.0f} MB", f"{copying / 1e9:8.0f} GB/s", medians={US: taken})
        variable = tl.Variable(x)
        step = tl.optimizers.RMSprop()
        cases: list[tuple[str, int, float, Callable[[], Any]]] = [
            ("x + y", 3, 0.8, lambda: x + y),
            ("x + x", 2, 0.8, lambda: x + x),
            ("x + row", 2, 0.8, lambda: x + row),
            ("tanh(x)", 2, 0.8, lambda: tl.tanh(x)),
            ("exp(x) of a transposed x", 2, 0, lambda: tl.exp(tl.matrix_transpose(x))),
            ("sum(x)", 1, 0.8, lambda: tl.sum(x)),
            ("sum(x, axis=1)", 1, 0.8, lambda: tl.sum(x, axis=1)),
            ("sum(x, axis=0)", 1, 0.8, lambda: tl.sum(x, axis=0)),
            ("argmax(x, axis=1)", 1, 0, lambda: tl.argmax(x, axis=1)),
            ("softmax(x)", 2, 0, lambda: tl.softmax(x)),
            ("cumulative_sum(x, axis=1)", 2, 0, lambda: tl.cumulative_sum(x, axis=1)),
            ("RMSprop's step", 5, 0, lambda: step.apply_gradients([(x, variable)])),
        ]
        for name, passes, asked, run in cases:
            taken = self.seconds(run)
            speed = passes * size / taken
            share = speed / copying
            text = f"{speed / 1e9:8.0f} GB/s, {share:5.2f} of a copy"
            title = f"{name}, {x.size:,} elements"
            what = "share of a copy's bandwidth"
            yield Line(title, text, share if asked else None, asked, what, {US: taken})
        small = x[:10, :10]
        taken = self.seconds(lambda: small + small)
        yield Line(f"x + x of {small.size} elements", f"{taken * 1e6:8.1f} µs a call", medians={US: taken})
        pairs = [(tl.ones((10, 10)), tl.Variable(tl.zeros((10, 10)))) for _ in range(32)]
        taken = self.seconds(lambda: step.apply_gradients(pairs))
        yield Line("a step of 32 small weights", f"{taken * 1e6:8.1f} µs a call", medians={US: taken})

    def matmul(self) -> Iterator[Line]:
        """Measure matrix products in float32 and on tensor cores."""
        rng = np.random.default_rng(0)
        for m, k, n, transposed in self.sizes.products:
            a, b = rng.standard_normal((m, k), np.float32), rng.standard_normal((k, n), np.float32)
            x, y = tl.asarray(a), tl.asarray(b)
            if transposed:  # the same values in column order
                x = tl.matrix_transpose(tl.asarray(a.T.copy()))
            title = f"matmul {m}, {k}, {n}{', a transposed' * transposed}"
            asked = 0.6 if (m, k, n) == self.sizes.products[0][:3] else 0.0
            yield self._product(title, m * k * n, x, y, a, b, transposed, asked=asked)
        from tensorlab_cuda import matmul_precision

        m, k, n, _ = self.sizes.products[0]
        a, b = rng.standard_normal((m, k), np.float32), rng.standard_normal((k, n), np.float32)
        x, y = tl.asarray(a), tl.asarray(b)
        for precision in ("tf32", "float16", "bfloat16"):
            with matmul_precision(precision):
                yield self._product(f"matmul {m}, {k}, {n} in {precision}", m * k * n, x, y, a, b, dtype=precision)

    def _product(
        self,
        title: str,
        terms: int,
        x: Any,
        y: Any,
        a: Any,
        b: Any,
        transposed: bool = False,
        dtype: str = "float32",
        asked: float = 0.0,
    ) -> Line:
        """Measure a product of our tensors against PyTorch's."""
        ours = self.seconds(lambda: x @ y)
        text = f"{2 * terms / ours / 1e12:8.2f} TF/s"
        if self.peer is None:
            return Line(title, text, medians={US: ours})
        torch = self.peer.torch
        s, t = (self.peer.array(matrix).to(getattr(torch, dtype, torch.float32)) for matrix in (a, b))
        s = s.T.contiguous().T if transposed else s
        torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
        theirs = self.seconds(lambda: s @ t, self.peer.synchronize)
        worst = float((torch.from_numpy((x @ y).numpy()) - (s @ t).float().cpu()).abs().max())
        torch.backends.cuda.matmul.allow_tf32 = False
        share = theirs / ours
        text += f", PyTorch {2 * terms / theirs / 1e12:8.2f}, we / PyTorch {share:5.2f}, {_DIFFERENCE} {worst:.1e}"
        medians = {US: ours, "PyTorch": theirs}
        return Line(title, text, share if asked else None, asked, "share of PyTorch's speed", medians)

    def data(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return images and labels of MNIST, or random bytes."""
        count, pixels = self.sizes.samples, self.sizes.pixels
        rng = np.random.default_rng(0)
        x, y = rng.integers(0, 256, (count, pixels), np.uint8), rng.integers(0, 10, count).astype(np.uint8)
        if self.sizes is FULL:
            try:
                (x, y), _ = tl.datasets.mnist.load_data(timeout=10)
            except tl.errors.DatasetError:
                print("MNIST cannot be had: random bytes instead")
        return x.reshape(-1, pixels).astype("float32") / 255, y

    def network(self) -> tl.Sequential:
        """Return the book's network."""
        tl.utils.set_random_seed(0)
        hidden = tl.layers.Dense(self.sizes.units, activation="relu")
        model = tl.Sequential([hidden, tl.layers.Dense(10, activation="softmax")])
        model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def torch_epoch(self, x: Any, y: Any, batch_size: int) -> Callable[[], None]:
        """Return a function that trains an epoch in PyTorch, and reads loss and accuracy at its end, as `fit` does."""
        assert self.peer is not None
        torch, device = self.peer.torch, self.peer.device
        images, labels = self.peer.array(x), self.peer.array(y).long()
        nn, (pixels, units) = torch.nn, (self.sizes.pixels, self.sizes.units)
        model = nn.Sequential(nn.Linear(pixels, units), nn.ReLU(), nn.Linear(units, 10)).to(device)
        optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, alpha=0.9, eps=1e-7)
        loss_function = nn.CrossEntropyLoss()

        def epoch() -> None:
            total = right = torch.zeros((), device=device)
            for batch in torch.randperm(len(images), device=device).split(batch_size):
                outputs = model(images[batch])
                loss = loss_function(outputs, labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total = total + loss.detach() * len(batch)
                right = right + (outputs.argmax(1) == labels[batch]).sum()
            total.item(), right.item()

        return epoch

    def agreement(self) -> Iterator[Line]:
        """Compare weights of the CPU and the device after some steps of the book's network with the same seed."""
        x, y = self.data()
        size, steps = self.sizes.batches[0], self.sizes.steps
        repeats = -(-steps * size // len(x))  # a small data set is repeated
        x, y = (np.concatenate([part] * repeats)[: steps * size] for part in (x, y))
        weights = []
        for device in ("cuda", "cpu"):
            with tl.device(device):
                model = self.network()
                model.fit(x, y, batch_size=size, verbose=0)
            weights.append(model.get_weights())
        worst = max(float(np.abs(here - there).max()) for here, there in zip(*weights, strict=True))
        text = f"{worst:8.1e} the largest difference from the CPU's"
        yield Line(f"a weight after {steps} steps", text, worst, 1e-5, _DIFFERENCE, {US: worst}, "")

    def compared(self, title: str, runs: dict[str, Callable[[], Any]], asked: bool = False) -> Line:
        """Return the times of epochs, measured in turn, and their ratios to those of the first candidate.

        The first epoch of each is reported separately. With ``asked`` there is a target for the last candidate.
        """
        taken: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(self.count + 1):
            for name, run in runs.items():
                start = time.perf_counter()
                run()
                taken[name].append(time.perf_counter() - start)
        (us, ours), *others = taken.items()
        text = f"{statistics.median(ours[1:]):8.3f} s (the first: {ours[0]:.2f} s)"
        ratio = None
        medians = {US: statistics.median(ours[1:])}
        for name, theirs in others:
            medians[name] = statistics.median(theirs[1:])
            ratio = statistics.median(b / a for a, b in zip(ours[1:], theirs[1:], strict=True))
            text += f", {name} {statistics.median(theirs[1:]):.3f} s, {name} / {us} {ratio:.2f}"
        return Line(title, text, ratio if asked else None, 1.0, "PyTorch's time / ours", medians)

    def epoch(self) -> Iterator[Line]:
        """Measure epochs of the book's network."""
        x, y = self.data()
        images, labels = tl.asarray(x), tl.asarray(y)
        for size in self.sizes.batches:
            model = self.network()
            runs = {"us": lambda model=model, size=size: model.fit(images, labels, batch_size=size, verbose=0)}
            if self.peer is not None:
                runs["PyTorch"] = self.torch_epoch(x, y, size)
            yield self.compared(f"an epoch, batches of {size}", runs, asked=True)

    def persistent(self) -> Iterator[Line]:
        """Measure epochs of the book's network in one launch."""
        from tensorlab_cuda import fit_persistent

        x, y = self.data()
        images, labels, size = tl.asarray(x), tl.asarray(y), self.sizes.batches[0]
        alone, plain = self.network(), self.network()
        runs: dict[str, Callable[[], Any]] = {
            "us": lambda: fit_persistent(alone, images, labels, batch_size=size),
            "fit": lambda: plain.fit(images, labels, batch_size=size, verbose=0),
        }
        if self.peer is not None:
            runs["PyTorch"] = self.torch_epoch(x, y, size)
        yield self.compared(f"an epoch in one launch, batches of {size}", runs)


PARTS = ("bandwidth", "matmul", "agreement", "epoch", "persistent")


def main() -> int:
    """Run the benchmark.

    Returns:
        the exit status.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="small sizes, to check that it runs")
    recording.add_argument(parser)
    options = parser.parse_args()
    recorder = recording.recorder(__file__, options)
    try:
        with tl.device("cuda") as backend:
            print(backend.about)
            if backend.device.name == "simulator" and not options.small:
                parser.error("times of the simulator are meaningless: unset NUMBA_ENABLE_CUDASIM, or use --small")
            bench = Bench(backend, pytorch(options.small), SMALL if options.small else FULL, options.epochs)
            lines = []
            for part in (options.only,) if options.only else PARTS:
                for line in getattr(bench, part)():
                    print(f"{line.title:40} {line.text}", flush=True)
                    lines.append(line)
                    recorder.add(line.title, line.medians, line.unit, device=backend.about)
            recorder.write(options.json)
            print("\nTargets:")
            for line in lines:
                if line.reached is not None:
                    print(line.verdict)
    except tl.errors.UnknownNameError:
        parser.error('tensorlab-cuda is not installed: pip install "./cuda[cu13]" (or [cu12])')
    except tl.errors.DeviceError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
