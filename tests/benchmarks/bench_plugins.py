"""What plugins cost: an activation of a plugin beside relu, and finding fifty of them beside finding none.

    python tests/benchmarks/bench_plugins.py [--repeats 9] [--json FILE]

The activation is relu's own expression, so that the ratio is what being a plugin costs: it should be 1.00 ± 0.03. Every
figure of the discovery is the least of several fresh processes; the modules are compiled to bytecode, as pip does.
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
    """A layer with either activation, in turn."""
    plugin = SimpleNamespace(
        hook=tl.hookimpl(lambda: {"rectified": tl.Activation(rectified)}, specname="tensorlab_register_activations")
    )
    tl.plugins.register(plugin, "bench")
    for rows, columns, units in ((128, 784, 512), (1, 784, 512), (1024, 1024, 1024)):
        x = tl.asarray(np.random.default_rng(0).normal(size=(rows, columns)).astype("float32"))
        layers = {name: tl.layers.Dense(units, activation=name) for name in ("relu", "rectified")}
        for layer in layers.values():
            layer(x)
        layers["rectified"].kernel = layers["relu"].kernel  # where weights lie in memory takes up to a tenth
        calls = 1 if rows > 1 else 20
        times: dict[str, list[float]] = {name: [] for name in layers}
        for _ in range(repeats * BURSTS):  # short ones in turn, so that both meet the same machine
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
    """Seconds a call."""
    start = time.perf_counter()
    for _ in range(calls):
        layer(x)
    return (time.perf_counter() - start) / calls


def discovery(repeats: int, recorder: recording.Recorder) -> None:
    """Import and first look-up, with no plugins and with fifty."""
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
    """What `PROGRAM` prints where the folder's plugins are installed."""
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
