"""Muon: momentum, with the singular values of matrices set to about 1."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from tensorlab import autodiff, ops
from tensorlab.backends import Buffer
from tensorlab.ops.lift import elementwise
from tensorlab.optimizers.adam import _adam
from tensorlab.optimizers.checks import patterns_of
from tensorlab.optimizers.clipping import ClippingOptimizer
from tensorlab.optimizers.rule import Rule
from tensorlab.rules import finite, integer
from tensorlab.tensor import Tensor
from tensorlab.variable import Variable


def _step(weight: float, direction: float, learning_rate: float = 0.001) -> float:
    return weight - learning_rate * direction


def _heavy_ball(velocity: float, gradient: float, momentum: float = 0.95) -> float:
    return momentum * velocity + gradient


def _adam_step(
    weight: float,
    gradient: float,
    momentum: float,
    velocity: float,
    learning_rate: float = 0.001,
    adam_beta_1: float = 0.9,
    adam_beta_2: float = 0.999,
    epsilon: float = 1e-7,
    adam_lr_ratio: float = 1.0,
    step: float = 1,
) -> tuple[float, float, float]:
    rate = learning_rate * adam_lr_ratio
    weight, momentum, velocity = _adam(
        weight, gradient, momentum, velocity, rate, adam_beta_1, adam_beta_2, epsilon, step
    )
    return weight, momentum, velocity


@elementwise
def _ahead(gradient: float, velocity: float, momentum: float) -> float:
    """Return Nesterov's gradient."""
    return gradient + momentum * velocity


_STEP, _HEAVY_BALL, _ADAM = Rule(_step), Rule(_heavy_ball), Rule(_adam_step, decay="adam_weight_decay")


class Muon(ClippingOptimizer):
    """Update matrices by their orthogonalized momentum, and other weights as `AdamW` does.

    Of a matrix: ``m ← μ m + g``, then ``X = g + μ m`` with Nesterov's momentum and ``X = m`` without, and
    ``X ← X / (‖X‖ + 10⁻⁷)``. Then ``n`` times ``A = X Xᵀ``, ``X ← a X + (b A + c A²) X``, which brings the singular
    values of ``X`` near 1. At last ``w ← w - η √(max(rows, columns)) ρ X``.

    Biases and other weights that are no matrices, embeddings, and what ``exclude_layers`` names take steps of `AdamW`.
    The output layer should be among them.

    Args:
        learning_rate: η, a number or a schedule.
        adam_beta_1: ``beta_1`` of `AdamW`.
        adam_beta_2: ``beta_2`` of `AdamW`.
        adam_weight_decay: the weight decay of what takes steps of `AdamW`; None for none.
        epsilon: ``epsilon`` of `AdamW`.
        weight_decay: the weight decay of matrices; None for none.
        exclude_layers: regular expressions; weights with a match in their names take steps of `AdamW`.
        exclude_embeddings: whether weights with "embedding" in their names do so.
        muon_a: a.
        muon_b: b.
        muon_c: c.
        adam_lr_ratio: the learning rate of `AdamW` divided by η.
        momentum: μ, from 0 to 1.
        ns_steps: n.
        nesterov: whether to use Nesterov's momentum.
        rms_rate: ρ; None for steps without the factor ``√(max(rows, columns)) ρ``.
        options: as in `ClippingOptimizer`, such as ``clipnorm``.

    Raises:
        ArgumentError: for numbers that are not finite or out of range, and invalid regular expressions.
        ArgumentTypeError: for an ``exclude_layers`` that is no list of texts.

    Source: Keras, ``keras.optimizers.Muon``; Jordan et al., "Muon: An optimizer for hidden layers in neural networks",
    2024; Liu et al., "Muon is Scalable for LLM Training", arXiv:2502.16982.

    Example:
        >>> w, optimizer = tl.Variable([[3.0, 0.0], [0.0, 3.0]]), tl.optimizers.Muon(0.1, weight_decay=None)
        >>> optimizer.apply_gradients([(w.value, w)])
        >>> bool(w[0, 0] < 3.0), w[0, 1].item()
        (True, 0.0)
    """

    elementwise = False

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        *,
        exclude_layers: Iterable[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1.0,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **options: Any,
    ) -> None:
        hyperparameters = {
            "learning_rate": learning_rate,
            "adam_beta_1": adam_beta_1,
            "adam_beta_2": adam_beta_2,
            "epsilon": epsilon,
            "adam_lr_ratio": adam_lr_ratio,
        }
        if adam_weight_decay is not None:
            hyperparameters["adam_weight_decay"] = adam_weight_decay
        super().__init__(_STEP, hyperparameters, weight_decay=weight_decay, **options)
        self._decays_adam = adam_weight_decay is not None
        self.exclude_layers = (
            () if exclude_layers is None else patterns_of(f"{self._who} exclude_layers", exclude_layers)
        )
        self.exclude_embeddings, self.nesterov = exclude_embeddings, nesterov
        # These are used outside of rules too, so they are no hyperparameters, which plans read in their rules only.
        self.muon_a, self.muon_b, self.muon_c = (
            finite(f"{self._who} {name}", value)
            for name, value in (("muon_a", muon_a), ("muon_b", muon_b), ("muon_c", muon_c))
        )
        self._momentum = finite(f"{self._who} momentum", momentum, 0.0, 1.0)
        self.ns_steps = integer(f"{self._who} ns_steps", ns_steps, 0)
        self.rms_rate = None if rms_rate is None else finite(f"{self._who} rms_rate", rms_rate)

    @property
    def momentum(self) -> float:
        """μ; it can be set."""
        return self._momentum

    @momentum.setter
    def momentum(self, value: float) -> None:
        self._momentum = finite(f"{self._who} momentum", value, 0.0, 1.0)

    def _uses_adam(self, variable: Variable) -> bool:
        excluded = (*self.exclude_layers, "(?i:embedding)") if self.exclude_embeddings else self.exclude_layers
        return len(variable.shape) != 2 or any([re.search(pattern, variable.name) for pattern in excluded])

    def rule_of(self, variable: Variable) -> Rule:
        """Return the step for one number of a weight: along the direction for matrices, and of Adam for others."""
        if not self._uses_adam(variable):
            return super().rule_of(variable)
        return self._with_options(_ADAM, "adam_weight_decay" if self._decays_adam and self._decays(variable) else "")

    def slot_names_of(self, variable: Variable) -> tuple[str, ...]:
        """Return the names of the slots of a weight."""
        names = super().slot_names_of(variable)
        return names if self._uses_adam(variable) else ("momentum", *names)

    def _prepared(self, changes: list[tuple[Buffer | None, Variable]]) -> list[tuple[Buffer | None, Variable]]:
        """Return the directions of the steps of matrices, and the gradients of other weights."""
        with autodiff.no_grad():
            return [
                (gradient, variable)
                if gradient is None or self._uses_adam(variable)
                else (self._direction(Tensor(gradient, variable._backend), variable)._buffer, variable)
                for gradient, variable in super()._prepared(changes)
            ]

    def _direction(self, gradient: Tensor, variable: Variable) -> Tensor:
        """Update the momentum of a matrix, and return the direction of its step."""
        (velocity,) = self._slots_of(variable, ("momentum",))
        rule = _HEAVY_BALL if self.gradient_accumulation_steps is None else _HEAVY_BALL.accumulating
        self._update(rule, [(velocity, gradient._buffer, [])])
        direction = self._orthogonalized(_ahead(gradient, velocity, self._momentum) if self.nesterov else velocity)
        if self.rms_rate is not None:
            direction = direction * (math.sqrt(max(variable.shape)) * self.rms_rate)
        return direction

    def _orthogonalized(self, x: Tensor) -> Tensor:
        """Return a matrix with about the same singular vectors, and singular values near 1, by Newton-Schulz steps."""
        rows, columns = x.shape
        if rows > columns:
            return ops.matrix_transpose(self._orthogonalized(ops.matrix_transpose(x)))
        x = x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-7)
        for _ in range(self.ns_steps):
            square = x @ ops.matrix_transpose(x)
            x = self.muon_a * x + (self.muon_b * square + self.muon_c * square @ square) @ x
        return x
