"""Rules: scalar functions together with their purpose, which determines the loop kind, and their hyperparameters."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from tensorlab.arguments import advice
from tensorlab.errors import ArgumentError, ArgumentTypeError, short_repr
from tensorlab.scalars import ScalarFunction


def finite(who: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """Return a hyperparameter as a float. It may be a Python or NumPy number, or a tensor or array of rank 0.

    Raises:
        ArgumentError: unless it is a finite number from ``low`` to ``high``.
    """
    number = value
    if getattr(value, "shape", None) == () and not isinstance(value, np.generic):
        number = np.asarray(value)[()]  # the element of a tensor or array of rank 0
    if not isinstance(number, (int, float, np.number)) or isinstance(number, bool):
        raise ArgumentError(who, "a finite number", short_repr(value))
    try:
        number = float(number)
    except (OverflowError, TypeError):  # an integer out of the range of float64, or a complex number
        number = math.nan
    if not math.isfinite(number) or not low <= number <= high:
        expected = "a finite number"
        if math.isfinite(low):
            expected = f"a number of at least {low:g}" if math.isinf(high) else f"a number from {low:g} to {high:g}"
        raise ArgumentError(who, expected, short_repr(value))
    return number


def integer(who: str, value: Any, least: int) -> int:
    """Return a value as an int of at least ``least``.

    Raises:
        ArgumentError: if it is not.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        raise ArgumentError(who, f"an integer of at least {least}", short_repr(value))
    return number


def integer_or_none(who: str, value: Any) -> int | None:
    """Return a value as an int of any sign, or None.

    Raises:
        ArgumentError: if it is neither.
    """
    if value is None:
        return None
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise ArgumentError(who, "an integer, or None", short_repr(value))
    return number


class Hyperparameters(MutableMapping[str, float]):
    """The hyperparameters of a loss, an optimizer or an activation: a mapping of fixed names to finite numbers.

    Args:
        who: the owner, for messages.
        defaults: all hyperparameters with their default values.
        given: values that replace defaults.
        limits: the smallest and the largest allowed value of some hyperparameters.

    Raises:
        ArgumentError: for an unknown name, or a value that is not finite or not within its limits. Assignments raise
            the same errors, and then change nothing.
    """

    def __init__(
        self,
        who: str,
        defaults: Mapping[str, Any],
        given: Mapping[str, Any] | None = None,
        limits: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        self._who, self._limits = who, dict(limits or {})
        self._values: dict[str, float] = dict.fromkeys(defaults, 0.0)
        self.update({**defaults, **(given or {})})

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __contains__(self, name: object) -> bool:  # much faster than that of the base class
        return name in self._values

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = self.checked(name, value)

    def checked(self, name: str, value: Any) -> float:
        """Return ``value`` as a float, or raise if it is not a valid value of this hyperparameter."""
        if name not in self._values:
            known = f"one of the hyperparameters {', '.join(self._values)}" if self._values else "no hyperparameters"
            raise ArgumentError(self._who, known, name, advice(name, self._values))
        return finite(f"{self._who} {name}", value, *self._limits.get(name, ()))

    def update(self, /, *others: Any, **named: Any) -> None:
        """Set several hyperparameters, or none if a value is invalid."""
        self._values |= {name: self.checked(name, value) for name, value in dict(*others, **named).items()}

    def __delitem__(self, name: str) -> NoReturn:
        raise ArgumentTypeError(self._who, "hyperparameters to be assigned, not deleted", f"del of {name!r}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


@dataclass(frozen=True, eq=False)  # compared by identity, for fast lookup
class Reduction:
    """A reduction of elements to one value.

    Attributes:
        name: the name in messages and cache keys.
        combine: ``(a, b) -> c``, associative.
        element: ``x -> value``, applied to each element first.
        result: ``(total, count) -> value``, applied to the total, or None.
        initial: the value of a reduction over no elements, or None if it is not defined.
    """

    name: str
    combine: ScalarFunction
    element: ScalarFunction
    result: ScalarFunction | None = None
    initial: float | None = None


@dataclass(frozen=True, eq=False)  # compared by identity, for fast lookup
class Rowwise:
    """A function of rows, such as softmax: reductions along the row, then a value for each element.

    A reduction computes ``element(*inputs, *totals)`` for each element, where ``totals`` are the results of the
    reductions before it, and combines these values with ``combine``. The values ``kept`` of the last reduction are
    inputs of the result, ``output(kept, *inputs, *totals)``.

    Attributes:
        name: the name in messages and cache keys.
        reductions: pairs of ``(combine, element)``.
        output: ``(kept, *inputs, *totals) -> value``, applied to each element.
    """

    name: str
    reductions: tuple[tuple[ScalarFunction, ScalarFunction], ...]
    output: ScalarFunction


@dataclass(frozen=True, eq=False)
class Scan:
    """A state that is updated with each element in turn, and a result after each update.

    Attributes:
        name: the name in messages and cache keys.
        step: ``(*state, *inputs) -> state``. A state consists of one or more numbers.
        result: ``(*state) -> value``.
        initial: the state before the first element.
    """

    name: str
    step: ScalarFunction
    result: ScalarFunction
    initial: tuple[int, ...]
