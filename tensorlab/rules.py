"""Rules: what a plain-Python function of numbers is meant for, and so which loop it is lifted into."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from tensorlab.arguments import advice
from tensorlab.errors import ArgumentError, ArgumentTypeError
from tensorlab.scalars import ScalarFunction


def finite(who: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """Return a hyperparameter as a float. It may be a number of Python or NumPy, or a tensor or an array of rank 0.

    Raises:
        ArgumentError: unless it is a finite number, not below ``low`` and not above ``high``.
    """
    number = value
    if getattr(value, "shape", None) == () and not isinstance(value, np.generic):
        number = np.asarray(value)[()]
    expected = "a finite number"
    if isinstance(number, (int, float, np.number)) and not isinstance(number, bool):
        try:
            number = float(number)
        except (OverflowError, TypeError):  # an integer beyond float64; a complex number
            number = math.nan
        if math.isfinite(number) and low <= number <= high:
            return number
        expected = expected if math.isinf(low) else f"a number from {low:g} to {high:g}"
    raise ArgumentError(who, expected, repr(value))


class Hyperparameters(MutableMapping[str, float]):
    """The hyperparameters of one loss, optimizer or activation, by name. Any name may be one.

    Args:
        who: what messages call their owner.
        defaults: all that there are, with their default values.
        given: those that differ.
        limits: the smallest and the largest value of some.

    Raises:
        ArgumentError: for one that is not among the defaults, is not a finite number, or is out of its limits. So does
            an assignment, which then changes nothing.
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

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = self.checked(name, value)

    def checked(self, name: str, value: Any) -> float:
        """Return what `value` would be as this hyperparameter, or raise."""
        if name not in self._values:
            known = f"hyperparameters among: {', '.join(self._values) or 'none'}"
            raise ArgumentError(self._who, known, name, advice(name, self._values))
        return finite(f"{self._who} {name}", value, *self._limits.get(name, ()))

    def update(self, /, *others: Any, **named: Any) -> None:
        """Set several, or none if one of them is refused."""
        self._values |= {name: self.checked(name, value) for name, value in dict(*others, **named).items()}

    def __delitem__(self, name: str) -> NoReturn:
        raise ArgumentTypeError(self._who, "hyperparameters to be set", f"del of {name!r}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


@dataclass(frozen=True, eq=False)  # known by identity, which is quick to look up
class Reduction:
    """Folding elements into one value.

    Attributes:
        name: what it is called in messages and cache keys.
        combine: ``(a, b) -> c``, associative.
        element: ``x -> value``, applied to each element first.
        result: ``(total, count) -> value``, applied to the total, or None.
        initial: the value over no elements, or None if there is none.
    """

    name: str
    combine: ScalarFunction
    element: ScalarFunction
    result: ScalarFunction | None = None
    initial: float | None = None

    @property
    def key(self) -> str:
        """What a kernel made of this depends on."""
        parts = (self.combine, self.element, self.result)
        return " ".join(part.key if part is not None else "-" for part in parts)


@dataclass(frozen=True, eq=False)  # known by identity, which is quick to look up
class Rowwise:
    """A function of whole rows, such as softmax: reductions along the row, then a value for each element.

    Reduction ``k`` folds ``element(*inputs, *totals of the reductions before it)`` with ``combine``. The element values
    of the last reduction are kept, and the result is ``output(kept, *inputs, *totals)``.

    Attributes:
        name: what it is called in messages and cache keys.
        reductions: pairs of ``(combine, element)``.
        output: the value of each element of the result.
    """

    name: str
    reductions: tuple[tuple[ScalarFunction, ScalarFunction], ...]
    output: ScalarFunction

    @property
    def key(self) -> str:
        """What a kernel made of this depends on."""
        return " ".join(f.key for pair in self.reductions for f in pair) + " " + self.output.key


@dataclass(frozen=True, eq=False)
class Scan:
    """A state that goes along a run of elements, and a value from the state after each of them.

    Attributes:
        name: what it is called in messages and cache keys.
        step: ``(*state, *inputs) -> state``, of one value or several.
        result: ``(*state) -> value``.
        initial: the state before the first element.
    """

    name: str
    step: ScalarFunction
    result: ScalarFunction
    initial: tuple[int, ...]

    @property
    def key(self) -> str:
        """What a kernel made of this depends on."""
        return f"{self.step.key} {self.result.key} {self.initial}"
