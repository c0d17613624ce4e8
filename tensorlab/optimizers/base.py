"""`Optimizer`, and how a scalar function becomes one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from tensorlab import autodiff
from tensorlab.errors import ArgumentTypeError, DeviceError, ShapeError, StateError
from tensorlab.ops.dispatch import as_tensor
from tensorlab.registry import registries
from tensorlab.rules import finite, hyperparameters
from tensorlab.scalars import ScalarFunction
from tensorlab.serialization import Configured, deserialize
from tensorlab.tensor import Tensor, writing
from tensorlab.variable import Variable


class Rule:
    """The step of an optimizer for one number: ``(weight, gradient, *slots, *hyperparameters) -> (weight, *slots)``.

    The parameters after weight and gradient are slots if they have no default value, and hyperparameters if they have
    one. A slot is a number that is kept with each weight, 0 at first. A hyperparameter called ``step`` is the number
    of the step, from 1 on.

    Raises:
        ScalarError: if the function cannot be lifted.
        ArgumentTypeError: if it does not return the weight and each slot.
        ArgumentError: for a default value that is not finite.
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
        hyperparameters(f"optimizer rule {scalar.name!r}", scalar.defaults, {})


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
        self._hyperparameters = tuple(hyperparameters)
        for name, value in hyperparameters.items():
            setattr(self, name, finite(f"{self._who} {name}", value))

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """Take one step: change each variable by its gradient.

        Args:
            grads_and_vars: pairs of a gradient and a variable. One whose gradient is None is not changed, but has its
                slots from now on, so that these are in the order of the variables.

        Raises:
            ShapeError: if a gradient does not have its variable's shape.
            ArgumentTypeError: for something that is not a Variable.
            DeviceError: for a gradient on another device.
        """
        pairs = []
        for gradient, variable in grads_and_vars:
            if not isinstance(variable, Variable):
                raise ArgumentTypeError(self._who, "Variables to change", type(variable).__name__)
            pairs.append((None if gradient is None else self._checked(gradient, variable), variable))
        self.iterations += 1
        values = [self._hyperparameter(name) for name in self.rule.hyperparameters]
        for _, variable in pairs:
            self._slots_of(variable)  # those that are not changed this time have their place in the state too
        left = [(gradient, variable) for gradient, variable in pairs if gradient is not None]
        while left:
            later = []
            backend, dtype = left[0][1]._backend, left[0][1].dtype
            groups: dict[int, tuple[Any, ...]] = {}
            for gradient, variable in left:
                key = variable.key
                if key in groups or variable._backend is not backend or variable._buffer.dtype is not dtype:
                    later.append((gradient, variable))  # a second step is from where the first one leads
                else:
                    groups[key] = (variable, gradient, *self._slots_of(variable))
            written = [tensor for variable, _, *slots in groups.values() for tensor in (variable, *slots)]
            with writing(written) as claims:
                buffers = iter([claim.buffer for claim in claims])
                arrays = [
                    (next(buffers), gradient._buffer, *[next(buffers) for _ in slots])
                    for _, gradient, *slots in groups.values()
                ]
                backend.update(self.rule.scalar, tuple(arrays), values)
            left = later

    def _checked(self, gradient: Any, variable: Variable) -> Tensor:
        tensor = as_tensor(gradient, self._who, variable.device)
        who = f"{self._who}: the gradient of {variable.name!r}"
        if tensor.shape != variable.shape:
            raise ShapeError(who, f"shape {variable.shape}", str(tensor.shape))
        if tensor.device != variable.device:
            hint = f"move it with .to_device({variable.device!r})"
            raise DeviceError(who, f"a tensor on {variable.device!r}", repr(tensor.device), hint)
        with autodiff.no_grad():
            return tensor.astype(variable.dtype)

    def _hyperparameter(self, name: str) -> float:
        return float(self.iterations if name == "step" else getattr(self, name))

    def _slots_of(self, variable: Variable) -> list[Variable]:
        found = self._slots.get(variable.key)
        if found is None:
            found = self._slots[variable.key] = self._new_slots(variable)
        return found

    def _new_slots(self, variable: Variable) -> list[Variable]:
        zeros = np.zeros(variable.shape, variable.dtype)
        return [
            Variable(variable.like(zeros), trainable=False, name=f"{variable.name}/{slot}") for slot in self.rule.slots
        ]

    @property
    def variables(self) -> list[Variable]:
        """The slots of all weights, in the order in which the weights came to `apply_gradients`."""
        return [slot for slots in self._slots.values() for slot in slots]

    def forget_slots(self, keep: int = 0) -> None:
        """Drop the slots that were allocated last, but for the first ``keep``."""
        while len(self.variables) > keep:
            self._slots.popitem()

    @property
    def hyperparameters(self) -> dict[str, float]:
        """The hyperparameters as they are now, by name."""
        return {name: getattr(self, name) for name in self._hyperparameters}

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor; of the hyperparameters among them the present values."""
        config = super().get_config()
        return config | {name: value for name, value in self.hyperparameters.items() if name in config}

    def get_state(self, variables: Sequence[Variable] | None = None) -> dict[str, Any]:
        """What a run needs to go on: plain data and copies.

        Args:
            variables: the weights whose slots are wanted, in this order; slots that are not there yet are 0. If None,
                those that have come to `apply_gradients`, in that order: none before the first step.

        Returns:
            ``iterations``, the number of steps taken; ``hyperparameters``, as they are now; and ``slots``, for each
            weight its slots as ``{name: array}``.
        """
        if variables is None:
            slots = list(self._slots.values())
        else:
            slots = [self._slots.get(variable.key) or self._new_slots(variable) for variable in variables]
        return {
            "iterations": self.iterations,
            "hyperparameters": self.hyperparameters,
            "slots": [
                {name: np.array(slot.numpy()) for name, slot in zip(self.rule.slots, each, strict=True)}
                for each in slots
            ],
        }

    def set_state(self, state: Mapping[str, Any], variables: Sequence[Variable]) -> None:
        """Go back to what `get_state` returned.

        Args:
            state: what it returned.
            variables: the weights that the slots belong to, in their order. The state from before the first step has
                no slots, and suits any weights.

        Raises:
            StateError: for the state of another optimizer or of other weights. Nothing is changed then.
            ArgumentError: for hyperparameters of another optimizer, or that are no finite numbers. Likewise.
        """
        who = f"{self._who} state"
        if not isinstance(state, Mapping):
            raise StateError(who, "what get_state returned", repr(state))
        missing = {"iterations", "slots"} - set(state)
        if missing:
            raise StateError(who, "iterations and slots", f"none of {', '.join(sorted(missing))}")
        iterations, slots = state["iterations"], state["slots"]
        if isinstance(iterations, bool) or not isinstance(iterations, (int, np.integer)) or iterations < 0:
            raise StateError(f"{who} iterations", "the number of steps taken", repr(iterations))
        if slots and len(slots) != len(variables):
            hint = "give the same weights to get_state and to set_state; a model has its weights once it is built"
            raise StateError(who, f"slots of {len(variables)} weights, or of none", str(len(slots)), hint)
        values = [self._slot_values(who, *pair) for pair in zip(slots, variables, strict=False)]
        current = hyperparameters(who, self.hyperparameters, state.get("hyperparameters", {}))
        self.iterations, self._slots = int(iterations), {}
        for name, value in current.items():
            setattr(self, name, value)
        for arrays, variable in zip(values, variables, strict=False):
            for array, slot in zip(arrays, self._slots_of(variable), strict=True):
                slot.assign(array)

    def _slot_values(self, who: str, arrays: Mapping[str, Any], variable: Variable) -> list[np.ndarray[Any, Any]]:
        """The slots of one weight, held against it."""
        shapes = {name: np.shape(array) for name, array in arrays.items()}
        if shapes != dict.fromkeys(self.rule.slots, tuple(variable.shape)):
            names = ", ".join(self.rule.slots) or "none"
            raise StateError(who, f"for {variable.name!r} slots of shape {variable.shape} named: {names}", str(shapes))
        try:
            return [np.asarray(arrays[name], variable.dtype) for name in self.rule.slots]
        except (TypeError, ValueError) as error:
            raise StateError(who, f"for {variable.name!r} slots of numbers", str(error)) from None

    @property
    def _who(self) -> str:
        return type(self).__name__


class OptimizerRule:
    """An optimizer made of a plain Python function of numbers; called with hyperparameters, it gives the optimizer.

    An optimizer of a registered rule is saved under the rule's name, with its hyperparameters.

    Args:
        function: the step for one number, ``(weight, gradient, *slots, *hyperparameters) -> (weight, *slots)``. What
            has no default value is a slot, kept with each weight and 0 at first; what has one is a hyperparameter. One
            called ``step`` is the number of the step, from 1 on.

    Example:
        >>> def momentum(w, g, m, learning_rate=0.01, momentum=0.9):
        ...     m = momentum * m - learning_rate * g
        ...     return w + m, m
        >>> optimizer = tl.optimizers.OptimizerRule(momentum)(learning_rate=0.1)
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.rule = Rule(function)
        self.__name__ = self.rule.scalar.name

    def __call__(self, **hyperparameters: float) -> Optimizer:
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
        defaults = {name: value for name, value in maker.rule.scalar.defaults.items() if name != "step"}
        self.maker = maker
        super().__init__(maker.rule, **hyperparameters(f"optimizer {maker.__name__!r}", defaults, given))

    @property
    def _maker(self) -> OptimizerRule:
        return self.maker

    @property
    def _who(self) -> str:
        return f"optimizer {self.maker.__name__!r}"

    def get_config(self) -> dict[str, Any]:
        """The hyperparameters as they are now."""
        return self.hyperparameters


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
