"""The state of optimizers: slots of each weight, saved, restored, and rejected."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from optimizer_cases import CASES, SHAPES, averaged, steps

import tensorlab as tl
from tensorlab.errors import ArgumentError, StateError
from tensorlab.optimizers import SGD, Adam, OptimizerRule, RMSprop


@pytest.mark.parametrize("case", CASES)
def test_restored_state_continues_bit_for_bit(case: str, rng: np.random.Generator) -> None:
    make, _ = CASES[case]
    starts = [rng.normal(size=shape).astype("float32") for shape in SHAPES]
    gradients = [[rng.normal(size=shape).astype("float32") for shape in SHAPES] for _ in range(8)]
    whole = [tl.Variable(start) for start in starts]
    steps(make(), whole, gradients)
    first, optimizer = [tl.Variable(start) for start in starts], make()
    steps(optimizer, first, gradients[:5])
    state, weights = optimizer.get_state(), [np.array(variable.numpy()) for variable in first]
    steps(optimizer, first, gradients[5:])  # the state is a copy, which further steps do not change
    resumed, another = [tl.Variable(weight) for weight in weights], make()
    another.set_state(state, resumed)
    assert another.iterations == 5
    steps(another, resumed, gradients[5:])
    for variable, expected in zip(resumed, whole, strict=True):
        assert np.array_equal(variable.numpy(), expected.numpy())


@pytest.mark.parametrize("make", [lambda: RMSprop(0.01, momentum=0.5), lambda: OptimizerRule(averaged)(decay=0.9)])
def test_state_contains_names_and_current_hyperparameters(make: Any, rng: np.random.Generator) -> None:
    starts = [rng.normal(size=shape) for shape in SHAPES]
    gradients = [[rng.normal(size=shape) for shape in SHAPES] for _ in range(6)]
    whole, optimizer = [tl.Variable(start) for start in starts], make()
    steps(optimizer, whole, gradients[:3])
    optimizer.learning_rate = 0.25
    state = optimizer.get_state()
    assert state["iterations"] == 3
    assert state["hyperparameters"]["learning_rate"] == 0.25
    assert [set(slots) for slots in state["slots"]] == [set(optimizer.rule.slots)] * len(SHAPES)
    resumed, another = [tl.Variable(np.array(variable.numpy())) for variable in whole], make()
    another.set_state(state, resumed)
    assert another.get_config()["learning_rate"] == 0.25
    for each, variables in ((optimizer, whole), (another, resumed)):
        steps(each, variables, gradients[3:])
    for variable, expected in zip(resumed, whole, strict=True):
        assert np.array_equal(variable.numpy(), expected.numpy())


def test_invalid_state_is_rejected_and_changes_nothing(rng: np.random.Generator) -> None:
    weight, optimizer = tl.Variable(rng.normal(size=5), name="w"), SGD(0.5, momentum=0.9)
    optimizer.apply_gradients([(np.ones(5), weight)])
    state = optimizer.get_state()
    cases = [
        ({"slots": []}, [weight], "it has no iterations; give what get_state returned"),
        (state, [], "it has slots of 1 weights, but 0 weights were given; give the same weights to get_state and"),
        (state, [weight, tl.Variable(np.zeros(5))], "it has slots of 1 weights, but 2 weights were given; give the"),
        (None, [weight], "None is not a dict; give what get_state returned"),
        ({**state, "iterations": "1"}, [weight], "iterations: '1' is not a number of steps; give"),
        ({**state, "iterations": -1}, [weight], "iterations: -1 is not a number of steps; give"),
        (
            {**state, "slots": [{"velocity": ["fast"] * 5}]},
            [weight],
            "the slots of 'w' are not numbers (could not convert string to float: 'fast')",
        ),
        (
            state,
            [tl.Variable(np.zeros(4), name="v")],
            "the slots of 'v' are {'velocity': (5,)}, not velocity of shape (4,); give what",
        ),
        (
            {**state, "slots": [{"m": np.zeros(5)}]},
            [weight],
            "the slots of 'w' are {'m': (5,)}, not velocity of shape (5,)",
        ),
        ({**state, "slots": [{}]}, [weight], "are {}, not velocity of shape (5,)"),
        (
            {**state, "hyperparameters": {"rho": 0.1}},
            [weight],
            "hyperparameters learning_rate, momentum, received",
        ),
        ({**state, "hyperparameters": {"learning_rate": math.nan}}, [weight], "a finite number, received nan"),
    ]
    for wrong, variables, message in cases:
        with pytest.raises((StateError, ArgumentError)) as error:
            optimizer.set_state(wrong, variables)
        assert str(error.value).startswith("SGD state")
        assert message in str(error.value)
        assert optimizer.iterations == 1
        assert optimizer.learning_rate == 0.5
        assert np.array_equal(optimizer.variables[0].numpy(), state["slots"][0]["velocity"])


def test_slots_are_matched_with_weights(rng: np.random.Generator) -> None:
    # All have the same shape, so a wrong order would not raise but continue with wrong numbers.
    names = ("first", "second", "third")
    variables = [tl.Variable(rng.normal(size=4), name=name) for name in names]
    optimizer, gradients = SGD(0.5, momentum=0.9), rng.normal(size=(3, 4))
    optimizer.apply_gradients([(None, variables[0]), (gradients[1], variables[1])])  # e.g. the first is frozen
    assert [slot.name for slot in optimizer.variables] == ["first/velocity", "second/velocity"]
    optimizer.apply_gradients(zip(gradients[::-1], variables[::-1], strict=True))
    state = optimizer.get_state(variables[::-1])
    assert len(optimizer.get_state([tl.Variable(np.ones(2))])["slots"][0]["velocity"]) == 2  # zeros, and not stored
    assert len(optimizer.variables) == 3
    another = SGD(0.5, momentum=0.9)
    copies = [tl.Variable(np.array(variable.numpy()), name=variable.name) for variable in variables]
    another.set_state(state, copies[::-1])
    for each, those in ((optimizer, variables), (another, copies)):
        each.apply_gradients(zip(gradients, those, strict=True))
    for variable, copy in zip(variables, copies, strict=True):
        assert np.array_equal(variable.numpy(), copy.numpy())


def test_state_from_before_the_first_step_fits_any_weights(rng: np.random.Generator) -> None:
    weight, optimizer = tl.Variable(rng.normal(size=3)), Adam(0.01)
    untouched = optimizer.get_state()
    assert (untouched["iterations"], untouched["slots"]) == (0, [])
    assert optimizer.get_state([weight])["slots"][0].keys() == {*optimizer.rule.slots}
    for state in (untouched, Adam().get_state([weight])):
        optimizer.apply_gradients([(np.ones(3), weight)])
        optimizer.set_state(state, [weight])
        assert optimizer.iterations == 0
        assert all(not np.any(slot.numpy()) for slot in optimizer.variables)
    optimizer.set_state(untouched, [])  # as for a model that is not built
    assert optimizer.variables == []


def test_config_contains_the_current_learning_rate() -> None:
    optimizer = Adam(0.01)
    optimizer.learning_rate = 0.125
    rest = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False}
    assert optimizer.get_config() == {"learning_rate": 0.125, **rest}
    assert Adam.from_config(optimizer.get_config()).learning_rate == 0.125
