"""Adamax: Adam with a running maximum in place of the mean of squares."""

from __future__ import annotations

import math
from typing import Any

from tensorlab.optimizers.clipping import ClippingOptimizer
from tensorlab.optimizers.rule import Rule


def _adamax(
    weight: float,
    gradient: float,
    mean: float,
    largest: float,
    learning_rate: float = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    step: float = 1,
) -> tuple[float, float, float]:
    mean = mean + (gradient - mean) * (1.0 - beta_1)
    largest = max(beta_2 * largest, abs(gradient))
    rate = learning_rate / (1.0 - math.pow(beta_1, step))
    return weight - mean * (rate / (largest + epsilon)), mean, largest  # in the order of Adam, for speed


_ADAMAX = Rule(_adamax)


class Adamax(ClippingOptimizer):
    """Update ``m ← β₁ m + (1 - β₁) g``, ``u ← max(β₂ u, |g|)``, ``w ← w - η m / ((1 - β₁ᵗ)(u + ε))`` in step ``t``.

    Args:
        learning_rate: η, a number or a schedule.
        beta_1: β₁, the decay rate of the running mean of gradients.
        beta_2: β₂, the decay rate of the running maximum of ``|g|``.
        epsilon: ε, which keeps the denominator above 0.
        options: as in `ClippingOptimizer`, such as ``weight_decay`` and ``clipnorm``.

    Source: Keras, ``keras.optimizers.Adamax``; Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014,
    section 7.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(
            _ADAMAX, {"learning_rate": learning_rate, "beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}, **options
        )
