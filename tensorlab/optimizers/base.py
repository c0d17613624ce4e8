"""`Optimizer`, and how a scalar function becomes one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tensorlab import autodiff
from tensorlab.errors import ArgumentError, ArgumentTypeError, DeviceError, ShapeError
from tensorlab.ops.dispatch import as_tensor
from tensorlab.registry import registries
from tensorlab.scalars import ScalarFunction
from tensorlab.serialization import Configured, deserialize
from tensorlab.tensor import Tensor
from tensorlab.variable import Variable


class Rule:
    """The step of an optimizer for one number: ``(weight, gradient, *slots, *hyperparameters) -> (weight, *slots)``.

    The parameters after weight and gradient are slots if they have no default value, and hyperparameters if they have
    one. A slot is a number that is kept with each weight, 0 at first. A hyperparameter called ``step`` is the number
    of the step, from 1 on.

    Raises:
        ScalarError: if the function cannot be lifted.
        ArgumentTypeError: if it does not return the weight and each slot.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        scalar = ScalarFunction.of(function)
        self.scalar = scalar
        self.slots = scalar.parameters[2 : scalar.arity - len(scalar.defaults)]
        self.hyperparameters = scalar.parameters[2 + len(self.slots) :]
        if scalar.arity - len(scalar.defaults) < 2:
            raise ArgumentTypeError(
                f"optimizer rule {scalar.name!r}",
                "a function of weight and gradient, then slots, then hyperparameters with default values",
                f"({', '.join(scalar.parameters)})",
            )
        if scalar.n_outputs != 1 + len(self.slots):
            returned = ", ".join(("weight", *self.slots))
            raise ArgumentTypeError(
                f"optimizer rule {scalar.name!r}", f"{1 + len(self.slots)} values ({returned})", str(scalar.n_outputs)
            )


class Optimizer(Configured):
    """The base of every optimizer: a rule, its hyperparameters as attributes, and the slots of each weight.

    Attributes:
        iterations: the number of steps taken.

    Source: Keras, ``keras.optimizers.Optimizer``.
    """

    _kind = "optimizer"

    def __init__(self, rule: Rule, **hyperparameters: float) -> None:
        self.rule = rule
        self.iterations = 0
        self._slots: dict[int, list[Variable]] = {}
        for name, value in hyperparameters.items():
            if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
                raise ArgumentError(f"{type(self).__name__} {name}", "a finite number", repr(value))
            setattr(self, name, float(value))

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """Take one step: change each variable by its gradient.

        Args:
            grads_and_vars: pairs of a gradient and a variable; a pair whose gradient is None is passed over.

        Raises:
            ShapeError: if a gradient does not have its variable's shape.
            ArgumentTypeError: for something that is not a Variable.
            DeviceError: for a gradient on another device.
        """
        pairs = []
        for gradient, variable in grads_and_vars:
            if not isinstance(variable, Variable):
                raise ArgumentTypeError(f"{type(self).__name__}", "Variables to change", type(variable).__name__)
            if gradient is not None:
                pairs.append((self._checked(gradient, variable), variable))
        self.iterations += 1
        values = [self._hyperparameter(name) for name in self.rule.hyperparameters]
        for gradient, variable in pairs:
            slots = [slot.own_buffer() for slot in self._slots_of(variable)]
            variable._backend.update(self.rule.scalar, variable.own_buffer(), gradient._buffer, slots, values)

    def _checked(self, gradient: Any, variable: Variable) -> Tensor:
        tensor = as_tensor(gradient, type(self).__name__)
        who = f"{type(self).__name__}: the gradient of {variable.name!r}"
        if tensor.shape != variable.shape:
            raise ShapeError(who, f"shape {variable.shape}", str(tensor.shape))
        if tensor.device != variable.device:
            raise DeviceError(who, f"a tensor on {variable.device}", tensor.device)
        with autodiff.no_grad():
            return tensor.astype(variable.dtype)

    def _hyperparameter(self, name: str) -> float:
        return float(self.iterations if name == "step" else getattr(self, name))

    def _slots_of(self, variable: Variable) -> list[Variable]:
        found = self._slots.get(variable.key)
        if found is None:
            zeros = np.zeros(variable.shape, variable.dtype)
            found = self._slots[variable.key] = [
                Variable(variable.like(zeros), trainable=False, name=f"{variable.name}/{slot}")
                for slot in self.rule.slots
            ]
        return found

    @property
    def variables(self) -> list[Variable]:
        """The slots of all weights, in the order in which the weights were first changed."""
        return [slot for slots in self._slots.values() for slot in slots]

    def forget_slots(self, keep: int = 0) -> None:
        """Drop the slots that were allocated last, but for the first ``keep``."""
        while len(self.variables) > keep:
            self._slots.popitem()

    def get_state(self) -> dict[str, Any]:
        """The number of steps taken and copies of all slots, in the order of the weights."""
        return {
            "iterations": self.iterations,
            "slots": [[np.array(slot.numpy()) for slot in slots] for slots in self._slots.values()],
        }

    def set_state(self, state: dict[str, Any], variables: Sequence[Variable]) -> None:
        """Go back to what `get_state` returned.

        Args:
            state: what it returned.
            variables: the weights that the slots belong to, in order.
        """
        self.iterations = state["iterations"]
        self._slots = {}
        for variable, arrays in zip(variables, state["slots"], strict=False):
            for slot, array in zip(self._slots_of(variable), arrays, strict=True):
                slot.assign(array)


class OptimizerRule:
    """An optimizer made of a plain Python function of numbers; called with hyperparameters, it gives the optimizer.

    Args:
        function: see `Rule`.

    Example:
        >>> def momentum(w, g, m, learning_rate=0.01, momentum=0.9):
        ...     m = momentum * m - learning_rate * g
        ...     return w + m, m
        >>> optimizer = tl.optimizers.OptimizerRule(momentum)(learning_rate=0.1)
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.rule = Rule(function)

    def __call__(self, **hyperparameters: float) -> Optimizer:
        defaults = {name: value for name, value in self.rule.scalar.defaults.items() if name != "step"}
        unknown = set(hyperparameters) - set(defaults)
        if unknown:
            raise ArgumentError(
                f"optimizer {self.rule.scalar.name!r}",
                f"hyperparameters among: {', '.join(defaults) or 'none'}",
                ", ".join(sorted(unknown)),
            )
        return Optimizer(self.rule, **{**defaults, **hyperparameters})


def get(identifier: Any) -> Optimizer:
    """An optimizer from its name, class, rule, config or itself.

    Raises:
        UnknownNameError: for an unknown name, with the nearest known ones.
        ArgumentTypeError: for something else.
    """
    if isinstance(identifier, str):
        identifier = registries["optimizer"].get(identifier)
    elif isinstance(identifier, dict):
        identifier = deserialize(identifier)
    if isinstance(identifier, (OptimizerRule, type)):
        identifier = identifier()
    if isinstance(identifier, Optimizer):
        return identifier
    raise ArgumentTypeError("optimizer", "a name or an Optimizer", repr(identifier))
