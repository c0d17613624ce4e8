"""First seconds: an installed wheel with kernels, or a checkout, each with an empty kernel cache.

    python tests/benchmarks/bench_installed.py --wheel PYTHON [--epochs 5] [--rounds 3] [--json FILE]
    python tests/benchmarks/bench_installed.py [--samples 6400] [--rounds 3] [--json FILE]

With ``--wheel`` tensorlab runs in that Python, in which a wheel of it must be installed. It prints how many kernels the
book's program compiles there, its first epoch relative to the later ones, the import relative to NumPy's, whole
processes with empty caches against other libraries (see `workers.py`), and the size of what is installed. Without it,
the checkout runs: CPU-seconds and seconds of compiling for the book's network, and the seconds that an activation, a
loss and an optimizer of the user's own take in their first use more than in the second. Figures are medians of rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bench_mnist
import recording
import workers
from recording import ROOT, US
from rich.console import Console

IMPORTS = """
import json, time
start = time.perf_counter()
import numpy
middle = time.perf_counter()
import tensorlab
print(json.dumps([middle - start, time.perf_counter() - middle]))
"""
BOOK = """
import json, os, pathlib, resource, sys, time
import numpy as np
import tensorlab as tl

folder, samples, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
x, y, x_test, y_test = (np.load(f"{folder}/{name}.npy") for name in ("x", "y", "x_test", "y_test"))
seconds = []

class Timer(tl.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        seconds.append(time.perf_counter() - self.start)

def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)

tl.utils.set_random_seed(0)
model = tl.Sequential([tl.layers.Dense(512, activation="relu"), tl.layers.Dense(10, activation="softmax")])
model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
start, before = time.perf_counter(), cpu()
model.fit(x[:samples], y[:samples], epochs=epochs, batch_size=128, verbose=0, callbacks=[Timer()])
trained = time.perf_counter() - start
accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
model.predict(x_test[:1], verbose=0)
kernels = [*pathlib.Path(os.environ["TENSORLAB_CACHE_DIR"]).rglob("*.kernel")]
compiler = [name for name in ("numba", "llvmlite") if name in sys.modules]
print(json.dumps(dict(epochs=seconds, fit=trained, all=time.perf_counter() - start, cpu=cpu() - before,
                      accuracy=accuracy, kernels=len(kernels), compiler=compiler, file=tl.__file__)))
"""
OWN = """
import json, math, time
import numpy as np
import tensorlab as tl

def activation(x):
    return x / (1.0 + math.exp(-0.123 * x))

def loss(target, output):
    return math.log(math.cosh(0.123 * (output - target)))

def optimizer(weight, gradient, mean, learning_rate=0.01):
    mean = 0.123 * gradient + 0.877 * mean
    return weight - learning_rate * mean / (1.0 + abs(mean)), mean

x, y = np.ones((256, 16), "float32"), np.ones((256, 4), "float32")

def used(activation="relu", loss="mse", optimizer="sgd"):
    start = time.perf_counter()
    model = tl.Sequential([tl.layers.Dense(32, activation=activation), tl.layers.Dense(4)])
    model.compile(optimizer=optimizer, loss=loss)
    model.fit(x, y, epochs=1, batch_size=128, verbose=0)
    return time.perf_counter() - start

used()
first = [used(activation=tl.Activation(activation)), used(loss=tl.LossRule(loss)),
         used(optimizer=tl.OptimizerRule(optimizer)())]
second = [used(activation=tl.Activation(activation)), used(loss=tl.LossRule(loss)),
          used(optimizer=tl.OptimizerRule(optimizer)())]
print(json.dumps([a - b for a, b in zip(first, second)]))
"""
SIZES = """
import importlib.metadata as metadata, json, re

COMPILER, found, left = {"numba", "llvmlite"}, {}, ["tensorlab"]
while left:
    name = left.pop()
    if name in found or name in COMPILER:
        continue
    distribution = metadata.distribution(name)
    found[name] = sum(path.stat().st_size for file in distribution.files or [] if (path := file.locate()).is_file())
    for each in distribution.requires or []:
        if "extra ==" not in each:
            try:
                metadata.distribution(needed := re.match(r"[\\w.-]+", each)[0].lower())
            except metadata.PackageNotFoundError:
                continue  # for another system or Python
            left.append(needed)
print(json.dumps(found))
"""


def run(python: str, program: str, cache: str, *arguments: object) -> Any:
    """Run a program in a new process, and return what it prints as JSON."""
    variables = {**workers.environment_of(python), "TENSORLAB_CACHE_DIR": cache}
    file = Path(cache, "program.py")  # tensorlab reads the source of functions from their file
    file.write_text(program, encoding="utf-8")
    command = [python, file, *map(str, arguments)]
    done = subprocess.run(command, env=variables, cwd=cache, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def median(rows: Sequence[Sequence[float]]) -> list[float]:
    """Return the median of each column."""
    return [statistics.median(column) for column in zip(*rows, strict=True)]


class Installed(bench_mnist.Comparison):
    """Whole processes, all without any file that an earlier process has compiled."""

    def start(self, library: str, **options: Any) -> workers.Worker:
        """Start the process of a library with an empty cache."""
        shutil.rmtree(self.options["cache"], ignore_errors=True)
        return super().start(library, **options)


def of_wheel(python: str, folder: str, options: argparse.Namespace, recorder: recording.Recorder) -> None:
    """Measure a wheel."""
    firsts, later = [], []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as cache:
            found = run(python, BOOK, cache, folder, options.samples, options.epochs)
        if str(ROOT) in found["file"]:
            sys.exit(f"{python} imports the checkout {found['file']}: install a wheel there")
        firsts.append(found["epochs"][0])
        later.append(statistics.median(found["epochs"][1:]))
    with tempfile.TemporaryDirectory() as cache:
        run(python, IMPORTS, cache)
        imports = [run(python, IMPORTS, cache) for _ in range(3 * options.rounds)]
        sizes = run(python, SIZES, cache)
    numpy, library = median(imports)
    print(f"kernels compiled: {found['kernels']}; compiler imported: {found['compiler'] or 'no'}")
    print(f"test accuracy: {found['accuracy']:.4f}")
    ratio = statistics.median([first / other for first, other in zip(firsts, later, strict=True)])
    print(f"first epoch: {1e3 * statistics.median(firsts):.0f} ms, {ratio:.3f} of later ones")
    print(f"import numpy: {1e3 * numpy:.0f} ms; import tensorlab after it: {1e3 * library:.0f} ms")
    print(f"installed without the compiler: {sum(sizes.values()) / 1e6:.0f} MB, tensorlab {sizes[US] / 1e6:.1f} MB")
    recorder.add("kernels compiled", {US: found["kernels"]}, "")
    recorder.add("first epoch over later ones", {US: ratio}, "")
    recorder.add("import", {US: library, "NumPy": numpy})
    recorder.add("installed without the compiler", {US: sum(sizes.values())}, "B")
    known = {"threads": options.threads, "samples": options.samples, "data": folder, "cache": f"{folder}/cache"}
    comparison = Installed(workers.find(bench_mnist.PEERS, options.peer), known, recorder)
    comparison.programs[US] = ("mnist_tensorlab", python)
    comparison.one_after_the_other(options.epochs, options.rounds)
    Console(width=110).print(comparison.table)


def of_checkout(folder: str, options: argparse.Namespace, recorder: recording.Recorder) -> None:
    """Measure this checkout."""
    compiling, own = [], []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as cache:
            cold, warm = (run(sys.executable, BOOK, cache, folder, options.samples, 1) for _ in range(2))
            compiling.append([cold["cpu"] - warm["cpu"], cold["all"] - warm["all"]])
            own.append(run(sys.executable, OWN, cache))
    for name, value in zip(("CPU-seconds of compiling", "seconds of waiting"), median(compiling), strict=True):
        print(f"{name}: {value:.1f}, for {cold['kernels']} kernels")
        recorder.add(name, {US: value}, "")
    for name, value in zip(("activation", "loss", "optimizer"), median(own), strict=True):
        print(f"first use of an own {name}: {value:.2f} s more than the second")
        recorder.add(f"first use of an own {name}", {US: value}, "")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", metavar="PYTHON", help="a Python in which a wheel of tensorlab is installed")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--samples", type=int, help="the number of images; by default all, or 6400 of a checkout")
    parser.add_argument("--rounds", type=int, default=3)
    workers.add_argument(parser)
    recording.add_argument(parser)
    options = parser.parse_args(arguments)
    options.samples = options.samples or (bench_mnist.SIZE if options.wheel else 6400)
    recorder = recording.recorder(__file__, options)
    with tempfile.TemporaryDirectory() as folder:
        bench_mnist.save_data(Path(folder), options.samples)
        if options.wheel:
            of_wheel(options.wheel, folder, options, recorder)
        else:
            of_checkout(folder, options, recorder)
    recorder.write(options.json)


if __name__ == "__main__":
    main()
