"""Schedules: rates by step, what optimizers make of them, configs, and errors."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, StateError, TensorlabError
from tensorlab.optimizers import SGD, Adam, OptimizerRule, schedules

MADE = [
    schedules.ExponentialDecay(0.1, 3, 0.5, staircase=True),
    schedules.InverseTimeDecay(0.1, 2, 0.5),
    schedules.PolynomialDecay(0.1, 4, power=2.0, cycle=True),
    schedules.PiecewiseConstantDecay([2, 5], [0.1, 0.05, 0.02]),
    schedules.CosineDecay(0.0, 6, warmup_target=0.1, warmup_steps=3),
    schedules.CosineDecayRestarts(0.1, 3),
]


def falling(step: float) -> float:
    return 0.5 / (1.0 + step)


def rates_of(optimizer: Any, steps: int = 5) -> list[float]:
    """Return the changes of a weight whose gradient is 1, which are the learning rates of SGD."""
    weight, found = tl.Variable([0.0], dtype="float64"), []
    for _ in range(steps):
        before = float(weight[0])
        optimizer.apply_gradients([(tl.asarray([1.0], dtype="float64"), weight)])
        found.append(before - float(weight[0]))
    return found


@pytest.mark.parametrize("schedule", [*MADE, falling])
def test_each_step_takes_the_rate_of_the_steps_before_it(schedule: Any) -> None:
    optimizer = SGD(schedule)
    assert optimizer.learning_rate == schedule(0)
    np.testing.assert_allclose(rates_of(optimizer), [schedule(step) for step in range(5)], rtol=1e-12, atol=1e-15)
    assert optimizer.learning_rate == schedule(5)


def test_rules_and_functions_without_arguments_as_rates() -> None:
    def step(w: float, g: float, learning_rate: float = 0.1) -> float:
        return w - learning_rate * g

    np.testing.assert_allclose(rates_of(OptimizerRule(step)(learning_rate=falling), 3), [0.5, 0.25, 0.5 / 3])
    rates = iter([0.5, 0.25, 0.125, 0.0625])
    optimizer = SGD(lambda: next(rates))  # it is asked once when the optimizer is made
    np.testing.assert_allclose(rates_of(optimizer, 3), [0.25, 0.125, 0.0625])


def test_plans_follow_a_schedule() -> None:
    x, y = np.ones((256, 2), "float32"), np.ones((256, 1), "float32")
    found = []
    for eagerly in (False, True):
        model = tl.Sequential([tl.layers.Dense(1, kernel_initializer="zeros")])
        rate = schedules.CosineDecay(0.3, 50)
        model.compile(SGD(rate), "mse", run_eagerly=eagerly)
        model.fit(x, y, batch_size=8, verbose=0)
        found.append(model.get_weights()[0])
        assert model.training_plan is not None
        assert bool(model.training_plan.plans) is not eagerly
    assert np.array_equal(*found)


@pytest.mark.parametrize("schedule", MADE)
def test_configs_and_pickles(schedule: Any) -> None:
    optimizer = Adam(schedule, weight_decay=0.01)
    config = json.loads(json.dumps(optimizer.get_config()))
    assert config["learning_rate"]["class_name"] == type(schedule).__name__
    for again in (Adam.from_config(config), pickle.loads(pickle.dumps(optimizer))):
        assert [again._schedule(step) for step in range(9)] == [schedule(step) for step in range(9)]
        assert again.weight_decay == 0.01
    whole = tl.optimizers.get(tl.optimizers.serialize(optimizer))
    assert whole.learning_rate == optimizer.learning_rate


def test_callbacks_cannot_set_a_scheduled_rate() -> None:
    optimizer = SGD(MADE[0])
    with pytest.raises(StateError) as error:
        optimizer.learning_rate = 0.1
    assert str(error.value) == (
        "SGD learning_rate: it follows a schedule, and cannot be set; make the optimizer with a number as learning_rate"
    )
    model = tl.Sequential([tl.layers.Dense(1)])
    model.compile(optimizer, "mse")
    with pytest.raises(StateError, match="it follows a schedule"):
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, callbacks=[tl.callbacks.LearningRateScheduler(falling)])


REFUSED: list[tuple[Callable[[], Any], type[TensorlabError], str]] = [
    (
        lambda: schedules.ExponentialDecay(0.1, 0, 0.5),
        ArgumentError,
        "ExponentialDecay decay_steps: expected a number of steps above 0, received 0",
    ),
    (
        lambda: schedules.ExponentialDecay(0.1, 10, -1.0),
        ArgumentError,
        "ExponentialDecay decay_rate: expected a number of at least 0, received -1.0",
    ),
    (
        lambda: schedules.CosineDecay("0.1", 5),
        ArgumentError,
        "CosineDecay initial_learning_rate: expected a finite number, received '0.1'",
    ),
    (
        lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]),
        ArgumentError,
        "PiecewiseConstantDecay: expected one value more than boundaries, received 2 boundaries and 2 values",
    ),
    (
        lambda: schedules.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3]),
        ArgumentError,
        "PiecewiseConstantDecay boundaries: expected numbers in ascending order, received [2, 1]",
    ),
    (
        lambda: SGD(schedules.ExponentialDecay),
        ArgumentTypeError,
        f"learning_rate: expected a number or a schedule, received {schedules.ExponentialDecay!r}; give an object of "
        "the class",
    ),
    (
        lambda: SGD({"class_name": "ExponentialDecy", "config": {}}),
        ArgumentError,
        "learning_rate: expected the config of a schedule, received 'ExponentialDecy'; did you mean 'ExponentialDecay'",
    ),
    (
        lambda: SGD(lambda step: math.nan),
        ArgumentError,
        "SGD learning_rate after 0 steps: expected a finite number, received nan",
    ),
    (
        lambda: SGD(lr=0.1),
        ArgumentTypeError,
        "SGD: expected arguments among: ",
    ),
    (
        lambda: SGD(0.1, decay=0.1),
        ArgumentTypeError,
        "SGD: expected arguments among: ",
    ),
    (
        lambda: Adam(loss_scale_factor=2.0),
        ArgumentError,
        "Adam loss_scale_factor: expected None, as tensorlab has no float16 whose gradients vanish, received 2.0",
    ),
    (lambda: Adam(weight_decay="0"), ArgumentError, "Adam weight_decay: expected a finite number, received '0'"),
    (lambda: tl.optimizers.AdamW(weight_decay=None), ArgumentError, "AdamW weight_decay: expected a finite number"),
    (lambda: Adam(name=3), ArgumentTypeError, "Adam name: expected a string, received 3"),
    (
        lambda: tl.optimizers.Ftrl(l1_regularization_strength=-1.0),
        ArgumentError,
        "Ftrl l1_regularization_strength: expected a number of at least 0, received -1.0",
    ),
]


@pytest.mark.parametrize(("make", "kind", "message"), REFUSED)
def test_wrong_arguments(make: Callable[[], Any], kind: type[TensorlabError], message: str) -> None:
    with pytest.raises(kind) as error:
        make()
    assert str(error.value).startswith(message)


def test_old_arguments_are_explained() -> None:
    for arguments, hint in (
        ({"lr": 0.1}, "; write learning_rate=..."),
        ({"decay": 0.1}, "; give learning_rate=tl.optimizers.schedules.InverseTimeDecay(rate, 1, decay)"),
    ):
        with pytest.raises(ArgumentTypeError) as error:
            SGD(**arguments)
        assert str(error.value).endswith(hint)


def test_weight_decay_can_be_changed_if_there_is_one() -> None:
    optimizer = SGD(1.0, weight_decay=0.5)
    weight = tl.Variable([1.0])
    optimizer.apply_gradients([(tl.asarray([0.0]), weight)])
    optimizer.weight_decay = 0.25
    optimizer.apply_gradients([(tl.asarray([0.0]), weight)])
    assert float(weight[0]) == 0.5 * 0.75
    plain = SGD(0.1)
    assert plain.weight_decay is None
    with pytest.raises(StateError, match="SGD weight_decay: the optimizer was made without weight decay; pass"):
        plain.weight_decay = 0.1
    assert SGD(name="first").name == "first"
