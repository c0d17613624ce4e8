"""The CUDA backend on a GPU: maps against a copy, products and epochs against PyTorch, weights against the CPU's.

    python tests/benchmarks/bench_cuda.py [--only matmul] [--epochs 5] [--json FILE]
    python tests/benchmarks/bench_cuda.py --small      everything on a few numbers, in Numba's simulator too

What computes little is as fast as its memory, so its share of a device-to-device copy's bandwidth, measured in the same
run, says how good it is. A product is compared with PyTorch's in full float32 (TF32 switched off), an epoch of the
book's network with PyTorch's on data that is on the GPU already. PyTorch is left out where it is not installed or finds
no GPU. Real MNIST is used where it can be had, else random bytes, which take as long. At the end stands what is to be
reached beside what was.

``--small`` shows that all of the program runs; its times mean nothing.

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
    """How much is measured.

    Attributes:
        edge: of the square array of maps and reductions.
        products: the m, k and n of products, and whether A is transposed; the first is also rounded.
        samples: how many an epoch has.
        pixels: how many numbers a sample has.
        units: of the network's hidden layer.
        batches: how many samples a step takes: few, and many.
        steps: after how many of them, of few samples, weights are compared with the CPU's.
        rounds: of which the median is taken.
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
    """What was measured.

    Attributes:
        title: of what.
        text: what there is to say.
        reached: the number that something is asked of; None if nothing is, or there was nothing to compare with.
        asked: what it is to be: at least this, or at most if that is ``below`` 1.
        what: what the number is.
        medians: what was measured, by library.
        unit: of the medians: "s", or "" for a number.
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
        """What is asked, and whether it was reached."""
        assert self.reached is not None
        least = self.what != _DIFFERENCE
        held = self.reached >= self.asked if least else self.reached <= self.asked
        words = f"{self.reached:.3g}, asked for at {'least' if least else 'most'} {self.asked:g}"
        return f"{self.title:40} {self.what}: {words}: {'reached' if held else 'NOT reached'}"


_DIFFERENCE = "largest difference"


class Bench:
    """The measurements.

    Args:
        backend: of the device.
        peer: PyTorch, or None if it is not to be compared with.
        sizes: how much is measured.
        epochs: how many, after the first.
    """

    def __init__(self, backend: Any, peer: Peer | None, sizes: Sizes, epochs: int) -> None:
        self.backend, self.peer, self.sizes, self.count = backend, peer, sizes, epochs

    def seconds(self, run: Callable[[], Any], synchronize: Callable[[], None] | None = None) -> float:
        """The median time of a call, of calls that are started one after the other and waited for once."""
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
        """Maps, reductions, softmax and an optimizer's step, as shares of the bandwidth of a copy."""
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
        """Matrix products in float32; and of rounded numbers, on tensor cores."""
        rng = np.random.default_rng(0)
        for m, k, n, transposed in self.sizes.products:
            a, b = rng.standard_normal((m, k), np.float32), rng.standard_normal((k, n), np.float32)
            x, y = tl.asarray(a), tl.asarray(b)
            if transposed:  # the same values, a column after the other
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
        """A product of our tensors against that of the same matrices in PyTorch."""
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
        """Images and labels: MNIST's, or random bytes."""
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
        """The book's."""
        tl.utils.set_random_seed(0)
        hidden = tl.layers.Dense(self.sizes.units, activation="relu")
        model = tl.Sequential([hidden, tl.layers.Dense(10, activation="softmax")])
        model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def torch_epoch(self, x: Any, y: Any, batch_size: int) -> Callable[[], None]:
        """An epoch of PyTorch, which also reports its loss and accuracy, as `fit` does, when it is over."""
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
        """How far the CPU's weights are from the device's after some steps of the book's network, from one seed."""
        x, y = self.data()
        size, steps = self.sizes.batches[0], self.sizes.steps
        repeats = -(-steps * size // len(x))  # a data set that is small is gone through more than once
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
        """The times of epochs, which take turns, and their ratios to the first of them; each has a first time, too.

        With ``asked`` the last of them are not to take less time than the first.
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
        """Epochs of the book's network."""
        x, y = self.data()
        images, labels = tl.asarray(x), tl.asarray(y)
        for size in self.sizes.batches:
            model = self.network()
            runs = {"us": lambda model=model, size=size: model.fit(images, labels, batch_size=size, verbose=0)}
            if self.peer is not None:
                runs["PyTorch"] = self.torch_epoch(x, y, size)
            yield self.compared(f"an epoch, batches of {size}", runs, asked=True)

    def persistent(self) -> Iterator[Line]:
        """Epochs of the book's network in one launch."""
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
    parser.add_argument("--small", action="store_true", help="a few numbers, to see that it runs")
    recording.add_argument(parser)
    options = parser.parse_args()
    recorder = recording.recorder(__file__, options)
    try:
        with tl.device("cuda") as backend:
            print(backend.about)
            if backend.device.name == "simulator" and not options.small:
                parser.error("the simulator's times mean nothing: unset NUMBA_ENABLE_CUDASIM, or try --small")
            bench = Bench(backend, pytorch(options.small), SMALL if options.small else FULL, options.epochs)
            lines = []
            for part in (options.only,) if options.only else PARTS:
                for line in getattr(bench, part)():
                    print(f"{line.title:40} {line.text}", flush=True)
                    lines.append(line)
                    recorder.add(line.title, line.medians, line.unit, device=backend.about)
            recorder.write(options.json)
            print("\nWhat is to be reached:")
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
