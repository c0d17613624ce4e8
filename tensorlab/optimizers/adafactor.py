"""Adafactor: steps scaled by running means of squared gradients over rows and columns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorlab import autodiff, ops
from tensorlab.backends import Buffer
from tensorlab.errors import ArgumentError, short_repr
from tensorlab.ops.lift import elementwise
from tensorlab.optimizers.clipping import ClippingOptimizer
from tensorlab.optimizers.rule import Rule
from tensorlab.rules import finite
from tensorlab.tensor import Tensor
from tensorlab.variable import Variable


def _step(weight: float, direction: float, learning_rate: float = 0.001, step: float = 1) -> float:
    return weight - min(learning_rate, 1.0 / math.sqrt(step)) * direction


def _same(weight: float, gradient: float, learning_rate: float = 0.001) -> float:
    return weight


def _running(
    mean: float, square: float, beta_2_decay: float = -0.8, epsilon_1: float = 1e-30, step: float = 1
) -> float:
    kept = 1.0 - math.pow(step, beta_2_decay)
    return kept * mean + (1.0 - kept) * (square + epsilon_1)


@elementwise
def _scaled(direction: float, square: float, weight: float, threshold: float, least: float) -> float:
    """Return a direction, shortened if its mean square is large, times the root mean square of the weight."""
    return direction / max(1.0, math.sqrt(square) / threshold) * max(least, math.sqrt(weight))


_STEP, _SAME, _RUNNING = Rule(_step), Rule(_same), Rule(_running)


class Adafactor(ClippingOptimizer):
    """Update ``u = g / √v``, ``w ← w - min(η, 1/√t) max(ε₂, rms(w)) u / max(1, rms(u) / d)`` in step ``t``.

    Running means have the decay ``β = 1 - tᵝ²``: ``v ← β v + (1 - β) (g² + ε₁)``. Of a weight with two or more axes
    only the means ``r`` and ``c`` of ``v`` along the last and the second last axis are kept, and ``v = r c / mean(r)``.
    So an optimizer of matrices needs hardly more memory than the weights.

    Args:
        learning_rate: η, a number or a schedule.
        beta_2_decay: β₂, usually below 0.
        epsilon_1: ε₁, which keeps the denominator above 0.
        epsilon_2: ε₂, above 0, which lets weights grow that are 0.
        clip_threshold: d, above 0: the largest root mean square of ``u``.
        relative_step: without effect, as in Keras, where the rate is ``min(η, 1/√t)`` in both cases.
        options: as in `ClippingOptimizer`, such as ``weight_decay`` and ``clipnorm``.

    Raises:
        ArgumentError: for an ``epsilon_2`` or a threshold that is not above 0.

    Source: Keras, ``keras.optimizers.Adafactor``; Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear
    Memory Cost", arXiv:1804.04235.

    Example:
        >>> w, optimizer = tl.Variable([[1.0, 2.0], [3.0, 4.0]]), tl.optimizers.Adafactor(learning_rate=0.1)
        >>> optimizer.apply_gradients([(tl.ones((2, 2)), w)])
        >>> [slot.shape for slot in optimizer.variables]
        [(2, 1), (1, 2)]
    """

    elementwise = False

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **options: Any,
    ) -> None:
        hyperparameters = {"learning_rate": learning_rate, "beta_2_decay": beta_2_decay, "epsilon_1": epsilon_1}
        super().__init__(_STEP, hyperparameters, **options)
        for name, value in (("epsilon_2", epsilon_2), ("clip_threshold", clip_threshold)):
            if finite(f"{self._who} {name}", value) <= 0:
                raise ArgumentError(f"{self._who} {name}", "a number above 0", short_repr(value))
        self.epsilon_2, self.clip_threshold, self.relative_step = epsilon_2, clip_threshold, relative_step

    @property
    def rule(self) -> Rule:
        """The step along the direction, without weight decay, which comes before the direction is computed."""
        return self._with_options(self.undecayed)

    def slot_names_of(self, variable: Variable) -> tuple[str, ...]:
        """Return the names of the slots of a weight."""
        return (*self._means_of(variable), *super().slot_names_of(variable))

    @staticmethod
    def _means_of(variable: Variable) -> tuple[str, ...]:
        return ("rows", "columns") if len(variable.shape) >= 2 else ("square",)

    def _initial(self, variable: Variable, name: str) -> np.ndarray[Any, Any]:
        """Return what a slot starts with. A mean along an axis has the length 1 there."""
        shape = list(variable.shape)
        if name in ("rows", "columns"):
            shape[-1 if name == "rows" else -2] = 1
            return np.zeros(shape, variable.dtype)
        return super()._initial(variable, name)

    def _prepared(self, changes: list[tuple[Buffer | None, Variable]]) -> list[tuple[Buffer | None, Variable]]:
        """Return the directions of the step, after weight decay."""
        given = super()._prepared(changes)
        if self.weight_decay is not None:
            left: list[tuple[Variable, Buffer, list[Variable]]] = [
                (variable, gradient, [])
                for gradient, variable in given
                if gradient is not None and self._decays(variable)
            ]
            self._update(self._unless_accumulating(_SAME.decayed()), left)
        with autodiff.no_grad():
            return [
                (None if gradient is None else self._direction(Tensor(gradient, variable._backend), variable), variable)
                for gradient, variable in given
            ]

    def _direction(self, gradient: Tensor, variable: Variable) -> Buffer:
        """Update the running means of a weight, and return the direction of its step."""
        square, axes = ops.square(gradient), (-1, -2)
        slots = self._slots_of(variable, self._means_of(variable))
        means = [ops.mean(square, axis=axis, keepdims=True) for axis in axes] if len(slots) == 2 else [square]
        running = self._unless_accumulating(_RUNNING)
        self._update(running, [(slot, mean._buffer, []) for slot, mean in zip(slots, means, strict=True)])
        expected: Tensor = slots[0]
        if len(slots) == 2:
            rows, columns = slots
            expected = rows / ops.mean(rows, axis=-2, keepdims=True) * columns
        direction = gradient / ops.sqrt(expected)
        squares = [ops.mean(ops.square(each)) for each in (direction, variable)]
        return _scaled(direction, *squares, float(self.clip_threshold), float(self.epsilon_2))._buffer

    def _unless_accumulating(self, rule: Rule) -> Rule:
        """Return a rule that changes nothing in calls that only add up gradients."""
        return rule if self.gradient_accumulation_steps is None else rule.accumulating
