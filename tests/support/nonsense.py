"""Values that no argument expects, and arguments that are usual, for the tests of refusals."""

from __future__ import annotations

from typing import Any

import numpy as np


class Broken:
    """An object that cannot be shown in a message."""

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
"""A usual value for each parameter that does not take a matrix."""
