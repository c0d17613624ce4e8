"""The cost of plugins: an activation of a plugin against relu, and finding fifty plugins against none.

    python tests/benchmarks/bench_plugins.py [--repeats 9] [--json FILE]

The activation is the same expression as relu, so the ratio is the cost of being in a plugin; it should be 1.00 ± 0.03.
Figures of the discovery are minima over several new processes; modules are compiled to bytecode, as by pip.
"""

from __future__ import annotations

import argparse
import compileall
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import recording
from recording import ROOT

import tensorlab as tl

COUNT = 50
BURSTS = 50

SOURCE = """
import math
import tensorlab as tl

def wave{number}(x):
    return x / (1.0 + math.exp(-x * {number}.5))

@tl.hookimpl
def tensorlab_register_activations():
    return {{"wave{number}": tl.Activation(wave{number})}}
"""
PROGRAM = """
import time
start = time.perf_counter()
import tensorlab as tl
imported = time.perf_counter()
tl.activations.get("relu")
found = time.perf_counter()
print(imported - start, found - imported, len(tl.plugins.list()))
"""


def rectified(x: float) -> float:
    return x if x > 0 else 0.0


def forward(repeats: int, recorder: recording.Recorder) -> None:
    """Measure a layer with each activation, in turn."""
    plugin = SimpleNamespace(
        hook=tl.hookimpl(lambda: {"rectified": tl.Activation(rectified)}, specname="tensorlab_register_activations")
    )
    tl.plugins.register(plugin, "bench")
    for rows, columns, units in ((128, 784, 512), (1, 784, 512), (1024, 1024, 1024)):
        x = tl.asarray(np.random.default_rng(0).normal(size=(rows, columns)).astype("float32"))
        layers = {name: tl.layers.Dense(units, activation=name) for name in ("relu", "rectified")}
        for layer in layers.values():
            layer(x)
        layers["rectified"].kernel = layers["relu"].kernel  # the address of weights changes the time by up to a tenth
        calls = 1 if rows > 1 else 20
        times: dict[str, list[float]] = {name: [] for name in layers}
        for _ in range(repeats * BURSTS):  # short bursts in turn, so that both run under the same conditions
            for name, layer in layers.items():
                times[name].append(timed(layer, x, calls))
        relu, other = (min(times[name]) for name in layers)
        recorder.add(
            f"Dense with relu, ({rows}, {columns}) · ({columns}, {units})",
            {recording.US: relu},
            ratios={"the activation of a plugin": other / relu},
        )
        print(f"({rows}, {columns}) · ({columns}, {units}): relu {relu * 1e6:8.1f} µs, plugin {other / relu:.3f} times")


def timed(layer: Callable[[Any], Any], x: Any, calls: int) -> float:
    """Return the seconds per call."""
    start = time.perf_counter()
    for _ in range(calls):
        layer(x)
    return (time.perf_counter() - start) / calls


def discovery(repeats: int, recorder: recording.Recorder) -> None:
    """Measure the import and the first look-up, without plugins and with fifty."""
    with tempfile.TemporaryDirectory() as name:
        for number in range(COUNT):
            (Path(name) / f"wave_{number}.py").write_text(SOURCE.format(number=number))
            info = Path(name) / f"acme_wave_{number}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-wave-{number}\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text(f"[tensorlab]\nwave{number} = wave_{number}\n")
        assert compileall.compile_dir(name, quiet=1)
        runs: dict[str, list[list[float]]] = {"": [], name: []}
        for _ in range(repeats):
            for folder in runs:
                runs[folder].append(process(folder))
    none, fifty = ([min(column) for column in zip(*each, strict=True)] for each in runs.values())
    for title, column in (("import tensorlab", 0), ("first look-up", 1)):
        recorder.add(title, {recording.US: none[column]}, plugins=0)
        recorder.add(title, {recording.US: fifty[column]}, plugins=COUNT)
        more = 1e3 * (fifty[column] - none[column])
        print(f"{title:18}{1e3 * none[column]:8.1f} ms, with {COUNT} plugins {more:+.1f} ms")
    assert fifty[2] - none[2] == COUNT


def process(folder: str) -> list[float]:
    """Return the output of `PROGRAM` with the plugins of a folder."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [folder, str(ROOT)]))},
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(word) for word in done.stdout.split()]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    recording.add_argument(parser)
    options = parser.parse_args(arguments)
    recorder = recording.recorder(__file__, options)
    forward(options.repeats, recorder)
    discovery(options.repeats, recorder)
    recorder.write(options.json)


if __name__ == "__main__":
    main()
