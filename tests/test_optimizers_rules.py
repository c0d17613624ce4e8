"""Optimizers that are functions of numbers, as others write them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from optimizer_cases import STEPS, averaged, rule, steps
from plugin_samples import plugin_of

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, ScalarError
from tensorlab.optimizers import OptimizerRule


def test_rule_with_slots_hyperparameters_and_step(rng: np.random.Generator) -> None:
    start, gradients = rng.normal(size=(7, 5)), rng.normal(size=(STEPS, 7, 5))
    weight, optimizer = tl.Variable(start, name="weight"), OptimizerRule(averaged)(decay=0.9)
    steps(optimizer, [weight], [[g] for g in gradients])
    w, mean, largest = start, np.zeros((7, 5)), np.zeros((7, 5))
    for t, g in enumerate(gradients, 1):
        mean = mean + (g - mean) / t
        largest = np.maximum(0.9 * largest, np.abs(g))
        w = w - 0.01 * mean / (largest + 1.0)
    np.testing.assert_allclose(weight.numpy(), w, rtol=1e-12)
    assert [slot.name for slot in optimizer.variables] == ["weight/mean", "weight/largest"]
    np.testing.assert_allclose(optimizer.variables[1].numpy(), largest, rtol=1e-12)
    assert all(not slot.trainable for slot in optimizer.variables)


def test_rule_refuses_other_hyperparameters() -> None:
    with pytest.raises(ArgumentError) as error:
        OptimizerRule(averaged)(learning_rat=0.1)
    assert str(error.value) == (
        "optimizer 'averaged': expected hyperparameters among: learning_rate, decay, received learning_rat; "
        "did you mean 'learning_rate'?"
    )
    with pytest.raises(ArgumentError, match="received step"):
        OptimizerRule(averaged)(step=3.0)


@pytest.mark.usefixtures("taken_back")
def test_rules_survive_json_by_the_name_that_they_are_registered_by() -> None:
    registered = OptimizerRule(averaged)
    tl.plugins.register(plugin_of(tensorlab_register_optimizers=lambda: {"averaging": registered}), "mine")
    optimizer = registered(decay=0.75)
    optimizer.learning_rate = 0.125
    plain = json.loads(json.dumps(tl.optimizers.serialize(optimizer)))
    assert plain == {
        "class_name": "averaging",
        "kind": "optimizer",
        "config": {"learning_rate": 0.125, "decay": 0.75},
    }
    for again in (tl.optimizers.get(plain), tl.optimizers.deserialize(plain), registered.from_config(plain["config"])):
        assert again is not optimizer
        assert again.rule is registered.rule
        assert again.get_config() == plain["config"]
    assert tl.optimizers.get("averaging").get_config() == {"learning_rate": 0.01, "decay": 0.5}
    assert tl.optimizers.get("mine:averaging").rule is registered.rule


def test_a_plain_function_is_an_optimizer(rng: np.random.Generator) -> None:
    weight = tl.Variable(np.zeros(3))
    model = tl.Sequential([tl.layers.Dense(1)])
    model.compile(rule, "mse")
    assert model.optimizer.get_config() == {"learning_rate": 0.01}
    tl.optimizers.get(rule).apply_gradients([(np.ones(3), weight)])
    np.testing.assert_allclose(weight.numpy(), -0.01)
    with pytest.raises(ScalarError, match="'print'"):
        tl.optimizers.get(lambda w, g: print(w))


def test_rule_of_another_form_is_refused() -> None:
    def lonely(w: float) -> float:
        return w

    def forgetful(w: float, g: float, m: float, learning_rate: float = 0.1) -> float:
        return w - learning_rate * g + m

    def unliftable(w: float, g: float) -> float:
        return w - {"g": g}["g"]

    with pytest.raises(ArgumentTypeError) as error:
        OptimizerRule(lonely)
    assert str(error.value) == (
        "optimizer rule 'lonely': expected a function of weight and gradient, then slots, then hyperparameters with "
        "default values, received (w)"
    )
    with pytest.raises(ArgumentTypeError) as error:
        OptimizerRule(forgetful)
    assert str(error.value) == "optimizer rule 'forgetful': expected 2 values (weight, m), received 1"
    with pytest.raises(ScalarError, match="unliftable"):
        OptimizerRule(unliftable)
