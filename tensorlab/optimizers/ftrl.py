"""Ftrl: follow the regularized leader."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from tensorlab.optimizers.clipping import ClippingOptimizer
from tensorlab.optimizers.rule import Rule


def _ftrl(
    weight: float,
    gradient: float,
    square: float,
    linear: float,
    learning_rate: float = 0.001,
    learning_rate_power: float = -0.5,
    initial_accumulator_value: float = 0.1,
    l1_regularization_strength: float = 0.0,
    l2_regularization_strength: float = 0.0,
    l2_shrinkage_regularization_strength: float = 0.0,
    beta: float = 0.0,
) -> tuple[float, float, float]:
    # A slot starts at 0, so the initial value is added where the sum is read.
    before = math.pow(square + initial_accumulator_value, -learning_rate_power)
    square = square + gradient * gradient
    after = math.pow(square + initial_accumulator_value, -learning_rate_power)
    shrunk = gradient + 2.0 * l2_shrinkage_regularization_strength * weight
    linear = linear + shrunk - (after - before) / learning_rate * weight
    quadratic = after / learning_rate + 2.0 * (l2_regularization_strength + beta / (2.0 * learning_rate))
    clipped = min(max(linear, -l1_regularization_strength), l1_regularization_strength)
    return (clipped - linear) / quadratic, square, linear


_FTRL = Rule(_ftrl)


class Ftrl(ClippingOptimizer):
    """Update ``w`` to the minimum of a sum of the gradients so far, with L1 and L2 penalties.

    With ``n ← n + g²``, ``s = (n₀ + n)⁻ᵖ`` before and ``s'`` after that: ``z ← z + g + 2 λₛ w - (s' - s) w / η``,
    ``w ← (clip(z, -λ₁, λ₁) - z) / (s' / η + 2 λ₂ + β / η)``.

    Args:
        learning_rate: η, above 0.
        learning_rate_power: p, at most 0.
        initial_accumulator_value: n₀, at least 0.
        l1_regularization_strength: λ₁, at least 0.
        l2_regularization_strength: λ₂, at least 0.
        l2_shrinkage_regularization_strength: λₛ, at least 0.
        beta: β.
        options: as in `ClippingOptimizer`, such as ``weight_decay`` and ``clipnorm``.

    Raises:
        ArgumentError: for a number out of range.

    Source: Keras, ``keras.optimizers.Ftrl``; McMahan et al., "Ad Click Prediction: a View from the Trenches", 2013.
    """

    _limits: ClassVar[Mapping[str, tuple[float, float]]] = {
        "initial_accumulator_value": (0.0, math.inf),
        "learning_rate_power": (-math.inf, 0.0),
        "l1_regularization_strength": (0.0, math.inf),
        "l2_regularization_strength": (0.0, math.inf),
        "l2_shrinkage_regularization_strength": (0.0, math.inf),
    }

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(
            _FTRL,
            {
                "learning_rate": learning_rate,
                "learning_rate_power": learning_rate_power,
                "initial_accumulator_value": initial_accumulator_value,
                "l1_regularization_strength": l1_regularization_strength,
                "l2_regularization_strength": l2_regularization_strength,
                "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength,
                "beta": beta,
            },
            **options,
        )
