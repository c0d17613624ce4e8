"""`Rule`: the update step of an optimizer as a plain Python function of numbers."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from tensorlab.errors import ArgumentTypeError
from tensorlab.forks import cached_property
from tensorlab.references import OfScalar
from tensorlab.rules import Hyperparameters
from tensorlab.scalars import scalar_function, tree


class Rule(OfScalar):
    """The update step of one weight: ``(weight, gradient, *slots, *hyperparameters) -> (weight, *slots)``.

    Parameters after weight and gradient are slots if they have no default value, and hyperparameters otherwise. A slot
    is stored for each weight and starts at 0. The hyperparameter ``step`` is the number of the step, counted from 1.

    Args:
        function: the step.
        decay: the hyperparameter of weight decay, see `decayed`.

    Raises:
        ScalarError: if the function cannot be lifted.
        ArgumentTypeError: if weight or gradient is missing or has a default value, or if the function does not return
            the weight and each slot.
        ArgumentError: for a default value that is not finite.
    """

    def __init__(self, function: Callable[..., Any], decay: str = "weight_decay") -> None:
        scalar = scalar_function(function)
        self._decay = decay
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
        self._decayed: dict[str, Rule] = {}

    @property
    def defaults(self) -> dict[str, float]:
        """The default values of the hyperparameters, without ``step``."""
        return {name: value for name, value in self.scalar.defaults.items() if name != "step"}

    def decayed(self, name: str = "") -> Rule:
        """Return the rule after weight decay by a hyperparameter λ, ``weight -= weight * λ * learning_rate``."""
        name = name or self._decay
        made = self._decayed.get(name)
        if made is None:
            weight = self.scalar.parameters[0]
            decay = f"{weight} = {weight} - {weight} * {name} * learning_rate"
            made = self._decayed.setdefault(name, self._after("with_decay", decay, **{name: 0.0}))
        return made

    @cached_property
    def accumulating(self) -> Rule:
        """The same rule in steps with ``takes_step``; other steps change nothing."""
        unchanged = ", ".join((self.scalar.parameters[0], *self.slots))
        return self._after("if_it_takes_the_step", f"if takes_step == 0:\n    return {unchanged}", takes_step=1.0)

    def _after(self, suffix: str, source: str, **hyperparameters: float) -> Rule:
        """Return the same rule after some statements, with more hyperparameters, in one kernel."""
        scalar = self.scalar
        return Rule(
            scalar.replace(
                name=f"{scalar.name}_{suffix}",
                parameters=(*scalar.parameters, *hyperparameters),
                body=[*ast.parse(source).body, *scalar.body],
                defaults={**scalar.defaults, **hyperparameters},
            )
        )

    @cached_property
    def averaging(self) -> Rule:
        """The same rule, and then a step of a running mean of the weight, in one kernel.

        The mean is one more slot: ``average = average_kept * average + (1 - average_kept) * weight``. In steps with
        ``average_replaces`` the weight becomes the mean.
        """
        scalar = self.scalar
        taken = {name for node in tree.walk(scalar.body) for name in tree.used(node)} | tree.assigned(scalar.body)
        names = [f"new_{name}" for name in (scalar.parameters[0], *self.slots)]
        names = [f"{name}_" if name in taken else name for name in names]
        mean = ast.parse(
            f"average = average_kept * average + (1.0 - average_kept) * {names[0]}\n"
            f"return {', '.join([f'average if average_replaces != 0 else {names[0]}', *names[1:], 'average'])}"
        ).body

        def rewrite(statement: ast.stmt) -> list[ast.stmt]:
            if not isinstance(statement, ast.Return):
                return [statement]
            return [*map(tree.assign, names, tree.outputs(statement)), *mean]

        position, more = 2 + len(self.slots), {"average_kept": 0.0, "average_replaces": 0.0}
        return Rule(
            scalar.replace(
                name=f"{scalar.name}_with_average",
                parameters=(*scalar.parameters[:position], "average", *scalar.parameters[position:], *more),
                body=tree.map_statements(scalar.body, rewrite),
                defaults={**scalar.defaults, **more},
            )
        )

    def __repr__(self) -> str:
        return f"<optimizer rule {self.scalar.name!r}>"
