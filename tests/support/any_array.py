"""Hypothesis strategies for arrays of every dtype, rank 0 to 8, any memory layout, with empty axes and special values.

The property tests of operations use them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies

Array = np.ndarray[Any, Any]
Case = tuple[Any, Any]  # the results of tensorlab and of NumPy

DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64")
SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e30, 1e-30)


def unaligned(array: Array) -> Array:
    memory = np.empty(array.nbytes + 1, np.uint8)
    view = memory[1 : 1 + array.nbytes].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def read_only(array: Array) -> Array:
    array = array.copy()
    array.flags.writeable = False
    return array


def stretched(array: Array) -> Array:
    """Return the array with a stride of 0 along the last axis."""
    return np.broadcast_to(array[..., :1], array.shape) if array.ndim and array.shape[-1] else array


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "reversed": lambda array: array[(slice(None, None, -1),) * array.ndim],
    "every second": lambda array: np.repeat(array, 2, -1)[..., ::2] if array.ndim else array,
    "stretched": stretched,
    "read-only": read_only,
    "unaligned": unaligned,
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
}


@st.composite
def shapes(draw: st.DrawFn, ranks: tuple[int, int] = (0, 8)) -> tuple[int, ...]:
    low, high = ranks
    rank = draw(st.integers(low, high))
    longest = {0: 0, 1: 9, 2: 6, 3: 4}.get(rank, 2)
    return draw(st.tuples(*[st.integers(0 if draw(st.booleans()) else 1, longest)] * rank))


@st.composite
def arrays(
    draw: st.DrawFn,
    ranks: tuple[int, int] = (0, 8),
    dtypes: tuple[str, ...] = DTYPES,
    shape: tuple[int, ...] | None = None,
    special: bool = True,
) -> Array:
    """Draw an array. Without special values, floating-point numbers are small integers, with exact sums."""
    shape = draw(shapes(ranks)) if shape is None else shape
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    if dtype.kind == "f":
        whole = st.integers(-4, 4).map(float)
        few: Any = st.one_of(st.sampled_from(SPECIAL), whole) if special else whole
    else:  # few distinct values, for ties; and the limits of the range
        limits = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        few = st.one_of(st.sampled_from(limits), st.integers(max(limits[0], -3), min(limits[1], 3)))
    array = draw(numpy_strategies.arrays(dtype, shape, elements=few))
    laid = LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))](array)
    return laid.reshape(shape)


def axis_of(data: st.DataObject, array: Array) -> int:
    return data.draw(st.integers(-array.ndim, array.ndim - 1))


def axes_of(data: st.DataObject, array: Array) -> Any:
    axes = st.lists(st.integers(0, max(array.ndim - 1, 0)), unique=True, max_size=array.ndim)
    chosen = data.draw(st.one_of(st.none(), axes.map(tuple)))
    return tuple(a - array.ndim if data.draw(st.booleans()) else a for a in chosen) if chosen else chosen


def plain(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder("="))


def indices_of(data: st.DataObject, length: int, shape: tuple[int, ...]) -> Array:
    return data.draw(numpy_strategies.arrays(np.int64, shape, elements=st.integers(-length, length - 1)))
