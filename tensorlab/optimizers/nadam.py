"""Nadam: Adam with Nesterov's momentum."""

from __future__ import annotations

import math
from typing import Any

from tensorlab.optimizers.clipping import ClippingOptimizer
from tensorlab.optimizers.rule import Rule


def _nadam(
    weight: float,
    gradient: float,
    mean: float,
    square: float,
    rest: float,
    learning_rate: float = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    step: float = 1,
) -> tuple[float, float, float, float]:
    now = beta_1 * (1.0 - 0.5 * math.pow(0.96, step))
    following = beta_1 * (1.0 - 0.5 * math.pow(0.96, step + 1.0))
    product = (1.0 - rest) * now
    mean = mean + (gradient - mean) * (1.0 - beta_1)
    square = square + (gradient * gradient - square) * (1.0 - beta_2)
    ahead = following * mean / (1.0 - product * following) + (1.0 - now) * gradient / (1.0 - product)
    deviation = math.sqrt(square / (1.0 - math.pow(beta_2, step)))
    return weight - learning_rate * ahead / (deviation + epsilon), mean, square, 1.0 - product


_NADAM = Rule(_nadam)


class Nadam(ClippingOptimizer):
    """Update the means of `Adam`, and use ``m`` as it will be after the next step.

    In step ``t``, with ``uₜ = β₁ (1 - 0.96ᵗ / 2)`` and ``Uₜ = u₁ · … · uₜ``:
    ``n = uₜ₊₁ m / (1 - Uₜ₊₁) + (1 - uₜ) g / (1 - Uₜ)``, ``w ← w - η n / (√(s / (1 - β₂ᵗ)) + ε)``. The slot ``rest``
    holds ``1 - Uₜ``, because slots start at 0.

    Args:
        learning_rate: η, a number or a schedule.
        beta_1: β₁, the decay rate of the running mean of gradients.
        beta_2: β₂, the decay rate of the running mean of squared gradients.
        epsilon: ε, which keeps the denominator above 0.
        options: as in `ClippingOptimizer`, such as ``weight_decay`` and ``clipnorm``.

    Source: Keras, ``keras.optimizers.Nadam``; Dozat, "Incorporating Nesterov Momentum into Adam", ICLR workshop, 2016.
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
            _NADAM, {"learning_rate": learning_rate, "beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}, **options
        )
