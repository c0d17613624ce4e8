"""Argmax and argmin along the last axis: the index of the first extreme element, or of the first NaN.

A dense row is first reduced to its extreme and then searched for it, both with vector instructions. If the last kept
axis is the dense one, each row is compared with the best elements so far, one strip of columns at a time. All other
layouts are processed element by element.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types

from tensorlab.kernels import CHUNK
from tensorlab.kernels.loops.fold import fold_of
from tensorlab.kernels.loops.reduce import STRIP, TABLE, merge, offset
from tensorlab.kernels.runtime import memory
from tensorlab.kernels.runtime.atomics import closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.convert import convert
from tensorlab.kernels.runtime.lift import lift, storage
from tensorlab.kernels.runtime.memory import MAX_RANK, address_of, number, pointer, scratch
from tensorlab.kernels.runtime.threads import run
from tensorlab.scalars import scalar_function


def _larger(x: float, y: float) -> float:
    larger = y if y > x else x
    return y + x if y != y else larger


def _smaller(x: float, y: float) -> float:
    smaller = y if y < x else x
    return y + x if y != y else smaller


def _itself(x: float) -> float:
    return x


def _beyond_larger(x: float, best: float) -> float:
    return x > best or (x != x and best == best)


def _beyond_smaller(x: float, best: float) -> float:
    return x < best or (x != x and best == best)


_RULES = {"max": (_larger, _beyond_larger), "min": (_smaller, _beyond_smaller)}
"""For each reduction, the function that combines two elements, and the test whether an element replaces the best."""

_SEARCHED = 128
"""The number of elements that are compared at once."""
_MAX_INT32_LENGTH = 1 << 31
"""The length from which the index of an element may not fit into 32 bits."""


def _search(dtype: str) -> Callable[..., Any]:
    """Return ``search(value, count, x_address)``, which finds the first element of a dense row with a value or NaN."""
    kind, read = storage(dtype), convert(dtype, dtype)
    same_width = np.dtype(
        f"int{8 * np.dtype(dtype).itemsize}"
    ).type  # vectors of elements and of flags have equal lanes
    none, one = same_width(0), same_width(1)

    @jit
    def search(value, count, x_address):
        # Stop at the last element even if the value is not found: another thread may write to shared memory meanwhile.
        x = pointer(x_address, kind)
        last = count - 1
        start = 0
        if value != value:
            while start < last and read(x[start]) == read(x[start]):
                start += 1
            return start
        while start + _SEARCHED <= count:  # no branch in the inner loop, so that it is vectorized
            hits = none
            for j in range(_SEARCHED):
                hits |= one if read(x[start + j]) == value else none
            if hits != none:
                break
            start += _SEARCHED
        while start < last and read(x[start]) != value:
            start += 1
        return min(start, last)

    return search  # type: ignore[no-any-return]


def _rows(dtype: str, fold: Callable[..., Any], beyond: Callable[..., Any]) -> Callable[..., Any]:
    """Return the task that reduces some rows, one after another."""
    kind, read, size = storage(dtype), convert(dtype, dtype), np.dtype(dtype).itemsize
    search = _search(dtype)

    @jit
    def rows(chunk, rows_a_chunk, outer, count, kept, kept_axes, step, x_address, y_address):
        y = pointer(y_address, types.int64)
        for index in range(chunk * rows_a_chunk, min((chunk + 1) * rows_a_chunk, outer)):
            base = x_address + offset(index, kept_axes, kept) * size
            if step == 1:
                y[index] = search(fold(count, base), count, base)
                continue
            x = pointer(base, kind)
            best = 0
            for i in range(1, count):
                if beyond(read(x[i * step]), read(x[best * step])):
                    best = i
            y[index] = best

    return rows  # type: ignore[no-any-return]


def _columns(dtype: str, beyond: Callable[..., Any]) -> Callable[..., Any]:
    """Return the task that reduces one strip of dense columns, row by row."""
    kind, read, size = storage(dtype), convert(dtype, dtype), np.dtype(dtype).itemsize
    index_type = storage("int32" if size < 8 else "int64")

    @jit
    def columns(chunk, strips, count, kept, kept_axes, step, x_address, y_address):
        length = pointer(kept, types.int64)[kept_axes - 1]
        first = chunk % strips * STRIP
        width = min(STRIP, length - first)
        index = chunk // strips * length + first
        base = x_address + offset(index, kept_axes, kept) * size
        best = scratch(STRIP, kind)
        where = scratch(STRIP, index_type)
        x = pointer(base, kind)
        for j in range(width):
            best[j] = read(x[j])
            where[j] = index_type(0)
        for i in range(1, count):
            x = pointer(base + i * step * size, kind)
            here = index_type(i)
            for j in range(width):
                value = read(x[j])
                better = beyond(value, best[j])
                best[j] = value if better else best[j]
                where[j] = here if better else where[j]
        y = pointer(y_address, types.int64)
        for j in range(width):
            y[index + j] = where[j]

    return columns  # type: ignore[no-any-return]


@kernel
def arg_reduce_kernel(rule: str, dtype: str) -> Definition:
    """Define the kernel ``k(pool, result, x)`` of argmax or argmin.

    Args:
        rule: "max" or "min".
        dtype: the dtype of ``x``.

    Returns:
        the function and its signature. It takes the pool's address; the result, int64 and C-contiguous, of the shape of
        ``x`` without the last axis; and ``x``, of any strides, with no axis of length 0.
    """
    combine, beyond = (lift(scalar_function(function), dtype) for function in _RULES[rule])
    fold = fold_of(lift(scalar_function(_itself), dtype), combine, dtype, dtype, f"arg_reduce {rule} {dtype}")
    rows, columns = _rows(dtype, fold.run, beyond), _columns(dtype, beyond)
    size = np.int64(np.dtype(dtype).itemsize)

    def launch(pool, y_object, x_object):
        x_array = memory.address(x_object)
        last = memory.rank(x_array) - 1
        kept_table = scratch(TABLE, types.int64)
        kept = address_of(kept_table)
        kept_axes = merge(x_array, size, number(0), last, kept)
        outer = 1
        for axis in range(kept_axes):
            outer *= kept_table[axis]
        count = memory.length(x_array, last)
        step = memory.stride(x_array, last) // size if count > 1 else 1
        length = kept_table[kept_axes - 1]
        x = memory.data(x_array)
        y = memory.data(memory.address(y_object))
        if kept_table[MAX_RANK + kept_axes - 1] == 1 and length > 1 and step != 1 and count < _MAX_INT32_LENGTH:
            strips = (length + STRIP - 1) // STRIP
            of_columns = (strips, count, kept, kept_axes, step, x, y)
            run(pool if outer * count > CHUNK else 0, strips * (outer // length), *closure(columns, of_columns))
        else:
            rows_a_chunk = max(1, CHUNK // count)
            of_rows = (rows_a_chunk, outer, count, kept, kept_axes, step, x, y)
            run(pool, (outer + rows_a_chunk - 1) // rows_a_chunk, *closure(rows, of_rows))

    return launch, (types.int64, *[memory.array_object] * 2)
