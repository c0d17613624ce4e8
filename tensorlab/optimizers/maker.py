"""`OptimizerRule`, which makes optimizers from scalar functions, and `get`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from tensorlab.arguments import named
from tensorlab.errors import ArgumentTypeError, short_repr
from tensorlab.optimizers.base import Optimizer
from tensorlab.optimizers.rule import Rule
from tensorlab.references import OfScalar
from tensorlab.registry import registries
from tensorlab.rules import Hyperparameters
from tensorlab.serialization import add_value, of_kind, rule_value, serialize


class OptimizerRule(OfScalar):
    """A factory of optimizers made from a plain Python function of numbers; call it to create an optimizer.

    An optimizer of a registered rule is saved under the rule's name, with its hyperparameters.

    Args:
        function: the step for one number, ``(weight, gradient, *slots, *hyperparameters) -> (weight, *slots)``.
            Parameters without a default value are slots, which are stored for each weight and start at 0. Parameters
            with a default value are hyperparameters, except ``step``: the number of the step, counted from 1.

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
    def __call__(self, /, **hyperparameters: Any) -> Optimizer:
        """Create an optimizer; hyperparameters that are not given have their defaults.

        Raises:
            ArgumentError: for an unknown hyperparameter, or one that is not a finite number.
        """
        return _RuleOptimizer(self, hyperparameters)

    def from_config(self, config: Mapping[str, Any]) -> Optimizer:
        """Create an optimizer from the result of its `get_config`."""
        return self(**config)

    def __repr__(self) -> str:
        return f"<OptimizerRule of {self.__name__!r}>"


add_value(OptimizerRule, rule_value("OptimizerRule", OptimizerRule))


class _RuleOptimizer(Optimizer):
    def __init__(self, maker: OptimizerRule, given: Mapping[str, Any]) -> None:
        self._made_by = maker
        unknown = next((name for name in given if name not in maker.rule.defaults), None)
        if unknown is not None:
            Hyperparameters(self._who, maker.rule.defaults, {unknown: 0.0})  # raises the error that names it
        super().__init__(maker.rule, **given)

    @property
    def _maker(self) -> OptimizerRule:
        return self._made_by

    @property
    def _who(self) -> str:
        return f"optimizer {self._made_by.__name__!r}"

    def get_config(self) -> dict[str, Any]:
        """Return the current hyperparameters."""
        schedule = {} if self._schedule is None else {"learning_rate": serialize(self._schedule)}
        return dict(self._hyperparameters) | schedule


def get(identifier: Any) -> Optimizer:
    """Return an optimizer from its name, class, rule or config, or from a scalar function for `OptimizerRule`.

    An `Optimizer` is returned as it is.

    Raises:
        UnknownNameError: for an unknown name; the message suggests similar names.
        ScalarError: for a function that cannot be lifted.
        ArgumentTypeError: for anything else.
    """
    if isinstance(identifier, str):
        identifier = registries["optimizer"].get(identifier)
    elif isinstance(identifier, dict):
        identifier = of_kind("optimizer", identifier)
    if isinstance(identifier, FunctionType):
        identifier = OptimizerRule(identifier)
    if isinstance(identifier, (OptimizerRule, type)):
        identifier = identifier()
    if isinstance(identifier, Optimizer):
        return identifier
    raise ArgumentTypeError("optimizer", "a name or an Optimizer", short_repr(identifier))
