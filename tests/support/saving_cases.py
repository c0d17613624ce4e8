"""Models to save and load, made of the user's own functions; a table of ways to make them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tensorlab as tl
from tensorlab.layers import BatchNormalization, Dense, Dropout, Input

Array = np.ndarray[Any, Any]


def bent(x: float, slope: float = 0.25) -> float:
    return x if x > 0.0 else slope * math.tanh(x)


def bounded_error(y: float, p: float, delta: float = 1.0) -> float:
    error = abs(y - p)
    return 0.5 * error * error if error <= delta else delta * (error - 0.5 * delta)


def heavy(
    w: float, g: float, m: float, learning_rate: float = 0.01, momentum: float = 0.9, step: float = 1
) -> tuple[float, float]:
    m = momentum * m + g
    return w - learning_rate / (1.0 + 0.01 * step) * m, m


def data(count: int = 24) -> tuple[Array, Array]:
    rng = np.random.default_rng(7)
    return rng.normal(size=(count, 4)).astype("float32"), rng.normal(size=(count, 1)).astype("float32")


def make_plain() -> Any:
    model = tl.Sequential([Dense(4, activation="relu"), Dense(1)])
    model.compile("sgd", "mse")
    return model


def make_home_made() -> Any:
    """Return a model whose activation, loss and optimizer are the user's own functions."""
    model = tl.Sequential([Input((4,)), Dense(4, activation=tl.Activation(bent, slope=0.5)), Dense(1)])
    model.compile(tl.OptimizerRule(heavy)(learning_rate=0.05), tl.LossRule(bounded_error)(delta=0.5), metrics=["mae"])
    return model


def make_random() -> Any:
    """Return a model with layers that draw random numbers, and with running means."""
    layers = [Dense(4), Dropout(0.25), BatchNormalization(), Dropout(0.5, seed=tl.random.SeedGenerator(3)), Dense(1)]
    model = tl.Sequential(layers)
    model.compile(tl.optimizers.Adam(0.01), "mse", metrics=["mae"], weighted_metrics=["mse"])
    return model


class Tied(tl.Model):
    """A model with a shared layer, a weight of its own, a frozen layer and containers."""

    def __init__(self, units: int = 4, scale: float = 1.0) -> None:
        super().__init__()
        shared = Dense(units, activation="tanh")
        self.blocks = [tl.Sequential([shared]), {"again": shared}]
        self.frozen = Dense(units, trainable=False)
        self.head = Dense(1)
        self.scale = scale
        self.extra = tl.optimizers.Adam(0.001)

    def build(self, input_shape: Any) -> None:
        self.gain = self.add_weight((), "ones")

    def call(self, x: tl.Tensor) -> tl.Tensor:
        x = self.blocks[1]["again"](self.blocks[0](x))
        return self.head(self.frozen(x)) * self.gain * self.scale


def make_tied() -> Any:
    model = Tied(scale=0.5)
    model.compile(tl.optimizers.SGD(0.01, momentum=0.9), "mse")
    return model


MAKES = {"plain": make_plain, "home-made": make_home_made, "random": make_random, "tied": make_tied}


def trained(make: Any, epochs: int = 2) -> Any:
    model = make()
    model.fit(*data(), batch_size=8, epochs=epochs, verbose=0)
    return model


def steps(model: Any) -> list[Any]:
    """Return losses and weights after further steps, with the same random numbers in every call."""
    tl.random.set_seed(5)
    history = model.fit(*data(), batch_size=8, epochs=2, verbose=0).history
    return [history, *[weight.tolist() for weight in model.get_weights()]]
