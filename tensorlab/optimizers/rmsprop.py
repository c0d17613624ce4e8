"""RMSprop: divide gradients by the root of a running mean of their squares."""

from __future__ import annotations

import math
from typing import Any

from tensorlab.optimizers.clipping import ClippingOptimizer
from tensorlab.optimizers.rule import Rule


def _plain(
    weight: float, gradient: float, square: float, learning_rate: float = 0.001, rho: float = 0.9, epsilon: float = 1e-7
) -> tuple[float, float]:
    square = rho * square + (1.0 - rho) * gradient * gradient
    return weight - learning_rate * gradient / math.sqrt(square + epsilon), square


def _with_momentum(
    weight: float,
    gradient: float,
    square: float,
    velocity: float,
    learning_rate: float = 0.001,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
) -> tuple[float, float, float]:
    square = rho * square + (1.0 - rho) * gradient * gradient
    velocity = momentum * velocity + learning_rate * gradient / math.sqrt(square + epsilon)
    return weight - velocity, square, velocity


def _centered(
    weight: float,
    gradient: float,
    square: float,
    mean: float,
    learning_rate: float = 0.001,
    rho: float = 0.9,
    epsilon: float = 1e-7,
) -> tuple[float, float, float]:
    square = rho * square + (1.0 - rho) * gradient * gradient
    mean = rho * mean + (1.0 - rho) * gradient
    return weight - learning_rate * gradient / math.sqrt(square - mean * mean + epsilon), square, mean


def _centered_with_momentum(
    weight: float,
    gradient: float,
    square: float,
    mean: float,
    velocity: float,
    learning_rate: float = 0.001,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
) -> tuple[float, float, float, float]:
    square = rho * square + (1.0 - rho) * gradient * gradient
    mean = rho * mean + (1.0 - rho) * gradient
    velocity = momentum * velocity + learning_rate * gradient / math.sqrt(square - mean * mean + epsilon)
    return weight - velocity, square, mean, velocity


_PLAIN, _WITH_MOMENTUM = Rule(_plain), Rule(_with_momentum)
_CENTERED, _CENTERED_WITH_MOMENTUM = Rule(_centered), Rule(_centered_with_momentum)


class RMSprop(ClippingOptimizer):
    """Update ``s ← ρ s + (1 - ρ) g²``, ``w ← w - η g / √(s + ε)``.

    With momentum: ``v ← μ v + η g / √(s + ε)``, ``w ← w - v``.

    Args:
        learning_rate: η, a number or a schedule.
        rho: ρ, the decay rate of the running mean.
        momentum: μ.
        epsilon: ε, which keeps the denominator above 0.
        centered: whether to subtract the square of a running mean m of the gradients from s: ``m ← ρ m + (1 - ρ) g``,
            ``√(s - m² + ε)``.
        options: as in `ClippingOptimizer`, such as ``weight_decay`` and ``clipnorm``.

    Source: Keras, ``keras.optimizers.RMSprop``; Tieleman and Hinton, "Lecture 6.5 - RMSProp", 2012.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(
            _PLAIN, {"learning_rate": learning_rate, "rho": rho, "momentum": momentum, "epsilon": epsilon}, **options
        )
        self.centered = centered

    @property
    def undecayed(self) -> Rule:
        """The step for one number, without weight decay; it has no velocity while the momentum is 0."""
        if self.centered:
            return _CENTERED_WITH_MOMENTUM if self.hyperparameters["momentum"] else _CENTERED
        return _WITH_MOMENTUM if self.hyperparameters["momentum"] else _PLAIN
