"""Convolutions and their gradients, as products of matrices of windows.

The matrix of all windows, with one row for each window, would be many times as large as the images. So a chunk copies a
few hundred windows to a buffer that fits into the second-level cache, and calls the planner of matrix products with it.
Windows of few channels are copied transposed, in long runs.

Chunks depend on shapes only, so results have the same bits for every number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from tensorlab.kernels.matmul.job import Matrix, Table
from tensorlab.kernels.matmul.pack import allocate, release
from tensorlab.kernels.matmul.product import matmul
from tensorlab.kernels.runtime import atomics, memory
from tensorlab.kernels.runtime.atomics import closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.lift import storage
from tensorlab.kernels.runtime.memory import address_of, pointer, scratch
from tensorlab.kernels.runtime.records import record_at
from tensorlab.kernels.runtime.threads import run
from tensorlab.kernels.windows.geometry import Geometry
from tensorlab.kernels.windows.walk import adding, copy_transposed, copying, walk_windows

_BUFFER = 1 << 18
"""The size of the buffer of windows in bytes, a quarter of a usual second-level cache."""
_MAX_WINDOWS = 1024
"""The maximum number of windows in the buffer."""
_MIN_WINDOWS = 96
"""The minimum number of windows in the buffer, if there are enough: products of few rows are slow."""
_CHUNKS = 8
"""The minimum number of chunks, if there are enough windows."""
_MAX_CHANNELS = 2
"""The maximum number of channels of a group for which windows are copied transposed."""
_MIN_ACROSS = 8
"""The minimum number of windows across an image for which they are copied transposed."""
_GAP = 16
"""The unused elements after each row of a transposed matrix, so that the stride is not a power of two."""
_MAX_PARTS, _MAX_BYTES = 32, 1 << 25
"""The maximum number of partial sums of a kernel's gradient, and of bytes of all of them together."""
_MIN_PARTS = 4
"""The number of partial sums of a kernel's gradient that is allowed, however large they are."""
_ELEMENTS = 1 << 13
"""The number of elements of a chunk that adds partial sums."""


@jit
def extent_of(windows, wide, size, height):
    """Return how many windows of ``wide`` elements to copy at once: a multiple of the height of a register tile."""
    most = max(min(max(_BUFFER // (wide * size), _MIN_WINDOWS), _MAX_WINDOWS, windows // _CHUNKS), 1)
    blocks = (windows + most - 1) // most
    return ((windows + blocks - 1) // blocks + height - 1) // height * height


@jit
def none():
    """Return a `Matrix` that does not exist."""
    return Matrix(memory.number(0), memory.number(0), memory.number(0))


@jit
def counted(state, missing):
    """Tell the caller that a chunk is done, or which tasks are missing."""
    if missing != 0:
        atomics.store(state + 8, missing)
    atomics.fetch_add(state, 1)


@jit
def outcome(state, chunks):
    """Return which tasks are missing, or raise if a chunk had no memory."""
    words = pointer(state, types.int64)
    if words[1] != 0:
        return words[1]
    if words[0] != chunks:
        raise MemoryError
    return 0


def copy_windows(dtype: Any) -> Any:
    """Return ``copy(geometry, buffer, images, group, first, count)``, which copies windows to the rows of a matrix.

    It returns the strides between the rows and the columns of the matrix. The buffer has room for `_GAP` more rows.
    """
    walk, walk_transposed = walk_windows(dtype, copying), copy_transposed(dtype)

    @jit
    def copy(geometry, buffer, images, group, first, count):
        g = record_at(geometry, Geometry)
        depth = g.channels // g.groups
        if depth <= _MAX_CHANNELS and g.windows_across >= _MIN_ACROSS:
            apart = count + _GAP
            walk_transposed(geometry, buffer, apart, images, group, first, count)
            return 1, apart
        walk(geometry, buffer, images, group, first, count)
        return g.rows * g.columns * depth, 1

    return copy


@kernel
def convolve_kernel(dtype: str) -> Definition:
    """Define the kernel ``k(pool, table, epilogue, geometry, outputs, product, images, kernel, bias)``: a convolution.

    Args:
        dtype: the dtype of all arrays.

    Returns:
        the function and its signature. It takes the address of the pool, that of the table of tasks (see
        `products.tasks`), that of the epilogue or 0, the words of a `Geometry`, the outputs, the ``id`` of the array
        for the outputs without the epilogue or 0, the images, the kernel, and the ``id`` of a vector, the operand of
        the epilogue, or 0. All arrays are C-contiguous. The result is 0, or the kind of matrix product whose tasks the
        caller has to compile before it tries again.
    """
    kind, size = storage(dtype), np.int64(np.dtype(dtype).itemsize)
    copy = copy_windows(kind)

    @jit
    def task(chunk, state, extent, table, epilogue, geometry, y, z, x, w, p):
        g = record_at(geometry, Geometry)
        filters = g.filters
        inner = filters // g.groups
        wide = g.rows * g.columns * (g.channels // g.groups)
        first = chunk * extent
        count = min(extent, g.batch * g.windows_down * g.windows_across - first)
        buffer = allocate((count + _GAP) * wide * size)
        if buffer == 0:
            return
        missing = 0
        for group in range(g.groups):
            row, col = copy(geometry, buffer, x, group, first, count)
            column = group * inner * size
            at = first * filters * size + column
            to_z = from_p = none()
            if z != 0:
                to_z = Matrix(z + at, filters, 1)
            if p != 0:
                from_p = Matrix(p + column, 0, 1)
            a, b, c = Matrix(buffer, row, col), Matrix(w + column, filters, 1), Matrix(y + at, filters, 1)
            missing = matmul(0, table, epilogue, count, inner, wide, a, b, c, to_z, from_p, none())
            if missing != 0:
                break
        release(buffer)
        counted(state, missing)

    def convolve(pool, table, epilogue, geometry, outputs, product, images, weights, bias):
        words = memory.data(memory.address(geometry))
        g = record_at(words, Geometry)
        windows = g.batch * g.windows_down * g.windows_across
        wide = g.rows * g.columns * (g.channels // g.groups)
        extent = extent_of(windows, wide, size, record_at(table, Table).rows)
        chunks = (windows + extent - 1) // extent
        state = scratch(2, types.int64)
        state[0] = state[1] = 0
        y, x, w = (
            memory.data(memory.address(outputs)),
            memory.data(memory.address(images)),
            memory.data(memory.address(weights)),
        )
        z = p = 0
        if product != 0:
            z = memory.data(product)
        if bias != 0:
            p = memory.data(bias)
        arguments = (address_of(state), extent, table, epilogue, words, y, z, x, w, p)
        run(pool, chunks, *closure(task, arguments))
        return outcome(address_of(state), chunks)

    word, array = types.int64, memory.array_object
    return convolve, (word, word, word, array, array, word, array, array, word)


@kernel
def convolve_weights_kernel(dtype: str) -> Definition:
    """Define the kernel ``k(pool, table, geometry, result, images, outputs)``: a convolution's gradient of its kernel.

    The arguments and the result are those of `convolve_kernel`, where ``outputs`` is the gradient of the outputs, and
    ``result`` has the shape of the kernel. Windows are divided into parts, each with a partial sum.

    Args:
        dtype: the dtype of all arrays.
    """
    kind, size = storage(dtype), np.int64(np.dtype(dtype).itemsize)
    copy = copy_windows(kind)

    @jit
    def task(part, state, extent, parts, table, geometry, sums, x, y):
        g = record_at(geometry, Geometry)
        filters = g.filters
        inner = filters // g.groups
        wide = g.rows * g.columns * (g.channels // g.groups)
        windows = g.batch * g.windows_down * g.windows_across
        blocks = (windows + extent - 1) // extent
        total = sums + part * wide * filters * size
        buffer = allocate((extent + _GAP) * wide * size)
        product = allocate(wide * filters * size)
        if buffer == 0 or product == 0:
            release(buffer)
            release(product)
            return
        missing = 0
        start = blocks * part // parts
        for block in range(start, blocks * (part + 1) // parts):
            first = block * extent
            count = min(extent, windows - first)
            target = total if block == start else product
            for group in range(g.groups):
                row, col = copy(geometry, buffer, x, group, first, count)
                column = group * inner * size
                a, c = Matrix(buffer, col, row), Matrix(target + column, filters, 1)
                b = Matrix(y + first * filters * size + column, filters, 1)
                missing = matmul(0, table, 0, wide, inner, count, a, b, c, none(), none(), none())
                if missing != 0:
                    break
            if missing != 0:
                break
            if block != start:
                into, added = pointer(total, kind), pointer(product, kind)
                for i in range(wide * filters):
                    into[i] += added[i]
        release(buffer)
        release(product)
        counted(state, missing)

    @jit
    def add(chunk, parts, elements, result, sums):
        out, terms = pointer(result, kind), pointer(sums, kind)
        first = chunk * _ELEMENTS
        end = min(first + _ELEMENTS, elements)
        for i in range(first, end):
            out[i] = terms[i]
        for part in range(1, parts):
            for i in range(first, end):
                out[i] += terms[part * elements + i]

    def convolve_weights(pool, table, geometry, result, images, outputs):
        words = memory.data(memory.address(geometry))
        g = record_at(words, Geometry)
        windows = g.batch * g.windows_down * g.windows_across
        wide = g.rows * g.columns * (g.channels // g.groups)
        elements = wide * g.filters
        extent = extent_of(windows, wide, size, record_at(table, Table).rows)
        blocks = (windows + extent - 1) // extent
        parts = min(blocks, min(max(_MAX_BYTES // (elements * size), _MIN_PARTS), _MAX_PARTS))
        out = memory.data(memory.address(result))
        x, y = memory.data(memory.address(images)), memory.data(memory.address(outputs))
        sums = out
        if parts > 1:
            sums = allocate(parts * elements * size)
            if sums == 0:
                raise MemoryError
        state = scratch(2, types.int64)
        state[0] = state[1] = 0
        arguments = (address_of(state), extent, parts, table, words, sums, x, y)
        run(pool, parts, *closure(task, arguments))
        if parts > 1:
            if state[0] == parts and state[1] == 0:
                run(pool, (elements + _ELEMENTS - 1) // _ELEMENTS, *closure(add, (parts, elements, out, sums)))
            release(sums)
        return outcome(address_of(state), parts)

    word, array = types.int64, memory.array_object
    return convolve_weights, (word, word, array, array, array, array)


@kernel
def convolve_images_kernel(dtype: str) -> Definition:
    """Define the kernel ``k(pool, table, geometry, result, outputs, kernel)``: a convolution's gradient of its images.

    The arguments and the result are those of `convolve_kernel`, where ``outputs`` is the gradient of the outputs, and
    ``result`` has the shape of the images. A chunk computes the gradients of windows, and adds them to whole images.

    Args:
        dtype: the dtype of all arrays.
    """
    kind, size = storage(dtype), np.int64(np.dtype(dtype).itemsize)
    walk = walk_windows(kind, adding)

    @jit
    def task(chunk, state, extent, each, table, geometry, x, y, transposed):
        g = record_at(geometry, Geometry)
        filters = g.filters
        inner = filters // g.groups
        wide = g.rows * g.columns * (g.channels // g.groups)
        windows = g.windows_down * g.windows_across
        start = chunk * each
        end = min(start + each, g.batch)
        pixels = g.height * g.width * g.channels
        cleared = pointer(x + start * pixels * size, kind)
        for i in range((end - start) * pixels):
            cleared[i] = 0
        buffer = allocate(extent * wide * size)
        if buffer == 0:
            return
        missing = 0
        for first in range(start * windows, end * windows, extent):
            count = min(extent, end * windows - first)
            for group in range(g.groups):
                a = Matrix(y + (first * filters + group * inner) * size, filters, 1)
                b, c = Matrix(transposed + group * inner * wide * size, wide, 1), Matrix(buffer, wide, 1)
                missing = matmul(0, table, 0, count, wide, inner, a, b, c, none(), none(), none())
                if missing != 0:
                    break
                walk(geometry, buffer, x, group, first, count)
            if missing != 0:
                break
        release(buffer)
        counted(state, missing)

    def convolve_images(pool, table, geometry, result, outputs, weights):
        words = memory.data(memory.address(geometry))
        g = record_at(words, Geometry)
        filters = g.filters
        windows = g.windows_down * g.windows_across
        wide = g.rows * g.columns * (g.channels // g.groups)
        transposed = allocate(wide * filters * size)
        if transposed == 0:
            raise MemoryError
        given, made = pointer(memory.data(memory.address(weights)), kind), pointer(transposed, kind)
        for f in range(filters):
            for i in range(wide):
                made[f * wide + i] = given[i * filters + f]
        extent = extent_of(g.batch * windows, wide, size, record_at(table, Table).rows)
        each = max(extent // windows, 1)
        extent = min(extent, each * windows)
        chunks = (g.batch + each - 1) // each
        state = scratch(2, types.int64)
        state[0] = state[1] = 0
        x, y = memory.data(memory.address(result)), memory.data(memory.address(outputs))
        arguments = (address_of(state), extent, each, table, words, x, y, transposed)
        run(pool, chunks, *closure(task, arguments))
        release(transposed)
        return outcome(address_of(state), chunks)

    word, array = types.int64, memory.array_object
    return convolve_images, (word, word, array, array, array, array)
