"""An array in every memory layout, random numbers of every dtype, and odd shapes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

SHAPES: tuple[tuple[int, ...], ...] = (
    *((), (1,), (7,), (65,), (3, 5), (1, 9), (9, 1), (2, 3, 4), (5, 1, 3), (2, 1, 3, 2), (2, 2, 1, 3, 2)),
    *((0,), (0, 4), (4, 0, 3)),
)
"""Odd shapes of rank 0 to 5, with lengths of 0 and 1."""

SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.5, 1e-30, 3e38], np.float32)

# Tests of a slow backend set both of these.
LARGEST = 1 << 40
"""The maximum number of elements of an array, or of multiplications in a product."""

choose: Callable[[list[str]], Iterable[str]] = list
"""Selects the layouts to test."""


def sizes(*shapes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the shapes that are small enough."""
    return [shape for shape in shapes if math.prod(shape) <= LARGEST]


def layouts(array: Array) -> dict[str, Array]:
    """Return arrays with the same elements in different layouts, some of them inside a larger array."""
    backwards = (..., *[slice(None, None, -1)] * array.ndim)
    roomy = np.full([2 * length + 3 for length in array.shape], np.nan if array.dtype.kind == "f" else 1, array.dtype)
    inside = roomy[(..., *[slice(1, -2, 2)] * array.ndim)]
    inside[...] = array
    laid = {
        "rows": np.ascontiguousarray(array).reshape(array.shape),
        "columns": np.array(array, order="F"),
        "reversed": np.array(array[backwards], order="C")[backwards],
        "every second": inside,
        "exchanged": np.moveaxis(np.array(np.moveaxis(array, 0, -1), order="C"), -1, 0) if array.ndim else array,
    }
    return {name: laid[name] for name in choose(list(laid))}


def numbers(rng: np.random.Generator, shape: Sequence[int], dtype: str = "float64") -> Array:
    """Return random numbers: normal ones, or integers of both signs that fit into a byte."""
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0 if dtype[0] == "u" else -100, 100, shape).astype(dtype)


def subsets(rank: int) -> Iterable[tuple[int, ...]]:
    return itertools.chain.from_iterable(itertools.combinations(range(rank), count) for count in range(rank + 1))
