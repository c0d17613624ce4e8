"""Custom losses: functions of numbers, functions of tensors, and subclasses; and how `get` finds each."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from loss_cases import Array
from plugin_samples import plugin_of

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError, UnknownNameError
from tensorlab.losses import (
    CategoricalCrossentropy,
    Loss,
    LossRule,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)


def huber(y_true: float, y_pred: float, delta: float = 1.0) -> float:
    error = abs(y_true - y_pred)
    return 0.5 * error * error if error <= delta else delta * (error - 0.5 * delta)


def numpy_huber(t: Array, p: Array, delta: float) -> Array:
    error = np.abs(t - p)
    return np.where(error <= delta, 0.5 * error**2, delta * (error - 0.5 * delta)).mean(axis=-1)


def test_rule_makes_losses(rng: np.random.Generator) -> None:
    targets, outputs = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    rule = LossRule(huber)
    for loss, delta in ((rule(), 1.0), (rule(delta=0.3), 0.3), (tl.losses.get(rule), 1.0)):
        source = tl.Variable(outputs)
        with tl.GradientTape() as tape:
            value = loss(targets, source)
        np.testing.assert_allclose(value.numpy(), numpy_huber(targets, outputs, delta).mean(), rtol=1e-12)
        error = outputs - targets
        expected = np.clip(error, -delta, delta) / error.size
        np.testing.assert_allclose(tape.gradient(value, source).numpy(), expected, rtol=1e-10, atol=1e-14)
    each = rule(reduction="none", delta=0.3)(targets, outputs)
    np.testing.assert_allclose(each.numpy(), numpy_huber(targets, outputs, 0.3), rtol=1e-12)


@pytest.mark.usefixtures("plugins_restored")
def test_registered_rules_survive_json(rng: np.random.Generator) -> None:
    made = LossRule(huber)
    tl.plugins.register(plugin_of(tensorlab_register_losses=lambda: {"smooth": made}), "mine")
    loss = made(reduction="sum", delta=2)
    plain = json.loads(json.dumps(tl.losses.serialize(loss)))
    assert plain == {"class_name": "smooth", "kind": "loss", "config": {"reduction": "sum", "delta": 2.0}}
    y_true, y_pred = rng.normal(0, 3, (2, 5, 4))
    for again in (tl.losses.get(plain), tl.losses.deserialize(plain), made.from_config(plain["config"])):
        assert again is not loss
        assert tl.losses.serialize(again) == plain
        assert float(again(y_true, y_pred)) == float(loss(y_true, y_pred))
    assert tl.losses.get("smooth").get_config() == {"reduction": "sum_over_batch_size", "delta": 1.0}


def test_rule_rejects_unknown_hyperparameters_and_invalid_functions() -> None:
    with pytest.raises(ArgumentError) as error:
        LossRule(huber)(dleta=2.0)
    assert str(error.value) == (
        "loss 'huber': expected one of the hyperparameters delta, received dleta; did you mean 'delta'?"
    )
    for wrong in (float("nan"), "2", True):
        with pytest.raises(ArgumentError, match="loss 'huber' delta: expected a finite number, received "):
            LossRule(huber)(delta=wrong)

    def lonely(y_true: float) -> float:
        return y_true

    with pytest.raises(ArgumentTypeError) as type_error:
        LossRule(lonely)
    assert str(type_error.value) == (
        "LossRule of 'lonely': expected a function of y_true and y_pred, and of parameters with default values, "
        "that returns one number, received (y_true) with 1 result"
    )


def test_function_of_tensors_is_a_loss(rng: np.random.Generator) -> None:
    def cubed(y_true: tl.Tensor, y_pred: tl.Tensor) -> tl.Tensor:
        return tl.mean(tl.abs(y_true - y_pred) ** 3, axis=-1)

    targets, outputs = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    loss = tl.losses.get(cubed)
    assert loss.name == "cubed"
    value = loss(targets, outputs)
    np.testing.assert_allclose(value.numpy(), (np.abs(targets - outputs) ** 3).mean(), rtol=1e-11)
    with pytest.raises(ShapeError) as error:
        loss(targets[:4], outputs)
    assert str(error.value) == "cubed: expected as many targets as outputs, 5, received (4, 3)"


def test_subclass_needs_only_call(rng: np.random.Generator) -> None:
    class Scaled(Loss):
        def __init__(self, factor: float, **options: Any) -> None:
            super().__init__(**options)
            self.factor = factor

        def call(self, y_true: tl.Tensor, y_pred: tl.Tensor) -> tl.Tensor:
            return tl.mean(tl.abs(y_true - y_pred), axis=-1) * self.factor

    targets, outputs = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    loss = Scaled.from_config(Scaled(3.0, reduction="sum").get_config())
    expected = 3.0 * np.abs(targets - outputs).mean(axis=-1).sum()
    np.testing.assert_allclose(loss(targets, outputs).numpy(), expected, rtol=1e-12)
    with pytest.raises(NotImplementedError, match=r"Loss has no call\(y_true, y_pred\)"):
        Loss()(targets, outputs)


def test_get_accepts_names_classes_objects_and_configs() -> None:
    ready = MeanSquaredError(reduction="sum")
    assert tl.losses.get(ready) is ready
    assert isinstance(tl.losses.get("sparse_categorical_crossentropy"), SparseCategoricalCrossentropy)
    assert isinstance(tl.losses.get("SparseCategoricalCrossentropy"), SparseCategoricalCrossentropy)
    assert isinstance(tl.losses.get("mse"), MeanSquaredError)
    assert isinstance(tl.losses.get("mae"), MeanAbsoluteError)
    assert isinstance(tl.losses.get(CategoricalCrossentropy), CategoricalCrossentropy)
    made = tl.losses.get({"class_name": "binary_crossentropy", "kind": "loss", "config": {"from_logits": True}})
    assert made.from_logits is True
    with pytest.raises(UnknownNameError) as error:
        tl.losses.get("categorical_crossentrpy")
    assert str(error.value).startswith(
        "loss: expected the name of a registered loss, received 'categorical_crossentrpy'; "
        "did you mean 'categorical_crossentropy'"
    )
    with pytest.raises(ArgumentTypeError) as type_error:
        tl.losses.get(3)
    assert str(type_error.value) == "loss: expected a name, a Loss, or a function of (y_true, y_pred), received 3"


def test_hyperparameters_may_have_any_name() -> None:
    def odd(
        y_true: float, y_pred: float, reduction: float = 1.0, name: float = 2.0, self: float = 3.0, rule: float = 4.0
    ) -> float:
        return reduction * name * self * rule * (y_pred - y_true)

    maker = tl.losses.LossRule(odd)
    y, p = np.zeros((2, 1)), np.ones((2, 1))
    assert float(maker()(y, p)) == 24
    loss = maker("sum", name=0.5, self=1.0, rule=1.0)
    assert float(loss(y, p)) == 1.0
    loss.hyperparameters["reduction"] = 3.0
    again = maker.from_config(json.loads(json.dumps(loss.get_config())))
    assert float(again(y, p)) == float(loss(y, p)) == 3.0
    assert float(maker(reduction=2.0)(y, p)) == 48
