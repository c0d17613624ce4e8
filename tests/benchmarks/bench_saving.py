"""Saving: large files against copying them, and checkpoints against the epoch that they follow.

    python tests/benchmarks/bench_saving.py [--megabytes 1024] [--samples 60000] [--rounds 3] [--folder DIR]

Prints the seconds to save a model and to load it, with those of a plain copy of the same file in the same round, and
how much anonymous memory both needed at most, relative to the weights. Then the time of a checkpoint of the book's
network, relative to an epoch of MNIST-like samples. Every figure is the median of its rounds.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import recording

import tensorlab as tl

UNITS = 2048


def large(megabytes: int) -> Any:
    """Return a model with weights of about this size."""
    count = max(1, round(megabytes * 2**20 / (4 * UNITS * UNITS)))
    layers = [tl.layers.Dense(UNITS, use_bias=False, kernel_initializer="ones") for _ in range(count)]
    return tl.Sequential([tl.Input((UNITS,)), *layers])


def network() -> Any:
    """Return the book's network, compiled."""
    model = tl.Sequential([tl.layers.Dense(512, activation="relu"), tl.layers.Dense(10, activation="softmax")])
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def copy(source: Path, target: Path) -> None:
    """Copy a file with read and write, and write it to the disk, as saving does."""
    block = bytearray(1 << 20)
    with open(source, "rb", buffering=0) as reader, open(target, "wb", buffering=0) as writer:
        while count := reader.readinto(block):
            writer.write(memoryview(block)[:count])
        os.fsync(writer.fileno())


def read(source: Path) -> list[Any]:
    """Read a file into new memory, in arrays as large as the weights."""
    arrays = []
    with open(source, "rb", buffering=0) as reader:
        for _ in range(source.stat().st_size // (4 * UNITS * UNITS)):
            arrays.append(np.empty(UNITS * UNITS, np.float32))
            reader.readinto(arrays[-1].view(np.uint8))
    return arrays


def seconds(function: Callable[..., Any], *arguments: Any) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def anonymous_memory() -> int:
    """Return the bytes of memory of this process that are not pages of files; 0 where the system does not say."""
    try:
        return 1024 * int(re.findall(r"RssAnon:\s*(\d+)", Path("/proc/self/status").read_text())[0])
    except (OSError, IndexError):
        return 0


def measured(function: Callable[..., Any], *arguments: Any) -> tuple[float, int]:
    """Return the seconds that a call takes, and the memory that it adds at most; look every few milliseconds."""
    before, done, most = anonymous_memory(), threading.Event(), [0]

    def watch() -> None:
        while not done.wait(0.002):
            most[0] = max(most[0], anonymous_memory() - before)

    thread = threading.Thread(target=watch)
    thread.start()
    kept: list[Any] = []
    taken = seconds(lambda: kept.append(function(*arguments)))
    done.set()
    thread.join()
    return taken, max(most[0], anonymous_memory() - before)


def part(name: str, path: Path, megabytes: int) -> tuple[float, int]:
    """Measure one part. It has a process of its own, so that all begin with the same free memory."""
    match name:
        case "save":
            return measured(large(megabytes).save, path)
        case "copy":
            return measured(copy, path, path.with_suffix(".copy"))
        case "load":
            return measured(tl.load_model, path)
    return measured(read, path)


def in_process(name: str, path: Path, megabytes: int) -> tuple[float, int]:
    command = [sys.executable, __file__, f"--part={name}", f"--folder={path}", f"--megabytes={megabytes}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    taken, memory = done.stdout.split()
    return float(taken), int(memory)


def measure_large(megabytes: int, rounds: int, folder: Path, recorder: Any) -> dict[str, float]:
    """Measure a large model, and return the memory that saving and loading need, relative to the weights."""
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in ("save", "copy", "read", "load")}
    path = folder / "large.tensorlab"
    for _ in range(rounds):
        for name, results in found.items():
            results.append(in_process(name, path, megabytes))
        size = path.stat().st_size
        path.unlink()
        path.with_suffix(".copy").unlink()
    times = {name: statistics.median(seconds for seconds, _ in results) for name, results in found.items()}
    needed = {name: max(memory for _, memory in results) / size for name, results in found.items()}
    for what, plain in (("save", "copy"), ("load", "read")):
        print(
            f"{what} {size / 2**20:,.0f} MiB: {times[what]:.3f} s, {plain} {times[plain]:.3f} s, "
            f"{times[plain] / times[what]:.2f} of its speed; adds at most {needed[what]:.2f} times their memory",
            flush=True,
        )
        recorder.add(f"{what} {megabytes} MiB", {recording.US: times[what], plain: times[plain]})
    return needed


class Between(tl.callbacks.Callback):
    """Measures epochs, and the pauses between them, in which checkpoints are saved."""

    def __init__(self) -> None:
        self.epochs: list[float] = []
        self.pauses: list[float] = []
        self.ended = self.began = 0.0

    def get_state(self) -> dict[str, Any]:
        return {}

    def on_train_begin(self, logs: Any = None) -> None:
        self.ended = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.began = time.perf_counter()
        if self.ended:
            self.pauses.append(self.began - self.ended)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.ended = time.perf_counter()
        self.epochs.append(self.ended - self.began)


def measure_checkpoints(samples: int, rounds: int, folder: Path, recorder: Any) -> float:
    """Measure epochs of the book's network with and without checkpoints, and return the checkpoints' share of one."""
    numbers = np.random.default_rng(0)
    x = (numbers.random((samples, 784)) * (numbers.random((samples, 784)) < 0.19)).astype("float32")
    y = numbers.integers(0, 10, samples)
    model = network()
    model.fit(x, y, batch_size=128, verbose=0)
    without, with_them = Between(), Between()
    for number in range(rounds):
        model.fit(x, y, batch_size=128, verbose=0, epochs=3, callbacks=[without])
        model.fit(x, y, batch_size=128, verbose=0, epochs=3, callbacks=[with_them], checkpoint=folder / str(number))
    epoch, plain, whole = map(statistics.median, (without.epochs, without.pauses, with_them.pauses))
    share = (whole - plain) / epoch
    print(
        f"epoch of {samples:,} samples: {epoch:.3f} s; between two epochs {1000 * plain:.2f} ms, "
        f"with a checkpoint {1000 * whole:.2f} ms: {100 * share:.1f} % of the epoch"
    )
    recorder.add("checkpoint of the book's network", {recording.US: whole - plain})
    return float(share)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=60000)
    parser.add_argument(
        "--folder", type=Path, help="where to write; the system's folder for temporary files if omitted"
    )
    parser.add_argument("--part", help=argparse.SUPPRESS)
    recording.add_argument(parser)
    options = parser.parse_args(arguments)
    if options.part:
        print(*part(options.part, options.folder, options.megabytes))
        return
    recorder = recording.recorder(__file__, options)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.megabytes:
            measure_large(options.megabytes, options.rounds, Path(folder), recorder)
        if options.samples:
            measure_checkpoints(options.samples, options.rounds, Path(folder), recorder)
    recorder.write(options.json)


if __name__ == "__main__":
    main()
