"""Regularizers: values and gradients against their formulas, and their terms in the loss of a model."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import regularizers
from tensorlab.errors import ArgumentError, ArgumentTypeError, UnknownNameError
from tensorlab.layers import Dense
from tensorlab.regularizers import L1, L1L2, L2

CASES = [(L1(), 0.01, 0.0), (L2(), 0.0, 0.01), (L1L2(), 0.0, 0.0), (L1L2(l1=0.3, l2=0.7), 0.3, 0.7), (L1(2), 2.0, 0.0)]


@pytest.mark.parametrize(("regularizer", "l1", "l2"), CASES)
@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 5), (2, 3, 4)])
def test_values_and_gradients(
    regularizer: L1L2, l1: float, l2: float, shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    w = rng.normal(size=shape)
    variable = tl.Variable(w, dtype="float64")
    with tl.GradientTape() as tape:
        cost = regularizer(variable)
    assert cost.shape == ()
    assert float(cost) == pytest.approx(float(l1 * np.abs(w).sum() + l2 * (w**2).sum()), rel=1e-12)
    slope = tape.gradient(cost, variable)
    np.testing.assert_allclose(np.asarray(slope), l1 * np.sign(w) + 2 * l2 * w, rtol=1e-12)


def test_layer_accepts_names_objects_configs_and_functions() -> None:
    for given, kind in (("l1", L1), ("L2", L2), ("L1L2", L1L2), ("l1_l2", L1L2), (L2, L2), (L1(0.5), L1)):
        assert type(Dense(2, kernel_regularizer=given).kernel_regularizer) is kind
    assert regularizers.get(None) is None
    assert regularizers.get(tl.sum) is tl.sum
    plain = json.loads(json.dumps(regularizers.serialize(L1L2(0.1, 0.2))))
    assert plain == {"class_name": "l1_l2", "kind": "regularizer", "config": {"l1": 0.1, "l2": 0.2}}
    again = regularizers.get(plain)
    assert (type(again), again.l1, again.l2) == (L1L2, 0.1, 0.2)
    layer = Dense(2, kernel_regularizer=L1(0.5), bias_regularizer="l2")
    copy = Dense.from_config(json.loads(json.dumps(layer.get_config())))
    assert (copy.kernel_regularizer.l1, copy.bias_regularizer.l2) == (0.5, 0.01)
    with pytest.raises(UnknownNameError, match=r"received 'l3'; did you mean 'l[12]'"):
        Dense(2, kernel_regularizer="l3")
    with pytest.raises(
        ArgumentTypeError, match="regularizer: expected a name, a config, or an object of Regularizer, received 3"
    ):
        Dense(2, bias_regularizer=3)
    for make, name in ((L1, "l1"), (L2, "l2")):
        with pytest.raises(
            ArgumentError, match=f"{make.__name__} {name}: expected a number of at least 0, received nan"
        ):
            make(float("nan"))


def test_loss_and_steps_of_a_model_include_regularizers(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    layer = Dense(2, kernel_regularizer=L1L2(0.3, 0.2), bias_regularizer=L2(0.4), dtype="float64")
    model = tl.Sequential([layer])
    model.compile(tl.optimizers.SGD(0.1), "mse")
    model.build((None, 3))
    bias = rng.normal(size=2)
    kernel = layer.get_weights()[0]
    layer.set_weights([kernel, bias])
    error = x @ kernel + bias - y
    cost = 0.3 * np.abs(kernel).sum() + 0.2 * (kernel**2).sum() + 0.4 * (bias**2).sum()
    assert [float(each) for each in model.losses] == pytest.approx(
        [0.3 * np.abs(kernel).sum() + 0.2 * (kernel**2).sum(), 0.4 * (bias**2).sum()]
    )
    assert model.evaluate(x, y, verbose=0) == pytest.approx((error**2).mean() + cost)
    assert model.train_on_batch(x, y, return_dict=True)["loss"] == pytest.approx((error**2).mean() + cost)
    slope = x.T @ error / 6 + 0.3 * np.sign(kernel) + 0.4 * kernel
    np.testing.assert_allclose(layer.get_weights()[0], kernel - 0.1 * slope, rtol=1e-10)
    np.testing.assert_allclose(layer.get_weights()[1], bias - 0.1 * (error.mean(axis=0) + 0.8 * bias), rtol=1e-10)
    layer.trainable = False
    assert model.losses == []


def test_custom_layer_can_have_regularized_weights(rng: np.random.Generator) -> None:
    class Scale(tl.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight((input_shape[-1],), "ones", regularizer=lambda w: 5.0 * tl.sum(w))

        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            return inputs * self.factor

    layer = Scale()
    layer(rng.normal(size=(2, 3)))
    assert [float(each) for each in layer.losses] == [15.0]
    layer.unbuild()
    assert layer.losses == []
