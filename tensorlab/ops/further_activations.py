"""Further activations of Keras, as plain functions of numbers that `tensorlab.activations` lifts.

They are written so that no large input of either sign gives NaN or an early overflow.
"""

from __future__ import annotations

import math


def approximate_gelu(x: float) -> float:
    """Compute ``x / 2 · (1 + tanh(√(2 / π) (x + 0.044715 x³)))``.

    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", arXiv:1606.08415.
    """
    return 0.5 * x * (1.0 + math.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))


def celu(x: float, alpha: float = 1.0) -> float:
    """Compute ``x`` where it is above 0, else ``alpha · (exp(x / alpha) - 1)``.

    Source: Barron, "Continuously Differentiable Exponential Linear Units", arXiv:1704.07483.
    """
    return x if x > 0.0 else alpha * math.expm1(x / alpha)


def hard_shrink(x: float, threshold: float = 0.5) -> float:
    """Compute ``x`` where ``|x|`` is above a threshold, else 0. Source: Keras, ``keras.activations.hard_shrink``."""
    return x if x > threshold or x < -threshold else 0.0


def hard_silu(x: float) -> float:
    """Compute ``x · min(max(x / 6 + 1/2, 0), 1)``, which is also known as hard swish.

    Source: Howard et al., "Searching for MobileNetV3", arXiv:1905.02244.
    """
    return x * min(max(x / 6.0 + 0.5, 0.0), 1.0)


def hard_tanh(x: float) -> float:
    """Compute ``x``, limited to ``[-1, 1]``. Source: Keras, ``keras.activations.hard_tanh``."""
    return min(max(x, -1.0), 1.0)


def log_sigmoid(x: float) -> float:
    """Compute ``ln(1 / (1 + exp(-x)))``. Source: Keras, ``keras.activations.log_sigmoid``."""
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))


def mish(x: float) -> float:
    """Compute ``x · tanh(ln(1 + exp(x)))``.

    Source: Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", arXiv:1908.08681.
    """
    return x * math.tanh(max(x, 0.0) + math.log1p(math.exp(-abs(x))))


def soft_shrink(x: float, threshold: float = 0.5) -> float:
    """Compute ``x`` moved towards 0 by a threshold; 0 where ``|x|`` is below it.

    Source: Keras, ``keras.activations.soft_shrink``.
    """
    if x > threshold:
        return x - threshold
    return x + threshold if x < -threshold else 0.0


def sparse_plus(x: float) -> float:
    """Compute 0 below -1, ``x`` above 1, and ``(x + 1)² / 4`` in between.

    Source: Keras, ``keras.activations.sparse_plus``.
    """
    if x <= -1.0:
        return 0.0
    return x if x >= 1.0 else 0.25 * (x + 1.0) * (x + 1.0)


def sparse_sigmoid(x: float) -> float:
    """Compute ``(x + 1) / 2``, limited to ``[0, 1]``. Source: Keras, ``keras.activations.sparse_sigmoid``."""
    return min(max(0.5 * (x + 1.0), 0.0), 1.0)


def squareplus(x: float, b: float = 4.0) -> float:
    """Compute ``(x + √(x² + b)) / 2``. Source: Barron, "Squareplus", arXiv:2112.11687."""
    return 0.5 * (x + math.sqrt(x * x + b))


def tanh_shrink(x: float) -> float:
    """Compute ``x - tanh(x)``. Source: Keras, ``keras.activations.tanh_shrink``."""
    return x - math.tanh(x)


def threshold(x: float, threshold: float = 0.0, default_value: float = 0.0) -> float:
    """Compute ``x`` above a threshold, else another value. Source: Keras, ``keras.activations.threshold``."""
    return x if x > threshold else default_value
