"""Schedules: learning rates as functions of the number of steps taken, for ``SGD(learning_rate=schedule)``.

A schedule is a scalar function that plain Python calls once a step. Its value is a hyperparameter of the step like any
other, so no schedule needs a kernel of its own, and a change of it takes effect at once.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tensorlab import absent
from tensorlab.errors import ArgumentError, ArgumentTypeError, nearest, short_repr
from tensorlab.rules import finite
from tensorlab.serialization import Configured, check_config, serialize

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "get",
    "serialize",
]


class LearningRateSchedule(Configured):
    """The base of schedules. A subclass implements ``__call__(step)``.

    Any function of the number of steps may also be given to an optimizer.

    Source: Keras, ``keras.optimizers.schedules.LearningRateSchedule``.

    Example:
        >>> class Warmup(tl.optimizers.schedules.LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return min(0.1, 0.01 * (step + 1))
        >>> tl.optimizers.SGD(Warmup()).learning_rate
        0.01
    """

    _kind = "schedule"

    def __call__(self, step: float) -> float:
        """Return the learning rate after ``step`` steps."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__(step)")

    def _number(self, name: str, value: Any, low: float = -math.inf) -> float:
        return finite(f"{type(self).__name__} {name}", value, low)

    def _length(self, name: str, value: Any) -> float:
        """Return a number of steps, which is divided by."""
        if finite(f"{type(self).__name__} {name}", value) <= 0:
            raise ArgumentError(f"{type(self).__name__} {name}", "a number of steps above 0", short_repr(value))
        return float(value)


class ExponentialDecay(LearningRateSchedule):
    """Compute ``η rᵖ``, where ``p`` is the number of steps divided by ``decay_steps``.

    Args:
        initial_learning_rate: η.
        decay_steps: the number of steps after which the rate is multiplied by r.
        decay_rate: r, at least 0.
        staircase: whether p is rounded down.
        name: accepted as in Keras, and ignored.

    Raises:
        ArgumentError: for something that is not a number, or out of range.

    Source: Keras, ``keras.optimizers.schedules.ExponentialDecay``.

    Example:
        >>> schedule = tl.optimizers.schedules.ExponentialDecay(0.1, decay_steps=100, decay_rate=0.5)
        >>> [schedule(0), schedule(100), schedule(200)]
        [0.1, 0.05, 0.025]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate)
        self.decay_steps = self._length("decay_steps", decay_steps)
        self.decay_rate = self._number("decay_rate", decay_rate, 0.0)
        self.staircase = staircase

    def __call__(self, step: float) -> float:
        """Return the learning rate after ``step`` steps."""
        p = step / self.decay_steps
        return self.initial_learning_rate * math.pow(self.decay_rate, math.floor(p) if self.staircase else p)


class InverseTimeDecay(LearningRateSchedule):
    """Compute ``η / (1 + r p)``, where ``p`` is the number of steps divided by ``decay_steps``.

    Args:
        initial_learning_rate: η.
        decay_steps: what the number of steps is divided by.
        decay_rate: r, at least 0.
        staircase: whether p is rounded down.
        name: accepted as in Keras, and ignored.

    Raises:
        ArgumentError: for something that is not a number, or out of range.

    Source: Keras, ``keras.optimizers.schedules.InverseTimeDecay``.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate)
        self.decay_steps = self._length("decay_steps", decay_steps)
        self.decay_rate = self._number("decay_rate", decay_rate, 0.0)
        self.staircase = staircase

    def __call__(self, step: float) -> float:
        """Return the learning rate after ``step`` steps."""
        p = step / self.decay_steps
        return self.initial_learning_rate / (1.0 + self.decay_rate * (math.floor(p) if self.staircase else p))


class PolynomialDecay(LearningRateSchedule):
    """Compute ``(η - e)(1 - p)ᵏ + e``, where ``p`` is the number of steps, at most ``decay_steps``, divided by that.

    Args:
        initial_learning_rate: η.
        decay_steps: the number of steps after which the rate is e.
        end_learning_rate: e.
        power: k.
        cycle: whether decay begins again, with a multiple of ``decay_steps``, whenever it has ended.
        name: accepted as in Keras, and ignored.

    Raises:
        ArgumentError: for something that is not a number, or a ``decay_steps`` that is not above 0.

    Source: Keras, ``keras.optimizers.schedules.PolynomialDecay``.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate)
        self.decay_steps = self._length("decay_steps", decay_steps)
        self.end_learning_rate = self._number("end_learning_rate", end_learning_rate)
        self.power, self.cycle = self._number("power", power, 0.0), cycle

    def __call__(self, step: float) -> float:
        """Return the learning rate after ``step`` steps."""
        whole = self.decay_steps * (max(1, math.ceil(step / self.decay_steps)) if self.cycle else 1)
        rest = 1.0 - min(step, whole) / whole
        end = self.end_learning_rate
        return (self.initial_learning_rate - end) * math.pow(rest, self.power) + end


class PiecewiseConstantDecay(LearningRateSchedule):
    """Return ``values[i]`` after at most ``boundaries[i]`` steps, and the last value after that.

    Args:
        boundaries: numbers of steps, in ascending order.
        values: learning rates, one more than boundaries.
        name: accepted as in Keras, and ignored.

    Raises:
        ArgumentError: for lists whose lengths do not fit, numbers that are none, or boundaries in another order.

    Source: Keras, ``keras.optimizers.schedules.PiecewiseConstantDecay``.

    Example:
        >>> schedule = tl.optimizers.schedules.PiecewiseConstantDecay([100, 200], [0.1, 0.05, 0.01])
        >>> [schedule(0), schedule(100), schedule(101), schedule(999)]
        [0.1, 0.1, 0.05, 0.01]
    """

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstantDecay"
    ) -> None:
        self.boundaries = [self._number("boundaries", each) for each in boundaries]
        self.values = [self._number("values", each) for each in values]
        who = type(self).__name__
        if len(self.values) != len(self.boundaries) + 1:
            received = f"{len(self.boundaries)} boundaries and {len(self.values)} values"
            raise ArgumentError(who, "one value more than boundaries", received)
        if self.boundaries != sorted(self.boundaries):
            raise ArgumentError(f"{who} boundaries", "numbers in ascending order", short_repr(boundaries))

    def __call__(self, step: float) -> float:
        """Return the learning rate after ``step`` steps."""
        return self.values[sum(step > boundary for boundary in self.boundaries)]


class CosineDecay(LearningRateSchedule):
    """Compute ``η ((1 - α)(1 + cos πp) / 2 + α)``, where ``p`` goes from 0 to 1 in ``decay_steps`` steps.

    With a ``warmup_target`` w the rate goes from η to w in ``warmup_steps`` first, and w takes the place of η.

    Args:
        initial_learning_rate: η.
        decay_steps: the number of steps of the decay.
        alpha: α, what is left at the end, as a fraction.
        name: accepted as in Keras, and ignored.
        warmup_target: w, or None.
        warmup_steps: the number of steps to reach it.

    Raises:
        ArgumentError: for something that is not a number, or a ``decay_steps`` that is not above 0.

    Source: Keras, ``keras.optimizers.schedules.CosineDecay``; Loshchilov and Hutter, "SGDR: Stochastic Gradient
    Descent with Warm Restarts", arXiv:1608.03983.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate)
        self.decay_steps = self._length("decay_steps", decay_steps)
        self.alpha = self._number("alpha", alpha)
        self.warmup_target = None if warmup_target is None else self._number("warmup_target", warmup_target)
        self.warmup_steps = self._number("warmup_steps", warmup_steps, 0.0)

    def __call__(self, step: float) -> float:
        """Return the learning rate after ``step`` steps."""
        rate, first = self.initial_learning_rate, 0.0
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return rate + (self.warmup_target - rate) * step / self.warmup_steps
            rate, first = self.warmup_target, self.warmup_steps
        return rate * _cosine(min(step - first, self.decay_steps) / self.decay_steps, self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """Compute `CosineDecay`, and begin again whenever it has ended.

    Args:
        initial_learning_rate: the rate at the beginning.
        first_decay_steps: the number of steps of the first decay.
        t_mul: what the number of steps is multiplied by for each further decay.
        m_mul: what the rate, without its last part, is multiplied by for each further decay.
        alpha: what is left at the end of a decay, as a fraction.
        name: accepted as in Keras, and ignored.

    Raises:
        ArgumentError: for something that is not a number, or out of range.

    Source: Keras, ``keras.optimizers.schedules.CosineDecayRestarts``; Loshchilov and Hutter, "SGDR: Stochastic Gradient
    Descent with Warm Restarts", arXiv:1608.03983.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = self._length("first_decay_steps", first_decay_steps)
        self.t_mul, self.m_mul = self._number("t_mul", t_mul, 1.0), self._number("m_mul", m_mul)
        self.alpha = self._number("alpha", alpha)

    def __call__(self, step: float) -> float:
        """Return the learning rate after ``step`` steps."""
        p, restarts, length = step / self.first_decay_steps, 0, 1.0
        if self.t_mul == 1.0:
            restarts = math.floor(p)
            p -= restarts
        while p >= length:
            p, restarts, length = p - length, restarts + 1, length * self.t_mul
        return self.initial_learning_rate * _cosine(p / length, self.alpha, self.m_mul**restarts)


def _cosine(p: float, alpha: float, factor: float = 1.0) -> float:
    return (1.0 - alpha) * 0.5 * factor * (1.0 + math.cos(math.pi * p)) + alpha


def get(identifier: Any) -> Callable[[float], Any]:
    """Return a schedule from its config; a function of the number of steps, or of nothing, is returned as it is.

    Raises:
        ArgumentTypeError: for anything else.
    """
    if isinstance(identifier, dict):
        name = check_config("learning_rate", identifier, "class_name", "config")["class_name"]
        if name not in (schedules := [each for each in __all__ if each[0].isupper()]):
            hint = nearest(str(name), schedules)
            raise ArgumentError("learning_rate", "the config of a schedule", short_repr(name), hint)
        found: LearningRateSchedule = globals()[name].from_config(identifier["config"])
        return found
    if isinstance(identifier, type) or not callable(identifier):
        hint = "give an object of the class" if isinstance(identifier, type) else ""
        raise ArgumentTypeError("learning_rate", "a number or a schedule", short_repr(identifier), hint)
    function: Callable[..., Any] = identifier
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:  # a builtin without a signature
        return function
    return function if parameters else lambda step: function()


def deserialize(config: Any) -> Callable[[float], Any]:
    """Return a schedule from the result of `serialize`. The errors are those of `get`."""
    return get(config)


if not TYPE_CHECKING:  # a type checker would accept every name
    __getattr__ = absent.lookup(globals())
