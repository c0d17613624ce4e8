"""Plans are kept from run to run, while nothing has changed that they depend on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.plan_cases import LABELS, X, count_runs, model

import tensorlab as tl
from tensorlab.plans import repeated


def recordings(patch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets an element for each call that is recorded."""
    made: list[int] = []
    record = repeated.record
    patch.setattr(repeated, "record", lambda *arguments: (made.append(1), record(*arguments))[1])
    return made


def dense(*layers: Any) -> Any:
    return model(*layers, tl.layers.Dense(5, activation="relu"), optimizer="adam", metrics=["accuracy"])


def new_optimizer(made: Any) -> None:
    made.compile("rmsprop", "sparse_categorical_crossentropy")


def other_metric(made: Any) -> None:
    made.compile(made.optimizer, made.loss, metrics=["sparse_categorical_accuracy"])


def forget_slots(made: Any) -> None:
    made.optimizer.forget_slots()


def other_state(made: Any) -> None:
    other = tl.optimizers.Adam(0.01)
    made.optimizer.set_state(other.get_state(made.weights), made.weights)


def freeze(made: Any) -> None:
    made.layers[1].trainable = False


def other_rate(made: Any) -> None:
    made.layers[0].rate = 0.7


def learning_rate(made: Any) -> None:
    made.optimizer.learning_rate = 0.5


def weights(made: Any) -> None:
    for weight in made.weights:
        weight.assign(weight * 0.5)


def diverge(made: Any) -> None:
    made.optimizer.learning_rate = 1e30
    with pytest.raises(tl.errors.NonFiniteError):
        made.fit(X, LABELS, batch_size=8, verbose=0)
    made.optimizer.learning_rate = 0.01


CHANGES: list[Callable[[Any], None]] = [
    *(new_optimizer, other_metric, forget_slots, other_state, freeze, other_rate, learning_rate, weights, diverge),
]


@pytest.mark.parametrize("change", CHANGES)
def test_changes_between_runs(change: Callable[[Any], None]) -> None:
    def outcome() -> list[bytes]:
        tl.utils.set_random_seed(3)
        made = dense(tl.layers.Dropout(0.3))
        results: list[Any] = []
        for step in range(3):
            history = made.fit(X[:80], LABELS[:80], batch_size=4, verbose=0).history
            results += [*history.values(), made.evaluate(X, LABELS, batch_size=2, verbose=0)]
            if step == 1:
                change(made)
        results += [*made.weights, *made.optimizer.variables]
        return [np.asarray(each).tobytes() for each in results]

    planned = outcome()
    with tl.disable_jit():
        assert outcome() == planned


def test_nothing_is_recorded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made, recorded = dense(), recordings(monkeypatch)
    for _ in range(3):
        made.fit(X, LABELS, batch_size=4, verbose=0)
        made.evaluate(X, LABELS, batch_size=2, verbose=0)
        assert len(recorded) == 4


def test_short_runs_are_recorded_when_there_have_been_many(monkeypatch: pytest.MonkeyPatch) -> None:
    made, recorded = dense(), recordings(monkeypatch)
    with count_runs() as runs:
        for _ in range(8):
            made.evaluate(X[:20], LABELS[:20], batch_size=4, verbose=0)
    assert (len(recorded), len(runs)) == (2, 40 - 32 - 2)


def test_memory_is_free_between_runs() -> None:
    made = dense()
    made.fit(X, LABELS, batch_size=4, verbose=0)
    (plan,) = made.training_plan.plans
    assert not any(operand.kind == "made" for operand in plan._arrays)
    made.fit(X, LABELS, batch_size=4, verbose=0)
    assert made.training_plan.plans == [plan]
    assert plan.runs == 24 - 3 + 24


def test_another_device_is_another_function(monkeypatch: pytest.MonkeyPatch) -> None:
    made, recorded = dense(), recordings(monkeypatch)
    for device in ("cpu", "cpu", "reference"):
        with tl.device(device):
            made.fit(X, LABELS, batch_size=4, verbose=0)
    assert len(recorded) == 4


def test_a_plan_in_use_leaves_other_threads_to_python() -> None:
    made = dense()
    made.fit(X, LABELS, batch_size=4, verbose=0)
    plan, losses = made.training_plan, []
    assert plan._use.begin()
    try:
        with count_runs() as runs:
            thread = threading.Thread(target=lambda: losses.append(made.fit(X, LABELS, batch_size=4, verbose=0)))
            thread.start()
            thread.join()
        assert (len(losses), runs) == (1, [])
    finally:
        plan._use.end()
