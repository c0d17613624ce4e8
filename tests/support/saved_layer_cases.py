"""An object of every layer of tensorlab that can be made with few arguments, and models of them."""

from __future__ import annotations

from typing import Any

import numpy as np

import tensorlab as tl
from tensorlab.layers import Layer

_ARGUMENTS: dict[str, Any] = {"units": 3, "rate": 0.25, "stddev": 0.5, "activation": "tanh", "scale": 0.5, "n": 3}
_ARGUMENTS |= {"kernel_size": 2, "dims": (2, 1), "target_shape": (2, 2)}
_SEVERAL: list[dict[str, Any]] = [{"filters": 2, "kernel_size": 2}, {"input_dim": 5, "output_dim": 3}]


def made(cls: Any) -> Any:
    for arguments in ({}, *({name: value} for name, value in _ARGUMENTS.items()), *_SEVERAL):
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


def inputs_of(model: Any) -> Any:
    """Return two samples for a model that `built_of` has returned."""
    shape = (2, *model.layers[0]._built_for[1:])
    if isinstance(model.layers[0], tl.layers.Embedding):
        return np.arange(np.prod(shape)).reshape(shape) % 5
    return np.linspace(-1.0, 1.0, int(np.prod(shape))).reshape(shape)
