"""`Rule`: the update step of an optimizer as a plain Python function of numbers."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from tensorlab.errors import ArgumentTypeError
from tensorlab.forks import cached_property
from tensorlab.references import OfScalar
from tensorlab.rules import Hyperparameters
from tensorlab.scalars import scalar_function


class Rule(OfScalar):
    """The update step of one weight: ``(weight, gradient, *slots, *hyperparameters) -> (weight, *slots)``.

    Parameters after weight and gradient are slots if they have no default value, and hyperparameters otherwise. A slot
    is stored for each weight and starts at 0. The hyperparameter ``step`` is the number of the step, counted from 1.

    Raises:
        ScalarError: if the function cannot be lifted.
        ArgumentTypeError: if weight or gradient is missing or has a default value, or if the function does not return
            the weight and each slot.
        ArgumentError: for a default value that is not finite.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        scalar = scalar_function(function)
        self.scalar = scalar
        self.slots = scalar.parameters[2 : scalar.arity - len(scalar.defaults)]
        self.hyperparameters = scalar.parameters[2 + len(self.slots) :]
        who = f"optimizer rule {scalar.name!r}"
        if scalar.arity - len(scalar.defaults) < 2:
            raise ArgumentTypeError(
                who,
                "a function of weight and gradient, then slots, then hyperparameters with default values",
                f"({', '.join(scalar.parameters)})",
            )
        if scalar.n_outputs != 1 + len(self.slots):
            returned = ", ".join(("weight", *self.slots))
            hint = ""
            if "step" in self.slots:
                hint = "a parameter without a default value is a slot; write step=1 for the number of the step"
            raise ArgumentTypeError(who, f"{1 + len(self.slots)} values ({returned})", str(scalar.n_outputs), hint)
        Hyperparameters(who, self.defaults)

    @property
    def defaults(self) -> dict[str, float]:
        """The default values of the hyperparameters, without ``step``."""
        return {name: value for name, value in self.scalar.defaults.items() if name != "step"}

    @cached_property
    def decayed(self) -> Rule:
        """The rule after weight decay, ``weight -= weight * weight_decay * learning_rate``, in one kernel."""
        weight, scalar = self.scalar.parameters[0], self.scalar
        decay = ast.parse(f"{weight} = {weight} - {weight} * weight_decay * learning_rate").body
        return Rule(
            scalar.replace(
                name=f"{scalar.name}_with_decay",
                parameters=(*scalar.parameters, "weight_decay"),
                body=[*decay, *scalar.body],
                defaults={**scalar.defaults, "weight_decay": 0.0},
            )
        )

    def __repr__(self) -> str:
        return f"<optimizer rule {self.scalar.name!r}>"
