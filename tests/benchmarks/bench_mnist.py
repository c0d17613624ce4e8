"""The book's network, trained with tensorlab and PyTorch, epoch by epoch in turn; prints seconds and their ratio.

    python tests/benchmarks/bench_mnist.py [--epochs 5] [--threads 2] [--json FILE]

Both train 784-512-10 with RMSprop, batches of 128 and a new order in every epoch, in float32, on data in memory.
PyTorch is left out if it is not installed. Data is MNIST or, if it is not available, random bytes, which take as long.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import recording

import tensorlab as tl

Data = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
SIZE, BATCH = 60_000, 128


def load(samples: int) -> Data:
    try:
        (x, y), (x_test, y_test) = tl.datasets.mnist.load_data(timeout=10)
    except tl.errors.DatasetError:
        print("MNIST cannot be had: random bytes instead, so the accuracies mean nothing")
        numbers = np.random.default_rng(0)
        x, x_test = (numbers.integers(0, 256, (n, 28, 28), np.uint8) for n in (SIZE, 10_000))
        y, y_test = (numbers.integers(0, 10, n).astype(np.uint8) for n in (SIZE, 10_000))
    return (
        x[:samples].reshape(-1, 784).astype("float32") / 255,
        y[:samples],
        x_test.reshape(-1, 784).astype("float32") / 255,
        y_test,
    )


def tensorlab_epoch(data: Data, losses: list[float]) -> tuple[Callable[[], None], Callable[[], float]]:
    """Return a function that trains an epoch and appends its loss, and one that returns the test accuracy."""
    x, y, x_test, y_test = data
    tl.utils.set_random_seed(0)
    model = tl.Sequential([tl.layers.Dense(512, activation="relu"), tl.layers.Dense(10, activation="softmax")])
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

    def epoch() -> None:
        losses.extend(model.fit(x, y, epochs=1, batch_size=BATCH, verbose=0).history["loss"])

    return epoch, lambda: model.evaluate(x_test, y_test, verbose=0)[1]


def torch_epoch(data: Data, threads: int) -> tuple[Callable[[], None], Callable[[], float]] | None:
    torch = recording.pytorch(threads)
    if torch is None:
        return None
    torch.manual_seed(0)
    x, x_test = torch.from_numpy(data[0]), torch.from_numpy(data[2])
    y, y_test = torch.from_numpy(data[1]).long(), torch.from_numpy(data[3]).long()
    model = torch.nn.Sequential(torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10))
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, alpha=0.9, eps=1e-7)
    loss_function = torch.nn.CrossEntropyLoss()

    def epoch() -> None:
        total = right = 0.0
        for batch in torch.randperm(len(x)).split(BATCH):
            outputs = model(x[batch])
            loss = loss_function(outputs, y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
            right += (outputs.argmax(1) == y[batch]).sum().item()

    def accuracy() -> float:
        with torch.no_grad():
            return (model(x_test).argmax(1) == y_test).double().mean().item()

    return epoch, accuracy


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=tl.get_num_threads())
    parser.add_argument(
        "--samples", type=int, default=SIZE, help="the number of training images; use few to check that it runs"
    )
    recording.add_argument(parser)
    options = parser.parse_args(arguments)
    if options.epochs < 2:
        parser.error("--epochs must be at least 2: the first epoch is not counted")
    tl.set_num_threads(options.threads)
    data = load(options.samples)
    losses: list[float] = []
    runs = {recording.US: tensorlab_epoch(data, losses), "PyTorch": torch_epoch(data, options.threads)}
    seconds: dict[str, list[float]] = {name: [] for name, run in runs.items() if run}
    for _ in range(options.epochs):
        for name, taken in seconds.items():
            run = runs[name]
            assert run is not None
            start = time.perf_counter()
            run[0]()
            taken.append(time.perf_counter() - start)
    recorder = recording.recorder(__file__, options)
    accuracies = {}
    for name, taken in seconds.items():
        run = runs[name]
        assert run is not None
        accuracies[name] = run[1]()
        print(
            f"{name:10} first {taken[0]:.2f} s, median {statistics.median(taken[1:]):.2f} s, best {min(taken):.2f} s "
            f"an epoch, test accuracy {accuracies[name]:.4f}"
        )
    later = {name: taken[1:] for name, taken in seconds.items()}
    ratios = {}
    for name, theirs in later.items():
        if name != recording.US:
            ratios[name] = statistics.median(b / a for a, b in zip(later[recording.US], theirs, strict=True))
            print(f"{name}'s time over tensorlab's, epoch by epoch after the first: median {ratios[name]:.2f}")
    recorder.add("first epoch", {name: taken[0] for name, taken in seconds.items()})
    recorder.add("epoch", {name: statistics.median(taken) for name, taken in later.items()}, ratios=ratios)
    for number, loss in enumerate(losses, 1):
        recorder.add(f"training loss, epoch {number}", {recording.US: loss}, "")
    recorder.add(f"test accuracy after {options.epochs} epochs", accuracies, "")
    recorder.write(options.json)


if __name__ == "__main__":
    main()
