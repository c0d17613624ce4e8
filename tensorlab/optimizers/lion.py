"""Lion: steps of equal size in the direction of an interpolated gradient."""

from __future__ import annotations

from typing import Any

from tensorlab.errors import ArgumentError, short_repr
from tensorlab.optimizers.clipping import ClippingOptimizer
from tensorlab.optimizers.rule import Rule


def _lion(
    weight: float,
    gradient: float,
    mean: float,
    learning_rate: float = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.99,
) -> tuple[float, float]:
    direction = mean * beta_1 + gradient * (1.0 - beta_1)
    sign = 1.0 if direction > 0.0 else -1.0 if direction < 0.0 else 0.0
    return weight - learning_rate * sign, mean * beta_2 + gradient * (1.0 - beta_2)


_LION = Rule(_lion)


class Lion(ClippingOptimizer):
    """Update ``w ← w - η sign(β₁ m + (1 - β₁) g)``, ``m ← β₂ m + (1 - β₂) g``.

    Args:
        learning_rate: η, a number or a schedule.
        beta_1: β₁, the part of m in the direction of the step.
        beta_2: β₂, the decay rate of the running mean m.
        options: as in `ClippingOptimizer`, such as ``weight_decay`` and ``clipnorm``.

    Raises:
        ArgumentError: for a β₁ that is not above 0 or above 1.

    Source: Keras, ``keras.optimizers.Lion``; Chen et al., "Symbolic Discovery of Optimization Algorithms",
    arXiv:2302.06675.
    """

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **options: Any) -> None:
        super().__init__(_LION, {"learning_rate": learning_rate, "beta_1": beta_1, "beta_2": beta_2}, **options)
        if not 0.0 < self.beta_1 <= 1.0:
            raise ArgumentError("Lion beta_1", "a number above 0 and at most 1", short_repr(beta_1))
