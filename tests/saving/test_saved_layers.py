"""Everything that layers, optimizers, losses and metrics can be made of survives a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.layers import Dense, Layer
from tensorlab.registry import registries


def made(cls: Any) -> Any:
    for arguments in ({}, {"units": 3}, {"rate": 0.25}, {"stddev": 0.5}, {"activation": "tanh"}, {"scale": 0.5}):
        try:
            return cls(**arguments)
        except (TypeError, ValueError):
            continue
    return None


LAYERS = {name: made(getattr(tl.layers, name)) for name in tl.layers.__all__ if name not in ("Layer", "Input")}
LAYERS = {name: layer for name, layer in LAYERS.items() if isinstance(layer, Layer)}


@pytest.mark.parametrize("name", LAYERS)
def test_layer_survives(name: str, tmp_path: Path) -> None:
    x = np.linspace(-1.0, 1.0, 12).reshape(3, 4)
    model = tl.Sequential([tl.Input((4,)), LAYERS[name]])
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
