"""`OptimizerRule`: how a scalar function becomes an optimizer, and how an optimizer is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from tensorlab.arguments import named
from tensorlab.errors import ArgumentTypeError
from tensorlab.optimizers.base import Optimizer
from tensorlab.optimizers.rule import Rule
from tensorlab.references import OfScalar
from tensorlab.registry import registries
from tensorlab.serialization import deserialize


class OptimizerRule(OfScalar):
    """An optimizer made of a plain Python function of numbers; called with hyperparameters, it gives the optimizer.

    An optimizer of a registered rule is saved under the rule's name, with its hyperparameters.

    Args:
        function: the step for one number, ``(weight, gradient, *slots, *hyperparameters) -> (weight, *slots)``. What
            has no default value is a slot, kept with each weight and 0 at first; what has one is a hyperparameter. One
            called ``step``, with a default value, is the number of the step, from 1 on.

    Example:
        >>> def momentum(w, g, m, learning_rate=0.01, momentum=0.9):
        ...     m = momentum * m - learning_rate * g
        ...     return w + m, m
        >>> optimizer = tl.optimizers.OptimizerRule(momentum)(learning_rate=0.1)
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.rule = Rule(function)
        self.scalar = self.rule.scalar
        self.__name__ = self.scalar.name

    @named
    def __call__(self, /, **hyperparameters: float) -> Optimizer:
        """The optimizer, with some hyperparameters other than the defaults.

        Raises:
            ArgumentError: for one that it does not have, or that is not a finite number.
        """
        return _RuleOptimizer(self, hyperparameters)

    def from_config(self, config: Mapping[str, Any]) -> Optimizer:
        """A new optimizer from what the `get_config` of one returned."""
        return self(**config)

    def __repr__(self) -> str:
        return f"<OptimizerRule of {self.__name__!r}>"


class _RuleOptimizer(Optimizer):
    def __init__(self, maker: OptimizerRule, given: Mapping[str, float]) -> None:
        self._made_by = maker
        super().__init__(maker.rule)
        self._hyperparameters.update(given)

    @property
    def _maker(self) -> OptimizerRule:
        return self._made_by

    @property
    def _who(self) -> str:
        return f"optimizer {self._made_by.__name__!r}"

    def get_config(self) -> dict[str, Any]:
        """The hyperparameters as they are now."""
        return dict(self._hyperparameters)


def get(identifier: Any) -> Optimizer:
    """An optimizer from its name, class, rule, config or itself; a plain function of numbers is a rule.

    Raises:
        UnknownNameError: for an unknown name, with the nearest known ones.
        ScalarError: for a function that cannot be lifted.
        ArgumentTypeError: for something else.
    """
    if isinstance(identifier, str):
        identifier = registries["optimizer"].get(identifier)
    elif isinstance(identifier, dict):
        identifier = deserialize(identifier)
    if isinstance(identifier, FunctionType):
        identifier = OptimizerRule(identifier)
    if isinstance(identifier, (OptimizerRule, type)):
        identifier = identifier()
    if isinstance(identifier, Optimizer):
        return identifier
    raise ArgumentTypeError("optimizer", "a name or an Optimizer", repr(identifier))
