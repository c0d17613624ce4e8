"""Pickles and copies of everything public, and of objects with state, also in another process."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saving_cases import MAKES, data, make_random, steps, trained

import tensorlab as tl

SUPPORT = Path(__file__).parent.parent / "support"
MODULES = (
    *(tl.layers, tl.losses, tl.metrics, tl.optimizers, tl.initializers, tl.regularizers, tl.callbacks, tl.activations),
    *(tl.ops, tl.random, tl.errors, tl.saving, tl.utils, tl),
)
WAYS: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}
OF_A_PROCESS = {"find_observers"}
"""What the plugin manager of this process replaces."""


def public_things() -> dict[str, Any]:
    """Return all public functions and operations, and an object of each public class that needs no arguments."""
    found: dict[str, Any] = {}
    for module in MODULES:
        for name in getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]:
            thing = getattr(module, name)
            if not callable(thing):
                continue
            if not isinstance(thing, type):
                found[f"{module.__name__}.{name}"] = thing
                continue
            try:
                found[f"{module.__name__}.{name}()"] = thing()
            except (TypeError, ValueError):  # it needs arguments
                continue
    return {name: thing for name, thing in found.items() if name.rpartition(".")[2] not in OF_A_PROCESS}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_everything_public_is_copied_and_pickled(way: Callable[[Any], Any]) -> None:
    things = public_things()
    assert len(things) > 400
    for thing in things.values():
        assert type(way(thing)) is type(thing)


@pytest.mark.parametrize("way", [WAYS["pickle"], WAYS["deepcopy"]], ids=["pickle", "deepcopy"])
@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_copied_model_continues_with_the_same_bits(make: Any, way: Callable[[Any], Any]) -> None:
    model = trained(make)
    again = way(model)
    assert [metric.get_state() == other.get_state() for metric, other in zip(model.metrics, again.metrics, strict=True)]
    assert steps(again) == steps(model)


RECEIVER = """
import json, pickle, sys
from saving_cases import data, steps
model, metric, seed = pickle.load(sys.stdin.buffer)
print(json.dumps([metric.result(), seed.get_state(), steps(model)]))
"""


def test_objects_with_state_cross_processes() -> None:
    """Slots, numbers of steps, running means and counts of seeds arrive in a process that is started, not forked."""
    model, metric, seed = trained(make_random), tl.metrics.MeanAbsoluteError(), tl.random.SeedGenerator(3)
    metric.update_state(*data()[:1] * 2)
    metric.update_state([[1.0]], [[3.0]])
    tl.random.normal((), seed=seed)
    sent = pickle.dumps((model, metric, seed))
    run = subprocess.run(
        [sys.executable, "-c", RECEIVER],
        input=sent,
        capture_output=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SUPPORT), str(SUPPORT.parents[1])])},
    )
    assert run.returncode == 0, run.stderr.decode()
    assert json.loads(run.stdout) == json.loads(json.dumps([metric.result(), 1, steps(model)]))


def test_progress_bar_is_made_anew() -> None:
    bar = tl.callbacks.ProgressBar(verbose=2)
    for way in WAYS.values():
        assert way(bar).verbose == 2
        assert way(bar).console is not bar.console


@pytest.mark.parametrize("way", [WAYS["pickle"], WAYS["deepcopy"]], ids=["pickle", "deepcopy"])
def test_metric_state_survives(way: Callable[[Any], Any]) -> None:
    for metric in (tl.metrics.Mean(), tl.metrics.Precision()):
        if isinstance(metric, tl.metrics.Mean):
            metric.update_state([1.0, 4.0])
        else:
            metric.update_state([0.0, 1.0, 1.0], [0.2, 0.7, 0.4])
        again = way(metric)
        assert again.result() == metric.result()
        fresh = type(metric).from_config(metric.get_config())
        fresh.set_state(metric.get_state())
        assert fresh.result() == metric.result()
        with pytest.raises(tl.errors.StateError, match="the state is not one that it has returned"):
            fresh.set_state([{"mean": [1.0], "attributes": {}, "variables": []}])
        np.testing.assert_equal(fresh.result(), metric.result())
