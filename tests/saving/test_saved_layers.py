"""Everything that layers, optimizers, losses and metrics can be made of survives a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from saved_layer_cases import LAYERS, built_of, inputs_of

import tensorlab as tl
from tensorlab.layers import Dense
from tensorlab.registry import registries


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("name", LAYERS)
def test_layer_survives(name: str, tmp_path: Path) -> None:
    model = built_of(LAYERS[name])
    if model is None:
        pytest.skip("the layer needs other inputs")
    x = inputs_of(model)
    model.save(tmp_path / "model.tensorlab")
    again = tl.load_model(tmp_path / "model.tensorlab")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.get_config()["layers"][1:] == model.get_config()["layers"][1:]


@pytest.mark.parametrize("name", sorted({entry.name for entry in registries["optimizer"]}))
def test_optimizer_survives(name: str, tmp_path: Path) -> None:
    x = np.linspace(-1.0, 1.0, 12).reshape(3, 4)
    model = tl.Sequential([tl.Input((4,)), Dense(2)])
    model.compile(name, "mse")
    model.fit(x, x[:, :2], epochs=2, verbose=0)
    model.save(tmp_path / "model.tensorlab")
    again = tl.load_model(tmp_path / "model.tensorlab")
    for each in (model, again):
        each.fit(x, x[:, :2], epochs=2, verbose=0, shuffle=False)
    assert all(map(np.array_equal, again.get_weights(), model.get_weights()))


def test_schedule_and_constraint_survive(tmp_path: Path) -> None:
    schedule = tl.optimizers.schedules.ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)
    x = np.linspace(-1.0, 1.0, 12).reshape(3, 4)
    model = tl.Sequential([tl.Input((4,)), Dense(2, kernel_constraint="non_neg", kernel_regularizer="l2")])
    model.compile(tl.optimizers.SGD(schedule), "mse")
    model.fit(x, x[:, :2], epochs=2, verbose=0)
    model.save(tmp_path / "model.tensorlab")
    again = tl.load_model(tmp_path / "model.tensorlab")
    assert again.optimizer.learning_rate == model.optimizer.learning_rate == 0.05
    for each in (model, again):
        each.fit(x, -x[:, :2], epochs=3, verbose=0, shuffle=False)
    assert all(map(np.array_equal, again.get_weights(), model.get_weights()))
    assert again.get_weights()[0].min() >= 0
