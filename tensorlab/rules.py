"""Rules: what a plain-Python function of numbers is meant for, and so which loop it is lifted into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorlab.arguments import advice
from tensorlab.errors import ArgumentError
from tensorlab.scalars import ScalarFunction


def finite(who: str, value: Any) -> float:
    """A hyperparameter.

    Raises:
        ArgumentError: unless it is a finite number.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
        raise ArgumentError(who, "a finite number", repr(value))
    return float(value)


def hyperparameters(who: str, defaults: Mapping[str, float], given: Mapping[str, Any]) -> dict[str, float]:
    """The defaults of a scalar function, with those in place of them that are given.

    Raises:
        ArgumentError: for one that it does not have, or that is not a finite number.
    """
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        known = f"hyperparameters among: {', '.join(defaults) or 'none'}"
        raise ArgumentError(who, known, ", ".join(unknown), advice(unknown[0], defaults))
    return {name: finite(f"{who} {name}", value) for name, value in {**defaults, **given}.items()}


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
