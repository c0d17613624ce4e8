"""Gradient descent, optionally with momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tensorlab.optimizers.clipping import ClippingOptimizer
from tensorlab.optimizers.rule import Rule


def _plain(weight: float, gradient: float, learning_rate: float = 0.01) -> float:
    return weight - learning_rate * gradient


def _with_momentum(
    weight: float, gradient: float, velocity: float, learning_rate: float = 0.01, momentum: float = 0.0
) -> tuple[float, float]:
    velocity = momentum * velocity - learning_rate * gradient
    return weight + velocity, velocity


def _nesterov(
    weight: float, gradient: float, velocity: float, learning_rate: float = 0.01, momentum: float = 0.0
) -> tuple[float, float]:
    velocity = momentum * velocity - learning_rate * gradient
    return weight + momentum * velocity - learning_rate * gradient, velocity


_PLAIN, _WITH_MOMENTUM, _NESTEROV = Rule(_plain), Rule(_with_momentum), Rule(_nesterov)


class SGD(ClippingOptimizer):
    """Update ``w ← w - η g``; with momentum ``v ← μ v - η g``, ``w ← w + v``; with Nesterov's ``w ← w + μ v - η g``.

    Args:
        learning_rate: η, a number or a schedule.
        momentum: μ, from 0 to 1.
        nesterov: whether to use Nesterov's momentum.
        options: as in `ClippingOptimizer`, such as ``weight_decay`` and ``clipnorm``.

    Raises:
        ArgumentError: for a momentum outside of that range.

    Source: Keras, ``keras.optimizers.SGD``; Sutskever et al., "On the importance of initialization and momentum", 2013.

    Example:
        >>> w, optimizer = tl.Variable([1.0, 2.0]), tl.optimizers.SGD(learning_rate=0.5)
        >>> optimizer.apply_gradients([(tl.asarray([1.0, -1.0]), w)])
        >>> w.tolist()
        [0.5, 2.5]
    """

    _limits: ClassVar[Mapping[str, tuple[float, float]]] = {"momentum": (0.0, 1.0)}

    def __init__(
        self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, **options: Any
    ) -> None:
        super().__init__(_PLAIN, {"learning_rate": learning_rate, "momentum": momentum}, **options)
        self.nesterov = nesterov

    @property
    def undecayed(self) -> Rule:
        """The step for one number, without weight decay; it has no velocity while the momentum is 0."""
        return _PLAIN if self.hyperparameters["momentum"] == 0 else _NESTEROV if self.nesterov else _WITH_MOMENTUM
