"""Calls with one invalid argument, for tests of error messages."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np


class Broken:
    """An object whose ``repr`` raises an exception."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


HUGE = 10**5000
"""An integer with more digits than Python converts to text."""
HOSTILE = [None, "abc", Broken(), 10**30, HUGE, float("nan"), -1, [[1.0], [1.0, 2.0]], {1}, b"x", int, np.ones(2)]
X = np.ones((3, 3), "float32")
USUAL: dict[str, Any] = {
    "arrays": [X, X],
    "axes": (1, 0),
    "axis": 0,
    "condition": X > 0,
    "config": {},
    "data": (X, X),
    "device": "cpu",
    "dtype": "float32",
    "fill_value": 1.0,
    "function": lambda a: a * 2,
    "index": 0,
    "indices": np.array([0, 1]),
    "n": 3,
    "name": "a",
    "rate": 0.5,
    "repeats": 2,
    "shape": (3, 3),
    "start": 0,
    "stop": 3,
    "units": 3,
    "variables": [],
}
"""Valid values by the name of the parameter; other parameters accept the matrix `X`."""


def invalid_calls(parameters: list[inspect.Parameter]) -> Iterator[tuple[str, Any, list[Any], dict[str, Any]]]:
    """Yield the name and value of one hostile argument, and the arguments of a call with it."""
    for wrong in parameters:
        for value in HOSTILE:
            args: list[Any] = []
            kwargs: dict[str, Any] = {}
            for each in parameters:
                usual = USUAL.get(each.name, X) if each.default is each.empty else each.default
                if each.kind is not each.KEYWORD_ONLY:
                    args.append(value if each is wrong else usual)
                elif each is wrong or each.default is each.empty:
                    kwargs[each.name] = value if each is wrong else usual
            yield wrong.name, value, args, kwargs
