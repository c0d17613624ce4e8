"""`Optimizer`, the base class of optimizers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, ClassVar

import numpy as np

from tensorlab import autodiff
from tensorlab.backends import Buffer
from tensorlab.backends.listening import again, announced, listening
from tensorlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    ShapeError,
    StateError,
    UnknownAttributeError,
    nearest,
    short_repr,
)
from tensorlab.optimizers import schedules
from tensorlab.optimizers.checks import checked, pairs_of, variables_of
from tensorlab.optimizers.rule import Rule
from tensorlab.optimizers.slots import Slots
from tensorlab.rules import Hyperparameters, finite
from tensorlab.serialization import Configured
from tensorlab.shapes import as_length
from tensorlab.tensor import writing
from tensorlab.variable import Variable

_FROM_GET_STATE = "give what get_state returned"
_buffer = attrgetter("buffer")


class Optimizer(Configured):
    """The base of every optimizer: a rule, its hyperparameters, and the slots of each weight.

    A copy of an optimizer has copies of the slots. They belong to the same weights, or, if the weights are copied as
    well, to the copies: whichever are passed to `apply_gradients` first. The same is true after pickling and
    unpickling, in any process.

    Args:
        rule: the step for one number.
        hyperparameters: those of the rule that differ from their defaults, and any additional ones. ``learning_rate``
            may be a schedule: a function of the number of steps taken, see `tensorlab.optimizers.schedules`.

    Attributes:
        iterations: the number of steps taken.

    Source: Keras, ``keras.optimizers.Optimizer``.
    """

    _kind = "optimizer"
    elementwise: ClassVar[bool] = True
    """Whether the step of each number depends only on its own gradient and slots."""
    _limits: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """The smallest and the largest allowed value of some hyperparameters."""
    _schedule: Callable[[float], Any] | None = None

    def __init__(self, rule: Rule, /, **hyperparameters: Any) -> None:
        if not isinstance(rule, Rule):
            hint = "write tl.optimizers.OptimizerRule(function)"
            raise ArgumentTypeError(self._who, "the rule of an optimizer", type(rule).__name__, hint)
        self._rule = rule
        self.iterations = 0
        self._slots = Slots()
        given = hyperparameters.get("learning_rate", 0.0)
        if isinstance(given, dict) or callable(given):
            self._schedule = schedules.get(given)
            hyperparameters["learning_rate"] = self._scheduled(0)
        self._hyperparameters = Hyperparameters(self._who, rule.defaults | hyperparameters, limits=self._limits)

    @property
    def rule(self) -> Rule:
        """The step for one number."""
        return self._rule

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The current hyperparameters by name; they can be set.

        A hyperparameter is also an attribute, unless all optimizers have another attribute of this name:
        ``optimizer.learning_rate = 0.1``.
        """
        return self._hyperparameters

    def __getattr__(self, name: str) -> Any:  # called only if normal lookup fails
        values = self.__dict__.get("_hyperparameters", {})
        if name in values:
            scheduled = name == "learning_rate" and self._schedule is not None
            return self._scheduled(self.iterations) if scheduled else values[name]
        if name.startswith("_"):  # protocols of Python look up many such names
            raise AttributeError(name)
        raise self._unknown(name)

    def __setattr__(self, name: str, value: Any) -> None:
        inherent = name in self.__dict__ or hasattr(type(self), name)
        if not inherent and name in self.__dict__.get("_hyperparameters", {}):
            if name == "learning_rate" and (isinstance(value, dict) or callable(value)):
                self._follow(value)
                return
            if name == "learning_rate" and self._schedule is not None:
                hint = "make the optimizer with a number as learning_rate"
                raise StateError(f"{self._who} learning_rate", "it follows a schedule, and cannot be set", hint)
            self._hyperparameters[name] = value
        elif inherent or name.startswith("_") or not self.__dict__.get("_complete"):
            super().__setattr__(name, value)
        else:
            raise self._unknown(name)

    def _constructed(self) -> None:
        self.__dict__["_complete"] = True  # from now on, setting an unknown attribute is an error

    def _unknown(self, name: str) -> UnknownAttributeError:
        known = list(self._hyperparameters) if "_hyperparameters" in self.__dict__ else []
        hint = "write learning_rate" if name == "lr" and "learning_rate" in known else nearest(name, known)
        return UnknownAttributeError(self._who, f"an attribute among: {', '.join(known)}, iterations", name, hint)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """Take one step: update each variable with its gradient.

        Args:
            grads_and_vars: pairs of a gradient and a variable. If the gradient is None, the variable is not changed,
                but its slots are created, so that the slots are in the order of the variables. Afterwards variables
                with a constraint are replaced by what that returns.

        Raises:
            ShapeError: if a gradient does not have its variable's shape.
            ArgumentTypeError: for something that is not a Variable.
            DeviceError: for a gradient on another device.
            StateError: if the optimizer was copied or loaded with slots, and none of them belongs to these variables.
        """
        who = self._who
        pairs = pairs_of(f"{who}.apply_gradients", grads_and_vars)
        variables = [variable for _, variable in pairs]
        for variable in variables:
            if type(variable) is not Variable and not isinstance(variable, Variable):
                raise ArgumentTypeError(who, "Variables to change", type(variable).__name__)
        changes = [
            (None if gradient is None else checked(who, gradient, variable), variable) for gradient, variable in pairs
        ]
        if self._slots.belong_to_others(variables):
            hint = "pickle or copy both together, or call set_state(state, variables), or forget_slots() to start over"
            names = ", ".join([repr(variable.name) for variable in variables])
            raise StateError(who, f"its copied or loaded slots do not belong to {names}", hint)
        self.iterations += 1
        rules = [self.rule_of(variable) for variable in variables]
        # Weights without a gradient get slots too, see grads_and_vars.
        slots = [self._slots_of(variable, rule.slots) for variable, rule in zip(variables, rules, strict=True)]
        by_rule: dict[Rule, list[tuple[Variable, Buffer, list[Variable]]]] = {}
        for (gradient, variable), rule, own in zip(self._prepared(changes), rules, slots, strict=True):
            if gradient is not None:
                by_rule.setdefault(rule, []).append((variable, gradient, own))
        for rule, left in by_rule.items():
            self._update(rule, left)
        for variable in variables:
            if variable.constraint is not None:
                with autodiff.no_grad():
                    variable.assign(variable.constraint(variable))

    def apply(self, grads: Iterable[Any], trainable_variables: Iterable[Variable]) -> None:
        """Take one step, as `apply_gradients` does with pairs of these.

        Args:
            grads: a gradient for each variable.
            trainable_variables: the variables.

        Raises:
            ShapeError: for another number of gradients than of variables, and what `apply_gradients` raises.

        Source: Keras, ``keras.optimizers.Optimizer.apply``.
        """
        if not isinstance(grads, Iterable):
            raise ArgumentTypeError(f"{self._who}.apply", "a list of gradients", short_repr(grads))
        gradients, variables = list(grads), variables_of(f"{self._who}.apply", trainable_variables)
        if len(gradients) != len(variables):
            raise ShapeError(f"{self._who}.apply", f"{len(variables)} gradients", str(len(gradients)))
        self.apply_gradients(zip(gradients, variables, strict=True))

    def build(self, variables: Iterable[Variable]) -> None:
        """Create the slots of weights, which the first step would create otherwise.

        Source: Keras, ``keras.optimizers.Optimizer.build``.
        """
        for variable in variables_of(f"{self._who}.build", variables):
            self._slots_of(variable, self.slot_names_of(variable))

    def _prepared(self, changes: list[tuple[Buffer | None, Variable]]) -> list[tuple[Buffer | None, Variable]]:
        """Return the gradients of the rule, with their variables, from those of this step, which have been checked."""
        return changes

    def _update(self, rule: Rule, left: list[tuple[Variable, Buffer, list[Variable]]]) -> None:
        """Apply a rule to variables with their gradients and slots."""
        values = again(self._hyperparameter_values, rule)
        if listening[0]:
            announced(values, self, rule.hyperparameters)
        width = 1 + len(rule.slots)
        while left:
            later, gradients = [], {}
            written: list[Variable] = []
            backend, dtype = left[0][0]._backend, left[0][0]._buffer.dtype
            for change in left:
                variable, gradient, slots = change
                key = variable.key
                if key in gradients or variable._backend is not backend or variable._buffer.dtype is not dtype:
                    later.append(change)  # a variable that occurs twice takes its steps one after the other
                else:
                    gradients[key] = gradient
                    written += (variable, *slots)
            with writing(written) as claims:
                groups, first = [], 0
                for gradient in gradients.values():
                    weight, *others = claims[first : first + width]
                    groups.append((weight.buffer, gradient, *map(_buffer, others)))
                    first += width
                backend.update(rule.scalar, tuple(groups), values)
            left = later

    def _hyperparameter_values(self, rule: Rule) -> list[float]:
        return [self.hyperparameter(name) for name in rule.hyperparameters]

    def _follow(self, schedule: Any) -> None:
        """Take learning rates from a schedule from now on."""
        before, self._schedule = self._schedule, schedules.get(schedule)
        try:
            self._hyperparameters["learning_rate"] = self._scheduled(self.iterations)
        except BaseException:
            self._schedule = before
            raise
        self.__dict__["_constructed_with"]["learning_rate"] = schedule

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """Set weights to what they are after training; `fit` calls it at its end. Most optimizers change nothing.

        Args:
            var_list: the weights.

        Source: Keras, ``keras.optimizers.Optimizer.finalize_variable_values``.
        """

    def _scheduled(self, step: int) -> float:
        """Return the learning rate after a number of steps.

        Raises:
            ArgumentError: if the schedule does not return a finite number.
        """
        return finite(f"{self._who} learning_rate after {step} steps", self._schedule(step))  # type: ignore[misc]

    def hyperparameter(self, name: str) -> float:
        """Return what the rule gets for a hyperparameter in the current step.

        Raises:
            ArgumentError: for an unknown name.
        """
        if type(name) is str:
            if name == "step":
                return float(self.iterations)
            if name == "learning_rate" and self._schedule is not None:
                return self._scheduled(self.iterations - 1)
            if hasattr(type(self), name) and not hasattr(Optimizer, name):  # a subclass computes it
                return float(getattr(self, name))
            if name in self._hyperparameters:
                return self._hyperparameters[name]
        known = f"one of the hyperparameters {', '.join(self._hyperparameters)}"
        raise ArgumentError(self._who, known, short_repr(name))

    def rule_of(self, variable: Variable) -> Rule:
        """Return the step for one number of a weight. Most optimizers have one rule for all weights."""
        return self.rule

    def slot_names_of(self, variable: Variable) -> tuple[str, ...]:
        """Return the names of the slots of a weight."""
        return self.rule_of(variable).slots

    def _slots_of(self, variable: Variable, names: Sequence[str]) -> list[Variable]:
        slots = self._slots.find(variable)
        if slots is None:
            slots = self._slots.add(variable)
        try:
            return [*map(slots.__getitem__, names)]
        except KeyError:  # the first step, or the rule has changed and needs more slots
            needed = (*self.slot_names_of(variable), *names)  # all together, so that their order is always the same
            slots.update(self._new_slots(variable, [name for name in needed if name not in slots]))
            return [*map(slots.__getitem__, names)]

    def _new_slots(self, variable: Variable, names: Sequence[str]) -> dict[str, Variable]:
        return {
            name: Variable(
                variable.like(self._initial(variable, name)), trainable=False, name=f"{variable.name}/{name}"
            )
            for name in names
        }

    def _initial(self, variable: Variable, name: str) -> np.ndarray[Any, Any]:
        """Return what a slot starts with: 0, in the shape of the weight, or with some of its lengths replaced by 1."""
        return np.zeros(variable.shape, variable.dtype)

    @property
    def variables(self) -> list[Variable]:
        """The slots of all weights, in the order in which `apply_gradients` first received the weights."""
        return [slot for slots in self._slots for slot in slots.values()]

    def forget_slots(self, keep: int = 0) -> None:
        """Drop slots, the most recently created first, until at most ``keep`` remain."""
        keep = as_length(f"{self._who}.forget_slots keep", keep)
        while len(self.variables) > keep:
            self._slots = self._slots.without_last()

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, with the current values of the hyperparameters among them."""
        config = super().get_config()
        current = {name: value for name, value in self._hyperparameters.items() if name in config}
        if self._schedule is not None:
            current.pop("learning_rate", None)
        return config | current

    def get_state(self, variables: Sequence[Variable] | None = None) -> dict[str, Any]:
        """Return the state that is needed to resume training, as plain data and copied arrays.

        Args:
            variables: the weights whose slots are wanted, in this order; slots that do not exist yet are 0. If None,
                all weights that `apply_gradients` has received, in that order.

        Returns:
            ``iterations``, the number of steps taken; ``hyperparameters``, their current values; and ``slots``, a
            dict ``{name: array}`` for each weight.
        """
        if variables is None:
            slots = [{name: np.array(slot.numpy()) for name, slot in each.items()} for each in self._slots]
        else:
            slots = [self._arrays(variable) for variable in variables_of(f"{self._who}.get_state", variables)]
        return {"iterations": self.iterations, "hyperparameters": dict(self._hyperparameters), "slots": slots}

    def _arrays(self, variable: Variable) -> dict[str, np.ndarray[Any, Any]]:
        """Return copies of the slots of one weight; initial values for slots that do not exist yet."""
        slots = self._slots.find(variable) or {}
        return {
            name: np.array(slots[name].numpy() if name in slots else self._initial(variable, name))
            for name in self.slot_names_of(variable)
        }

    def set_state(self, state: Mapping[str, Any], variables: Sequence[Variable]) -> None:
        """Restore a state that `get_state` returned.

        If it raises, nothing is changed.

        Args:
            state: the state.
            variables: the weights that the slots belong to, in the order of the slots. A state from before the first
                step has no slots, and fits any weights.

        Raises:
            StateError: for a state of another optimizer or of other weights.
            ArgumentError: for unknown hyperparameters, or values that are not finite numbers.
        """
        who = f"{self._who} state"
        if not isinstance(state, Mapping):
            raise StateError(who, f"{short_repr(state)} is not a dict", _FROM_GET_STATE)
        missing = {"iterations", "slots"} - set(state)
        if missing:
            raise StateError(who, f"it has no {' and no '.join(sorted(missing))}", _FROM_GET_STATE)
        iterations, slots = state["iterations"], state["slots"]
        if isinstance(iterations, bool) or not isinstance(iterations, (int, np.integer)) or iterations < 0:
            raise StateError(f"{who} iterations", f"{short_repr(iterations)} is not a number of steps", _FROM_GET_STATE)
        if slots and len(slots) != len(variables):
            hint = "give the same weights to get_state and to set_state; a model has its weights once it is built"
            problem = f"it has slots of {len(slots)} weights, but {len(variables)} weights were given"
            raise StateError(who, problem, hint)
        values = [self._slot_values(who, *pair) for pair in zip(slots, variables, strict=False)]
        current = Hyperparameters(who, self.hyperparameters, state.get("hyperparameters", {}), self._limits)
        self._hyperparameters.update(current)
        self.iterations, self._slots = int(iterations), Slots()
        for arrays, variable in zip(values, variables, strict=False):
            for array, slot in zip(arrays, self._slots_of(variable, self.slot_names_of(variable)), strict=True):
                slot.assign(array)

    def _slot_values(self, who: str, arrays: Mapping[str, Any], variable: Variable) -> list[np.ndarray[Any, Any]]:
        """Return the slots of one weight as arrays, after checking their names and shapes."""
        shapes = {name: np.shape(array) for name, array in arrays.items()}
        names = self.slot_names_of(variable)
        if shapes != {name: self._initial(variable, name).shape for name in names}:
            wanted = ", ".join(names) or "none"
            problem = f"the slots of {variable.name!r} are {shapes}, not {wanted} of shape {variable.shape}"
            raise StateError(who, problem, _FROM_GET_STATE)
        try:
            return [np.asarray(arrays[name], variable.dtype) for name in names]
        except (TypeError, ValueError) as error:
            problem = f"the slots of {variable.name!r} are not numbers ({error})"
            raise StateError(who, problem, _FROM_GET_STATE) from None

    def __copy__(self) -> Any:
        return copy.deepcopy(self)

    @property
    def _who(self) -> str:
        return type(self).__name__
