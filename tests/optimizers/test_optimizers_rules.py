"""Custom optimizers that are functions of numbers."""

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


def test_rule_rejects_unknown_hyperparameters() -> None:
    with pytest.raises(ArgumentError) as error:
        OptimizerRule(averaged)(learning_rat=0.1)
    assert str(error.value) == (
        "optimizer 'averaged': expected one of the hyperparameters learning_rate, decay, received learning_rat; "
        "did you mean 'learning_rate'?"
    )
    with pytest.raises(ArgumentError, match="received step"):
        OptimizerRule(averaged)(step=3.0)


@pytest.mark.usefixtures("plugins_restored")
def test_registered_rules_survive_json() -> None:
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


def test_plain_function_is_an_optimizer(rng: np.random.Generator) -> None:
    weight = tl.Variable(np.zeros(3))
    model = tl.Sequential([tl.layers.Dense(1)])
    model.compile(rule, "mse")
    assert model.optimizer.get_config() == {"learning_rate": 0.01}
    tl.optimizers.get(rule).apply_gradients([(np.ones(3), weight)])
    np.testing.assert_allclose(weight.numpy(), -0.01)
    with pytest.raises(ScalarError, match=r"'print\(w\)'"):
        tl.optimizers.get(lambda w, g: print(w))


def test_invalid_rules_are_rejected() -> None:
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


def test_hyperparameters_may_have_any_name() -> None:
    def odd(
        w: float,
        g: float,
        iterations: float = 0.1,
        variables: float = 1.0,
        rule: float = 1.0,
        self: float = 1.0,
        maker: float = 1.0,
        apply_gradients: float = 1.0,
        get_config: float = 1.0,
    ) -> float:
        return w - iterations * variables * rule * self * maker * apply_gradients * get_config * g

    optimizer = OptimizerRule(odd)(rule=2.0, self=0.5)
    weight = tl.Variable(np.array([1.0, 2.0]))
    for _ in range(3):
        optimizer.apply_gradients([(np.ones(2), weight)])
    np.testing.assert_allclose(weight.numpy(), [0.7, 1.7])
    assert optimizer.iterations == 3
    optimizer.hyperparameters["iterations"] = 0.5
    again = OptimizerRule(odd).from_config(json.loads(json.dumps(optimizer.get_config())))
    again.apply_gradients([(np.ones(2), weight)])
    np.testing.assert_allclose(weight.numpy(), [0.2, 1.2])


def test_unknown_attributes_are_rejected() -> None:
    sgd = tl.optimizers.SGD(0.1)
    with pytest.raises(AttributeError) as error:
        sgd.lr = 0.5
    assert str(error.value) == (
        "SGD: expected an attribute among: learning_rate, momentum, iterations, received lr; write learning_rate"
    )
    with pytest.raises(AttributeError, match="did you mean 'momentum'"):
        _ = sgd.momentun
    for wrong in ("0.1", None, [0.1], float("nan"), True):
        with pytest.raises(ArgumentError, match="SGD learning_rate: expected a finite number, received"):
            sgd.learning_rate = wrong
    assert sgd.learning_rate == 0.1
    sgd.learning_rate = tl.asarray(0.25)
    assert sgd.learning_rate == 0.25


@pytest.mark.parametrize("kind", [tl.optimizers.SGD, tl.optimizers.RMSprop])
def test_momentum_can_be_set_later(kind: type) -> None:
    first, second = kind(0.1), kind(0.1, momentum=0.9)
    one, two = tl.Variable(np.ones(3)), tl.Variable(np.ones(3))
    first.momentum = 0.9
    for _ in range(3):
        for optimizer, weight in ((first, one), (second, two)):
            optimizer.apply_gradients([(np.ones(3), weight)])
    assert one.numpy().tolist() == two.numpy().tolist()
    assert len(first.variables) == len(second.variables)


def test_step_without_a_default_value_is_named() -> None:
    def rule(w: float, g: float, m: float, step: float, rate: float = 0.1) -> tuple[float, float]:
        return w - rate * g / step, m

    with pytest.raises(ArgumentTypeError) as error:
        OptimizerRule(rule)
    assert str(error.value) == (
        "optimizer rule 'rule': expected 3 values (weight, m, step), received 2; "
        "a parameter without a default value is a slot; write step=1 for the number of the step"
    )
