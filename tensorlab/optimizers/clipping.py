"""`ClippingOptimizer`: the base of built-in optimizers, which can limit gradients, add them up, and average weights."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tensorlab import autodiff, ops
from tensorlab.arguments import check_name
from tensorlab.backends import Buffer
from tensorlab.errors import ArgumentError, ArgumentTypeError, StateError, short_repr
from tensorlab.ops.dispatch import as_tensor
from tensorlab.ops.lift import elementwise
from tensorlab.optimizers.base import Optimizer
from tensorlab.optimizers.checks import pairs_of, patterns_of, variables_of
from tensorlab.optimizers.rule import Rule
from tensorlab.rules import finite, integer
from tensorlab.tensor import Tensor
from tensorlab.variable import Variable


@elementwise
def _shortened(gradient: float, square: float, limit: float) -> float:
    """Return a gradient of squared length ``square``, or one of length ``limit`` if it is longer."""
    return gradient * limit / max(math.sqrt(square), limit)


def _mean(total: float, gradient: float, starts_mean: float = 1.0, gradient_accumulation_steps: float = 2.0) -> float:
    return gradient / gradient_accumulation_steps + (0.0 if starts_mean != 0 else total)


_MEAN = Rule(_mean)

_SUM = "accumulated"
"""The name of the slot for the mean of gradients."""


class ClippingOptimizer(Optimizer):
    """An optimizer that can limit and accumulate gradients, decay weights, and keep a running mean of the weights.

    Args:
        rule: the step for one number.
        hyperparameters: those of the rule that differ from their defaults, and any additional ones.
        clipnorm: the largest length ``√(Σ g²)`` of each gradient; longer ones are scaled to it.
        clipvalue: the largest absolute value of each element; others are set to it or its negative.
        global_clipnorm: the largest length of all gradients together; if they are longer, all are scaled alike.
        weight_decay: λ, if each step shall begin with ``w ← w - η λ w``; None for no decay.
        name: its name; that of the class if None.
        use_ema: whether to keep an exponential running mean ``a`` of each weight as a slot: ``a ← m a + (1 - m) w``
            after each step, and ``a = w`` after the first one. The weights become their means at the end of `fit`, and
            when `finalize_variable_values` is called.
        ema_momentum: m, from 0 to 1.
        ema_overwrite_frequency: n, if the weights become their means in every n-th step too; None if not.
        loss_scale_factor: None; tensorlab has no float16.
        gradient_accumulation_steps: n, at least 2, if the optimizer adds up the gradients of n calls of
            `apply_gradients`, and changes the weights with their mean in every n-th one. ``iterations`` and schedules
            count calls.

    Raises:
        ArgumentError: for a limit that is not a number above 0, or more than one, a number out of range, and a
            ``loss_scale_factor``.
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
        finite(f"{self._who} ema_momentum", ema_momentum, 0.0, 1.0)
        if ema_overwrite_frequency is not None:
            integer(f"{self._who} ema_overwrite_frequency", ema_overwrite_frequency, 1)
        if loss_scale_factor is not None:
            lacking = "None, as tensorlab has no float16 whose gradients vanish"
            raise ArgumentError(f"{self._who} loss_scale_factor", lacking, short_repr(loss_scale_factor))
        if gradient_accumulation_steps is not None:
            integer(f"{self._who} gradient_accumulation_steps", gradient_accumulation_steps, 2)
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
        self.use_ema, self.ema_momentum, self.ema_overwrite_frequency = use_ema, ema_momentum, ema_overwrite_frequency
        self.gradient_accumulation_steps = gradient_accumulation_steps

    gradient_accumulation_steps: int | None = None
    _undecayed_marks: frozenset[str] = frozenset()
    """Marks of the weights that are excluded from weight decay, see `Slots`; copies of a weight have the same."""
    _undecayed_names: tuple[str, ...] = ()

    @property
    def undecayed(self) -> Rule:
        """The step for one number, without weight decay."""
        return self._rule

    @property
    def rule(self) -> Rule:
        """The step for one number, for weights that are not excluded from weight decay."""
        return self._with_options(self.undecayed, "" if self.weight_decay is None else "weight_decay")

    def rule_of(self, variable: Variable) -> Rule:
        """Return the step for one number of a weight."""
        return self.rule if self._decays(variable) else self._with_options(self.undecayed)

    def _with_options(self, rule: Rule, decay: str = "") -> Rule:
        """Return a rule after weight decay by a hyperparameter, if any, with the other options of this optimizer."""
        if decay:
            rule = rule.decayed(decay)
        if self.gradient_accumulation_steps is not None:
            rule = rule.accumulating
        return rule.averaging if self.use_ema else rule

    def slot_names_of(self, variable: Variable) -> tuple[str, ...]:
        """Return the names of the slots of a weight."""
        names = super().slot_names_of(variable)
        return names if self.gradient_accumulation_steps is None else (*names, _SUM)

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Exclude weights from weight decay. This replaces earlier exclusions.

        As in Keras, the exclusions are not part of the config, so they are not saved. Copies and pickles keep them.

        Args:
            var_list: the weights.
            var_names: regular expressions. Weights with a match of one of them in their names are excluded, such as
                all biases by ``["bias"]``.

        Raises:
            ArgumentTypeError: for anything but Variables and texts.
            ArgumentError: for an invalid regular expression.
            StateError: after the first step or `build`.

        Source: Keras, ``keras.optimizers.Optimizer.exclude_from_weight_decay``.

        Example:
            >>> optimizer = tl.optimizers.AdamW(weight_decay=0.01)
            >>> optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        """
        who = f"{self._who}.exclude_from_weight_decay"
        variables = [] if var_list is None else variables_of(f"{who} var_list", var_list)
        patterns = () if var_names is None else patterns_of(f"{who} var_names", var_names)
        if self.iterations or list(self._slots):
            raise StateError(
                who, "the optimizer knows its weights already", "call it before the first step and before build"
            )
        for variable in variables:
            variable.marks = variable.marks or (secrets.token_hex(8),)
        self._undecayed_marks = frozenset(mark for variable in variables for mark in variable.marks)
        self._undecayed_names = patterns

    def _decays(self, variable: Variable) -> bool:
        """Return whether a weight is not excluded from weight decay."""
        excluded = bool(self._undecayed_marks) and not self._undecayed_marks.isdisjoint(variable.marks)
        return not excluded and not any([re.search(pattern, variable.name) for pattern in self._undecayed_names])

    def _initial(self, variable: Variable, name: str) -> np.ndarray[Any, Any]:
        """Return what a slot starts with: the running mean of weights with the weight, for those without gradients."""
        return variable.numpy() if self.use_ema and name == "average" else super()._initial(variable, name)

    # What rules get in addition to the hyperparameters, which depends on the number of calls, this one included.

    @property
    def starts_mean(self) -> bool:
        """Whether the gradients of this call are the first ones of a mean."""
        return (self.iterations - 1) % (self.gradient_accumulation_steps or 1) == 0

    @property
    def takes_step(self) -> bool:
        """Whether this call changes the weights."""
        return self.iterations % (self.gradient_accumulation_steps or 1) == 0

    @property
    def average_kept(self) -> float:
        """The share of the running mean of the weights that remains in this call."""
        return self.ema_momentum if self._steps_before else 0.0

    @property
    def average_replaces(self) -> bool:
        """Whether the weights become their running means in this call."""
        return self.ema_overwrite_frequency is not None and (self._steps_before + 1) % self.ema_overwrite_frequency == 0

    @property
    def _steps_before(self) -> int:
        """The number of earlier calls that changed the weights."""
        return (self.iterations - 1) // (self.gradient_accumulation_steps or 1)

    def hyperparameter(self, name: str) -> float:
        """Return what the rule gets for a hyperparameter in the current step. The errors are those of `Optimizer`."""
        if type(name) is str and name == "step" and self.gradient_accumulation_steps is not None:
            return float(self._steps_before + 1)
        return super().hyperparameter(name)

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
        if self.gradient_accumulation_steps is not None:
            grads_and_vars = pairs_of(f"{self._who}.apply_gradients", grads_and_vars)
            keys = [getattr(variable, "key", None) for _, variable in grads_and_vars]
            if len(set(keys)) < len(keys):
                hint = "add up its gradients first"
                raise ArgumentError(f"{self._who}.apply_gradients", "each variable once", "one of them twice", hint)
        elif self._limits_gradients:
            grads_and_vars = self._limited(pairs_of(f"{self._who}.apply_gradients", grads_and_vars))
        super().apply_gradients(grads_and_vars)

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Set weights to their running means, if the optimizer has any.

        Args:
            var_list: the weights.

        Source: Keras, ``keras.optimizers.Optimizer.finalize_variable_values``.
        """
        for variable in variables_of(f"{self._who}.finalize_variable_values", var_list) if self.use_ema else ():
            slots = self._slots.find(variable)
            if slots is not None and "average" in slots:
                variable.assign(slots["average"])

    @property
    def _limits_gradients(self) -> bool:
        return (self.clipnorm, self.clipvalue, self.global_clipnorm) != (None, None, None)

    def _prepared(self, changes: list[tuple[Buffer | None, Variable]]) -> list[tuple[Buffer | None, Variable]]:
        """Return the mean of the gradients so far, limited, if gradients are accumulated."""
        if self.gradient_accumulation_steps is None:
            return changes
        sums = [self._slots_of(variable, (*self.rule_of(variable).slots, _SUM))[-1] for _, variable in changes]
        added = zip(sums, changes, strict=True)
        self._update(_MEAN, [(mean, gradient, []) for mean, (gradient, _) in added if gradient is not None])
        pairs: list[tuple[Any, Variable]] = [
            (None if gradient is None else mean, variable)
            for mean, (gradient, variable) in zip(sums, changes, strict=True)
        ]
        if self._limits_gradients:
            pairs = self._limited(pairs)
        return [(None if mean is None else mean._buffer, variable) for mean, variable in pairs]

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
