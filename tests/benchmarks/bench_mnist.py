"""The book's network, trained here and in PyTorch in one run, epoch by epoch in turn; prints seconds and their ratio.

    python tests/benchmarks/bench_mnist.py [--epochs 5] [--threads 2]

Both train 784-512-10 with RMSprop, batches of 128 and a new order every epoch, in float32, on data that is already in
memory. PyTorch is left out if it is not installed. Real MNIST is used where it can be had, else random bytes: the time
does not depend on what they show.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

import tensorlab as tl

Data = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
SIZE, BATCH = 60_000, 128


def load() -> Data:
    try:
        (x, y), (x_test, y_test) = tl.datasets.mnist.load_data(timeout=10)
    except tl.errors.DatasetError:
        print("MNIST cannot be had: random bytes instead, so the accuracies mean nothing")
        numbers = np.random.default_rng(0)
        x, x_test = (numbers.integers(0, 256, (n, 28, 28), np.uint8) for n in (SIZE, 10_000))
        y, y_test = (numbers.integers(0, 10, n).astype(np.uint8) for n in (SIZE, 10_000))
    return (
        x.reshape(-1, 784).astype("float32") / 255,
        y,
        x_test.reshape(-1, 784).astype("float32") / 255,
        y_test,
    )


def tensorlab_epoch(data: Data) -> tuple[Callable[[], None], Callable[[], float]]:
    x, y, x_test, y_test = data
    tl.utils.set_random_seed(0)
    model = tl.Sequential([tl.layers.Dense(512, activation="relu"), tl.layers.Dense(10, activation="softmax")])
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return (
        lambda: model.fit(x, y, epochs=1, batch_size=BATCH, verbose=0) and None,
        lambda: model.evaluate(x_test, y_test, verbose=0)[1],
    )


def torch_epoch(data: Data, threads: int) -> tuple[Callable[[], None], Callable[[], float]] | None:
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(threads)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=tl.get_num_threads())
    options = parser.parse_args()
    tl.set_num_threads(options.threads)
    data = load()
    runs = {"tensorlab": tensorlab_epoch(data), "torch": torch_epoch(data, options.threads)}
    seconds: dict[str, list[float]] = {name: [] for name, run in runs.items() if run}
    for _ in range(options.epochs):
        for name, taken in seconds.items():
            run = runs[name]
            assert run is not None
            start = time.perf_counter()
            run[0]()
            taken.append(time.perf_counter() - start)
    for name, taken in seconds.items():
        run = runs[name]
        assert run is not None
        print(
            f"{name:10} first {taken[0]:.2f} s, median {statistics.median(taken):.2f} s, best {min(taken):.2f} s "
            f"an epoch, test accuracy {run[1]():.4f}"
        )
    if "torch" in seconds:
        ratios = [theirs / ours for ours, theirs in zip(seconds["tensorlab"], seconds["torch"], strict=True)][1:]
        print(
            f"PyTorch's time over tensorlab's, epoch by epoch after the first: median {statistics.median(ratios):.2f}"
        )


if __name__ == "__main__":
    main()
