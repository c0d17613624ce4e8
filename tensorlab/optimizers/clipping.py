"""`ClippingOptimizer`: the base of built-in optimizers, which can limit gradients."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from tensorlab import autodiff, ops
from tensorlab.arguments import check_name
from tensorlab.errors import ArgumentError, ArgumentTypeError, StateError, short_repr
from tensorlab.ops.dispatch import as_tensor
from tensorlab.ops.lift import elementwise
from tensorlab.optimizers.base import Optimizer, pairs_of
from tensorlab.optimizers.rule import Rule
from tensorlab.rules import finite
from tensorlab.tensor import Tensor
from tensorlab.variable import Variable


@elementwise
def _shortened(gradient: float, square: float, limit: float) -> float:
    """Return a gradient of squared length ``square``, or one of length ``limit`` if it is longer."""
    return gradient * limit / max(math.sqrt(square), limit)


class ClippingOptimizer(Optimizer):
    """An optimizer that limits the gradients and decays the weights before each step, if it is told to.

    Args:
        rule: the step for one number.
        hyperparameters: those of the rule that differ from their defaults, and any additional ones.
        clipnorm: the largest length ``√(Σ g²)`` of each gradient; longer ones are scaled to it.
        clipvalue: the largest absolute value of each element; others are set to it or its negative.
        global_clipnorm: the largest length of all gradients together; if they are longer, all are scaled alike.
        weight_decay: λ, if each step shall begin with ``w ← w - η λ w``; None for no decay.
        name: its name; that of the class if None.
        use_ema: accepted as in Keras, as are the following; tensorlab has only what their default values mean.
        ema_momentum: see ``use_ema``.
        ema_overwrite_frequency: see ``use_ema``.
        loss_scale_factor: see ``use_ema``.
        gradient_accumulation_steps: see ``use_ema``.

    Raises:
        ArgumentError: for a limit that is not a number above 0, or more than one, and for what tensorlab lacks.
        ArgumentTypeError: for something that is not a rule, or hyperparameters that are not a dict.

    Source: Keras, ``keras.optimizers.Optimizer``; Pascanu et al., "On the difficulty of training recurrent neural
    networks", arXiv:1211.5063.

    Example:
        >>> w, optimizer = tl.Variable([0.0, 0.0]), tl.optimizers.SGD(1.0, clipnorm=1.0)
        >>> optimizer.apply_gradients([(tl.asarray([-3.0, -4.0]), w)])
        >>> w.numpy().round(2)
        array([0.6, 0.8], dtype=float32)
    """

    def __init__(
        self,
        rule: Rule,
        hyperparameters: Mapping[str, Any],
        /,
        *,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        weight_decay: float | None = None,
        name: str | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
    ) -> None:
        check_name(type(self).__name__, name)
        self.name = name or type(self).__name__.lower()
        if use_ema:
            hint = "average the weights in a callback"
            raise ArgumentError(f"{self._who} use_ema", "False, as tensorlab does not average weights", "True", hint)
        if loss_scale_factor is not None:
            lacking = "None, as tensorlab has no float16 whose gradients vanish"
            raise ArgumentError(f"{self._who} loss_scale_factor", lacking, short_repr(loss_scale_factor))
        if gradient_accumulation_steps is not None:
            who, received = f"{self._who} gradient_accumulation_steps", short_repr(gradient_accumulation_steps)
            raise ArgumentError(who, "None, as tensorlab does not accumulate gradients", received, "use larger batches")
        if not isinstance(hyperparameters, Mapping) or not all(isinstance(name, str) for name in hyperparameters):
            raise ArgumentTypeError(self._who, "a dict of hyperparameters", short_repr(hyperparameters))
        if weight_decay is not None:
            hyperparameters = {**hyperparameters, "weight_decay": weight_decay}
        super().__init__(rule, **hyperparameters)
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        if len(given) > 1:
            raise ArgumentError(self._who, "clipnorm, clipvalue or global_clipnorm", " and ".join(given))
        for name, limit in given.items():
            if finite(f"{self._who} {name}", limit) <= 0:
                raise ArgumentError(f"{self._who} {name}", "a number above 0, or None", short_repr(limit))
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm

    @property
    def undecayed(self) -> Rule:
        """The step for one number, without weight decay."""
        return self._rule

    @property
    def rule(self) -> Rule:
        """The step for one number."""
        return self.undecayed if self.weight_decay is None else self.undecayed.decayed

    @property
    def weight_decay(self) -> float | None:
        """The weight decay, or None. It can be set if the optimizer was made with one."""
        found: float | None = self.__dict__.get("_hyperparameters", {}).get("weight_decay")
        return found

    @weight_decay.setter
    def weight_decay(self, value: float) -> None:
        if self.weight_decay is None:
            hint = "pass weight_decay to the constructor"
            raise StateError(f"{self._who} weight_decay", "the optimizer was made without weight decay", hint)
        self.hyperparameters["weight_decay"] = value

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """Take one step with the limited gradients. The arguments and errors are those of `Optimizer`."""
        if (self.clipnorm, self.clipvalue, self.global_clipnorm) != (None, None, None):
            grads_and_vars = self._limited(pairs_of(f"{self._who}.apply_gradients", grads_and_vars))
        super().apply_gradients(grads_and_vars)

    def _limited(self, pairs: list[tuple[Any, Variable]]) -> list[tuple[Any, Variable]]:
        with autodiff.no_grad():
            given = [None if gradient is None else as_tensor(gradient, self._who) for gradient, _ in pairs]
            real = [each if each is None or each.dtype.kind == "f" else each.astype("float32") for each in given]
            together = self.global_clipnorm is not None and any(each is not None for each in real)
            total = _square(real) if together else None
            limited = [None if each is None else self._limit(each, total) for each in real]
            return [(each, variable) for each, (_, variable) in zip(limited, pairs, strict=True)]

    def _limit(self, gradient: Tensor, total: Tensor | None) -> Tensor:
        if self.clipvalue is not None:
            return ops.clip(gradient, -float(self.clipvalue), float(self.clipvalue))
        square = _square([gradient]) if total is None else total
        return _shortened(gradient, square.astype(gradient.dtype), float(self.clipnorm or self.global_clipnorm or 0.0))


def _square(gradients: list[Tensor | None]) -> Tensor:
    """Return the squared length of gradients together."""
    squares = [ops.sum(ops.square(gradient)) for gradient in gradients if gradient is not None]
    return sum(squares[1:], start=squares[0])
