"""Adam: running means of the gradients and of their squares.

The rate is divided by the deviation, and not its product with the mean: the means of weights that no longer get
gradients become subnormal numbers, whose division takes about three times as long on many processors.
"""

from __future__ import annotations

import math
from typing import Any

from tensorlab.optimizers.clipping import ClippingOptimizer
from tensorlab.optimizers.rule import Rule
from tensorlab.rules import finite


def _adam(
    weight: float,
    gradient: float,
    mean: float,
    square: float,
    learning_rate: float = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    step: float = 1,
) -> tuple[float, float, float]:
    rate = learning_rate * math.sqrt(1.0 - math.pow(beta_2, step)) / (1.0 - math.pow(beta_1, step))
    mean = mean + (gradient - mean) * (1.0 - beta_1)
    square = square + (gradient * gradient - square) * (1.0 - beta_2)
    return weight - mean * (rate / (math.sqrt(square) + epsilon)), mean, square


def _amsgrad(
    weight: float,
    gradient: float,
    mean: float,
    square: float,
    largest: float,
    learning_rate: float = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
    step: float = 1,
) -> tuple[float, float, float, float]:
    rate = learning_rate * math.sqrt(1.0 - math.pow(beta_2, step)) / (1.0 - math.pow(beta_1, step))
    mean = mean + (gradient - mean) * (1.0 - beta_1)
    square = square + (gradient * gradient - square) * (1.0 - beta_2)
    largest = max(largest, square)
    return weight - mean * (rate / (math.sqrt(largest) + epsilon)), mean, square, largest


_ADAM, _AMSGRAD = Rule(_adam), Rule(_amsgrad)


class Adam(ClippingOptimizer):
    """Update ``m ← β₁ m + (1 - β₁) g``, ``s ← β₂ s + (1 - β₂) g²``, ``w ← w - a m / (√s + ε)``.

    In step ``t``, ``a = η √(1 - β₂ᵗ) / (1 - β₁ᵗ)``.

    Args:
        learning_rate: η, a number or a schedule.
        beta_1: β₁, the decay rate of the running mean of gradients.
        beta_2: β₂, the decay rate of the running mean of squared gradients.
        epsilon: ε, which keeps the denominator above 0.
        amsgrad: whether ``s`` in the last formula is the largest ``s`` so far.
        options: as in `ClippingOptimizer`, such as ``weight_decay`` and ``clipnorm``.

    Source: Keras, ``keras.optimizers.Adam``; Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014; Reddi
    et al., "On the Convergence of Adam and Beyond", ICLR 2018.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(
            _AMSGRAD if amsgrad else _ADAM,
            {"learning_rate": learning_rate, "beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon},
            **options,
        )
        self.amsgrad = amsgrad


class AdamW(Adam):
    """Update ``w ← w - η λ w``, and then as `Adam` does.

    Args:
        learning_rate: η, a number or a schedule.
        weight_decay: λ.
        beta_1: as in `Adam`.
        beta_2: as in `Adam`.
        epsilon: as in `Adam`.
        amsgrad: as in `Adam`.
        options: as in `ClippingOptimizer`, such as ``clipnorm``.

    Raises:
        ArgumentError: for a weight decay that is not a number.

    Source: Keras, ``keras.optimizers.AdamW``; Loshchilov and Hutter, "Decoupled Weight Decay Regularization",
    arXiv:1711.05101.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        finite("AdamW weight_decay", weight_decay)
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **options)
