"""Adagrad: steps that become smaller for weights with large gradients so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from tensorlab.optimizers.clipping import ClippingOptimizer
from tensorlab.optimizers.rule import Rule


def _adagrad(
    weight: float,
    gradient: float,
    square: float,
    learning_rate: float = 0.001,
    initial_accumulator_value: float = 0.1,
    epsilon: float = 1e-7,
) -> tuple[float, float]:
    # A slot starts at 0, so the initial value is added where the sum is read.
    square = square + gradient * gradient
    return weight - learning_rate * gradient / math.sqrt(square + initial_accumulator_value + epsilon), square


_ADAGRAD = Rule(_adagrad)


class Adagrad(ClippingOptimizer):
    """Update ``s ← s + g²``, ``w ← w - η g / √(s + s₀ + ε)``.

    Args:
        learning_rate: η, a number or a schedule.
        initial_accumulator_value: s₀, at least 0.
        epsilon: ε, which keeps the denominator above 0.
        options: as in `ClippingOptimizer`, such as ``weight_decay`` and ``clipnorm``.

    Raises:
        ArgumentError: for a negative initial value.

    Source: Keras, ``keras.optimizers.Adagrad``; Duchi et al., "Adaptive Subgradient Methods for Online Learning and
    Stochastic Optimization", JMLR 12, 2011.

    Example:
        >>> w, optimizer = tl.Variable([1.0]), tl.optimizers.Adagrad(learning_rate=0.5)
        >>> optimizer.apply_gradients([(tl.asarray([2.0]), w)])
        >>> round(float(w[0]), 4)
        0.5061
    """

    _limits: ClassVar[Mapping[str, tuple[float, float]]] = {"initial_accumulator_value": (0.0, math.inf)}

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(
            _ADAGRAD,
            {
                "learning_rate": learning_rate,
                "initial_accumulator_value": initial_accumulator_value,
                "epsilon": epsilon,
            },
            **options,
        )
