"""Everything that layers, optimizers, losses and metrics can be made of survives a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.layers import Dense, Layer
from tensorlab.registry import registries

_ARGUMENTS: dict[str, Any] = {"units": 3, "rate": 0.25, "stddev": 0.5, "activation": "tanh", "scale": 0.5}
_WINDOW: dict[str, Any] = {"filters": 2, "kernel_size": 2}


def made(cls: Any) -> Any:
    for arguments in ({}, *({name: value} for name, value in _ARGUMENTS.items()), _WINDOW):
        try:
            return cls(**arguments)
        except (TypeError, ValueError):
            continue
    return None


LAYERS = {name: made(getattr(tl.layers, name)) for name in tl.layers.__all__ if name not in ("Layer", "Input")}
LAYERS = {name: layer for name, layer in LAYERS.items() if isinstance(layer, Layer)}


def built_of(layer: Layer) -> tl.Sequential | None:
    """Return a model of a layer, for inputs of a rank that it takes; None if it takes none of these."""
    for shape in ((4,), (4, 3), (4, 4, 3)):
        try:
            return tl.Sequential([tl.Input(shape), type(layer).from_config(layer.get_config())])
        except (TypeError, ValueError):
            continue
    return None


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("name", LAYERS)
def test_layer_survives(name: str, tmp_path: Path) -> None:
    model = built_of(LAYERS[name])
    if model is None:
        pytest.skip("the layer needs other inputs")
    x = np.linspace(-1.0, 1.0, 2 * int(np.prod(model.layers[0]._built_for[1:])))
    x = x.reshape(2, *model.layers[0]._built_for[1:])
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
