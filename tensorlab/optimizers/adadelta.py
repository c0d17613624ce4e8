"""Adadelta: steps scaled by the running size of the steps before."""

from __future__ import annotations

import math
from typing import Any

from tensorlab.optimizers.clipping import ClippingOptimizer
from tensorlab.optimizers.rule import Rule


def _adadelta(
    weight: float,
    gradient: float,
    square: float,
    moved: float,
    learning_rate: float = 0.001,
    rho: float = 0.95,
    epsilon: float = 1e-7,
) -> tuple[float, float, float]:
    square = rho * square + (1.0 - rho) * gradient * gradient
    change = math.sqrt(moved + epsilon) * gradient / math.sqrt(square + epsilon)
    moved = rho * moved + (1.0 - rho) * change * change
    return weight - learning_rate * change, square, moved


_ADADELTA = Rule(_adadelta)


class Adadelta(ClippingOptimizer):
    """Update ``s ← ρ s + (1 - ρ) g²``, ``d = g √(u + ε) / √(s + ε)``, ``u ← ρ u + (1 - ρ) d²``, ``w ← w - η d``.

    Args:
        learning_rate: η, a number or a schedule; the paper uses 1.
        rho: ρ, the decay rate of both running means.
        epsilon: ε, which keeps the denominator above 0 and lets the first step begin.
        options: as in `ClippingOptimizer`, such as ``weight_decay`` and ``clipnorm``.

    Source: Keras, ``keras.optimizers.Adadelta``; Zeiler, "ADADELTA: An Adaptive Learning Rate Method", arXiv:1212.5701.
    """

    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **options: Any) -> None:
        super().__init__(_ADADELTA, {"learning_rate": learning_rate, "rho": rho, "epsilon": epsilon}, **options)
