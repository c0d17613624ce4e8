"""Train models with and without plans."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.plans.plan import Plan

STEPS = 12
"""The steps of an epoch: one in Python, two recorded, and the others with a plan."""
NUMBERS = np.random.default_rng(5)
X = NUMBERS.standard_normal((STEPS * 8, 6)).astype(np.float32)
LABELS = NUMBERS.integers(0, 3, len(X))
TARGETS = NUMBERS.standard_normal((len(X), 3)).astype(np.float32)


class Outcome:
    """What a training has made of a model.

    Attributes:
        model: the model.
        state: its weights, the slots of its optimizer, and the history.
        runs: how many steps ran a plan that was valid to the end.
        reason: why they did not.
    """

    def __init__(self, model: tl.Model, history: Any) -> None:
        self.model = model
        optimizer = model.optimizer
        self.state = [w.numpy().copy() for w in (*model.weights, *optimizer.variables)]
        self.state += [np.asarray(optimizer.iterations), *map(np.asarray, history.history.values())]
        plan = model.training_plan
        self.runs = sum(each.runs for each in plan.plans)
        self.reason = plan.reason


def train(
    make: Callable[[], tl.Model], plans: bool, y: Any = LABELS, epochs: int = 2, batch_size: int = 8, **options: Any
) -> Outcome:
    """Train a new model from a fixed seed."""
    tl.utils.set_random_seed(3)
    model = make()
    with contextlib.nullcontext() if plans else tl.disable_jit():
        history = model.fit(X, y, batch_size=batch_size, epochs=epochs, verbose=0, **options)
    return Outcome(model, history)


def compare(make: Callable[[], tl.Model], **options: Any) -> tuple[Outcome, Outcome]:
    """Train with and without plans, and check that both give the same bits."""
    eager, planned = train(make, False, **options), train(make, True, **options)
    assert eager.runs == 0
    for one, other in zip(eager.state, planned.state, strict=True):
        assert one.tobytes() == other.tobytes()
    return eager, planned


def model(
    *layers: Any, optimizer: Any = "sgd", loss: Any = "sparse_categorical_crossentropy", **options: Any
) -> tl.Model:
    """Return a compiled model of three classes."""
    made = tl.Sequential([*layers, tl.layers.Dense(3, activation="softmax")])
    made.compile(optimizer, loss, **options)
    return made


@contextlib.contextmanager
def count_runs() -> Iterator[list[Plan]]:
    """Yield a list that gets the plan of every run inside of the ``with`` block."""
    runs: list[Plan] = []
    run = Plan.run

    def counted(self: Plan, inputs: Any) -> Any:
        runs.append(self)
        return run(self, inputs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plan, "run", counted)
        yield runs
