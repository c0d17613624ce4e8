"""The reduction kernel: reduce an array over any of its axes.

The array arrives with the kept axes first and the reduced axes last. The reduced elements are cut into blocks of fixed
size. One thread reduces a block, and the blocks of one result are combined pairwise, so the order of a sum depends only
on the shape and the strides. If the last kept axis is dense, whole rows are accumulated elementwise, several at once if
they are narrow. Otherwise several blocks are reduced together, each as one run, which is copied to a dense buffer first
if it is not dense.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types

from tensorlab.kernels import CHUNK
from tensorlab.kernels.loops.fold import Fold, fold_of
from tensorlab.kernels.loops.lanes import AT_ONCE, accumulate, folded_matrix, folded_rows, lanes_of
from tensorlab.kernels.matmul.pack import allocate, release
from tensorlab.kernels.matmul.tile import transpose_block
from tensorlab.kernels.runtime import memory
from tensorlab.kernels.runtime.atomics import closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.convert import convert
from tensorlab.kernels.runtime.lift import lift, storage
from tensorlab.kernels.runtime.memory import MAX_RANK, address_of, number, pointer, scratch
from tensorlab.kernels.runtime.threads import run
from tensorlab.rules import Reduction

JOINS = 16
"""The number of accumulations into one lane per block of a run, as few as in a block of NumPy's pairwise sums."""

GROUP = 16
"""The number of runs that are reduced together: a multiple of the number of lanes for every dtype."""

ROWS = 256
"""The number of rows in a block that is reduced row by row."""

STRIP = 256
"""The number of columns that are reduced together, row by row."""


TABLE = 2 * MAX_RANK
"""The number of words in the table of `merge`."""


@jit
def merge(array, size, first, last, table_address):
    """Merge the axes from ``first`` up to, but not including, ``last``, and return the number of merged axes.

    The table receives `MAX_RANK` lengths, then as many strides in elements.
    """
    table = memory.pointer(table_address, types.int64)
    axes = 0
    for axis in range(first, last):
        extent = memory.length(array, axis)
        step = memory.stride(array, axis) // size
        if extent == 1:
            continue
        if axes > 0 and table[MAX_RANK + axes - 1] == step * extent:
            table[axes - 1] *= extent
            table[MAX_RANK + axes - 1] = step
        else:
            table[axes] = extent
            table[MAX_RANK + axes] = step
            axes += 1
    if axes == 0:
        table[0] = 1
        table[MAX_RANK] = 1
        axes = 1
    return axes


@jit
def offset(index, axes, table_address):
    """Return the offset, in elements, of the element with this flat index."""
    table = memory.pointer(table_address, types.int64)
    distance = 0
    for axis in range(axes - 1, 0, -1):
        distance += index % table[axis] * table[MAX_RANK + axis]
        index //= table[axis]
    return distance + index * table[MAX_RANK]


@jit
def last_address(start, axes, table_address, size):
    """Return the largest address of an element of an array that starts at an address."""
    table = memory.pointer(table_address, types.int64)
    for axis in range(axes):
        start += max(table[MAX_RANK + axis], 0) * (table[axis] - 1) * size
    return start


def _runs(fold: Fold, lanes: int, block: int, finish: Callable[..., Any], output: str) -> Callable[..., Any]:
    """Return the task that reduces blocks of about ``block`` elements, each as one run.

    Each run of a group is first reduced to a row of lanes, and then the lanes of all runs are combined with vector
    instructions. A run shorter than a row only fills a part of it; such rows are transposed, and the missing lanes left
    out.
    """
    kind, compute, size = fold.input, fold.compute, fold.size
    fold_run, both = fold.run, fold.both
    y_type, stored = storage(output), convert(None, output)
    total_size = np.int64(compute.bitwidth // 8)
    transpose = transpose_block(compute, lanes)
    most, rows_size, most_present = block + lanes, GROUP * lanes, lanes - 1
    columns_size = GROUP + rows_size  # `accumulate` reads the row before the first, and ignores it

    @jit
    def gather(start, stop, x, axes, table, gathered):
        # Copy one run after another along the last axis.
        last = pointer(table, types.int64)[axes - 1]
        step = pointer(table, types.int64)[MAX_RANK + axes - 1]
        done = start
        while done < stop:
            first = offset(done, axes, table)
            count = min(last - done % last, stop - done)
            for i in range(count):
                gathered[done - start + i] = x[first + i * step]
            done += count

    @jit
    def lane(index, columns):
        return columns[index]

    @jit
    def runs(chunk, units, blocks, outer, count, kept, kept_axes, reduced, axes, partial_address, y_address, x, end):
        gathered = scratch(most, kind)
        rows = scratch(rows_size, compute)
        columns = scratch(columns_size, compute)
        totals = scratch(GROUP, compute)
        dense = axes == 1 and pointer(reduced, types.int64)[MAX_RANK] == 1
        alike = dense and blocks == 1 and kept_axes == 1
        apart = pointer(kept, types.int64)[MAX_RANK] * size
        last = min((chunk + 1) * units, outer * blocks)
        for first in range(chunk * units, last, GROUP):
            valid = min(GROUP, last - first)
            row = 0
            while row < valid:
                unit = first + row
                index, at = (unit, 0) if blocks == 1 else (unit % outer, unit // outer)
                start = x + offset(index, kept_axes, kept) * size
                length = count - at * block if at == blocks - 1 else block
                from_run = start + at * block * size
                room = end - max(length, lanes) * size - from_run
                # A run shorter than a row is read beyond its end; the last ones of an array are copied first.
                together = valid if alike and max(apart, 0) * (valid - 1) <= room and row == 0 else 1
                if not dense or room < 0:
                    gather(at * block, at * block + length, pointer(start, kind), axes, reduced, gathered)
                    from_run = address_of(gathered)
                target = pointer(address_of(rows) + row * lanes * total_size, compute)
                fold_run(length, together, apart, from_run, target)
                row += together
            if count >= lanes:
                folded_matrix(both, rows, columns, totals, GROUP, lanes)
            else:
                for row in range(0, GROUP, lanes):
                    target = pointer(address_of(columns) + (GROUP + row) * total_size, compute)
                    transpose(target, GROUP, pointer(address_of(rows) + row * lanes * total_size, compute), lanes)
                accumulate(totals, GROUP, True, None, lane, both, most_present, count, GROUP, GROUP, (columns,), None)
            if blocks == 1:
                y = pointer(y_address, y_type)
                for row in range(valid):
                    y[first + row] = stored(finish(totals[row], compute(count)))
            else:
                partial = pointer(partial_address, compute)
                for row in range(valid):
                    partial[first + row] = totals[row]

    return runs  # type: ignore[no-any-return]


def _columns(fold: Fold) -> Callable[..., Any]:
    """Return the task that reduces one strip of dense columns of one block of rows, row by row.

    The last block has ``rest`` elements of one more row, if that is not 0.
    """
    kind, compute, size = fold.input, fold.compute, fold.size
    at, both = fold.at, fold.both

    @jit
    def add_rows(total, width, x_address, step, first):
        # combine the rows pairwise, then add them to the total
        x = pointer(x_address, kind)
        for j in range(width):
            value = folded_rows(at, both, AT_ONCE, None, 0, j, step, (x,), None)
            total[j] = value if first else both(total[j], value)

    @jit
    def add_row(total, width, x_address, first):
        x = pointer(x_address, kind)
        for j in range(width):
            value = at(j, x)
            total[j] = value if first else both(total[j], value)

    @jit
    def columns(chunk, strips, blocks, outer, count, rest, kept, kept_axes, reduced, axes, partial_address, x_address):
        strip = chunk % strips
        block = chunk // strips % blocks
        length = pointer(kept, types.int64)[kept_axes - 1]
        row = chunk // strips // blocks
        width = min(STRIP, length - strip * STRIP)
        index = row * length + strip * STRIP
        base = x_address + offset(index, kept_axes, kept) * size
        total = scratch(STRIP, compute)
        start = block * ROWS
        stop = min(start + ROWS, count) + (rest > 0 and block == blocks - 1)
        step = pointer(reduced, types.int64)[MAX_RANK + axes - 1]
        last = pointer(reduced, types.int64)[axes - 1]
        i = start
        while i < stop:
            from_row = base + offset(i, axes, reduced) * size
            if i + AT_ONCE <= stop and i % last + AT_ONCE <= last:
                add_rows(total, width, from_row, step, i == start)
                i += AT_ONCE
            else:
                add_row(total, width if i < count else rest, from_row, i == start)
                i += 1
        partial = pointer(partial_address, compute)
        for j in range(width):
            partial[block * outer + index + j] = total[j]

    return columns  # type: ignore[no-any-return]


@kernel
def reduce_kernel(rule: Reduction, compute: str, input: str, output: str) -> Definition:
    """Define the kernel ``k(pool, rank, result, x)`` of a reduction.

    Args:
        rule: the reduction.
        compute: the dtype of the computation.
        input: the dtype of ``x``.
        output: the dtype of the result.

    Returns:
        the function and its signature. It takes the pool's address, the number of kept axes, and both arrays. ``x`` has
        the kept axes first and the reduced axes last, none of length 0; the result is C-contiguous.
    """
    name = f"reduce {rule.name} {compute} {input} {output}"
    fold = fold_of(lift(rule.element, compute), lift(rule.combine, compute), compute, input, name, to_lanes=True)
    both, total_type = fold.both, fold.compute
    finish = lift(rule.result, compute) if rule.result is not None else _total
    lanes = lanes_of(compute)
    block = JOINS * AT_ONCE * lanes
    runs, columns = _runs(fold, lanes, block, finish, output), _columns(fold)
    size, total_size = np.int64(fold.size), np.int64(np.dtype(compute).itemsize)
    y_type, stored = storage(output), convert(None, output)

    def launch(pool, rank, y_object, x_object):
        y_array = memory.address(y_object)
        x_array = memory.address(x_object)
        kept_table = scratch(TABLE, types.int64)
        reduced_table = scratch(TABLE, types.int64)
        kept = address_of(kept_table)
        reduced = address_of(reduced_table)
        x = memory.data(x_array)
        kept_axes = merge(x_array, size, number(0), rank, kept)
        axes = merge(x_array, size, rank, memory.rank(x_array), reduced)
        outer = 1
        for axis in range(kept_axes):
            outer *= kept_table[axis]
        count = 1
        for axis in range(axes):
            count *= reduced_table[axis]
        length = kept_table[kept_axes - 1]
        dense_rows = (
            kept_table[MAX_RANK + kept_axes - 1] == 1 and length > 1 and reduced_table[MAX_RANK + axes - 1] != 1
        )
        # Narrow rows that follow each other in memory are joined to rows of several vectors. The last ones, too few for
        # that, are the beginning of one more row.
        rows, joined, rest = count, 1, 0
        if dense_rows and kept_axes == axes == 1 and reduced_table[MAX_RANK] == length:
            most = STRIP // (length * lanes) * lanes
            if 0 < most <= count:
                rows, joined, rest = count // most, most, count % most * length
                length = outer = most * length
                kept_table[0] = reduced_table[MAX_RANK] = length
                reduced_table[0] = rows
        # the last block of a run has at least a row of lanes, unless it is the only one
        blocks = (rows + ROWS - 1) // ROWS if dense_rows else max((count + block - lanes) // block, 1)
        y = memory.data(y_array)
        partial = 0  # with one block per run, its value is the final result
        if dense_rows or blocks > 1:
            partial = allocate(outer * blocks * total_size)
            if partial == 0:
                raise MemoryError
        if dense_rows:
            strips = (length + STRIP - 1) // STRIP
            of_columns = (strips, blocks, outer, rows, rest, kept, kept_axes, reduced, axes, partial, x)
            # small arrays do not justify another thread
            run(pool if outer * rows > CHUNK else 0, strips * blocks * (outer // length), *closure(columns, of_columns))
        else:
            units = max(1, CHUNK // min(count, block))
            end = last_address(x, kept_axes, kept, size) + last_address(0, axes, reduced, size) + size
            of_runs = (units, blocks, outer, count, kept, kept_axes, reduced, axes, partial, y, x, end)
            run(pool, (outer * blocks + units - 1) // units, *closure(runs, of_runs))
        if partial != 0:
            values = pointer(partial, total_type)
            blocks, outer = blocks * joined, outer // joined
            while blocks > 1:
                half = (blocks + 1) // 2
                for i in range((blocks - half) * outer):
                    values[i] = both(values[i], values[half * outer + i])
                blocks = half
            results = pointer(y, y_type)
            for i in range(outer):
                results[i] = stored(finish(values[i], total_type(count)))
            release(partial)

    return launch, (*[types.int64] * 2, *[memory.array_object] * 2)


@jit
def _total(total, count):
    return total
