"""A network and its training step, written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from support.plan_cases import TARGETS, X

import tensorlab as tl


class Network:
    """Two layers and a factor."""

    slope = 0.5

    def __init__(self) -> None:
        numbers = np.random.default_rng(1)
        self.kernel = tl.Variable(numbers.standard_normal((6, 3)).astype(np.float32))
        self.bias = tl.Variable(np.zeros(3, np.float32))
        self.factors = [1.0]

    @property
    def weights(self) -> list[tl.Variable]:
        weights = []
        weights += [self.kernel]
        weights.append(self.bias)
        return weights

    def __call__(self, x: Any) -> Any:
        return tl.tanh(x @ self.kernel + self.bias) * self.slope * self.factors[0]


def training_step(network: Network, x: Any, y: Any, rate: float = 0.1) -> tl.Tensor:
    with tl.GradientTape() as tape:
        loss = tl.mean((network(x) - y) ** 2)
    weights = network.weights
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        weight.assign_sub(rate * gradient)
    return loss


def outcomes(
    step: Callable[..., Any], change: Callable[[Network, int], Any] = lambda network, call: None
) -> list[bytes]:
    """Return the losses and the weights after each of 14 steps, with a change before each."""
    network, found = Network(), []
    for call in range(14):
        change(network, call)
        loss = step(network, X[call : call + 8], TARGETS[call : call + 8])
        found += [loss.numpy().tobytes(), *(weight.numpy().tobytes() for weight in network.weights)]
    return found
