"""Pooling: the maximum or the sum of each window and channel, and the gradients of both.

The innermost loops run over channels, which are contiguous, so LLVM vectorizes them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from tensorlab.kernels import CHUNK
from tensorlab.kernels.runtime import memory
from tensorlab.kernels.runtime.atomics import closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.lift import storage
from tensorlab.kernels.runtime.memory import pointer
from tensorlab.kernels.runtime.records import record_at
from tensorlab.kernels.runtime.threads import run
from tensorlab.kernels.windows.geometry import Geometry

_ARRAY, _WORD = memory.array_object, types.int64


@jit
def lines_of(g):
    """Return the number of rows of windows in a chunk."""
    work = g.windows_across * g.rows * g.columns * g.channels
    return max(CHUNK // max(work, 1), 1)


@jit
def inside(start, step, count, length):
    """Return the first and the last but one number k in ``range(count)`` for which ``start + k step`` is a pixel."""
    first = min((max(-start, 0) + step - 1) // step, count)
    last = min((max(length - start, 0) + step - 1) // step, count)
    return first, max(last, first)


@kernel
def window_max_kernel(dtype: str) -> Definition:
    """Define the kernel ``k(pool, geometry, result, taps, images)`` of `Backend.window_max` for a dtype."""
    kind, size = storage(dtype), np.int64(np.dtype(dtype).itemsize)
    lowest = np.dtype(dtype).type(-np.inf)

    @jit
    def take(count, best, chosen, pixel, tap):
        """Compare one element of a window with the best ones before it, for all channels."""
        for c in range(count):
            value, before = pixel[c], best[c]
            larger = (value > before) | (value != value) & (before == before)
            best[c] = value if larger else before
            chosen[c] = tap if larger else chosen[c]

    @jit
    def task(chunk, lines, geometry, y, taps, x):
        g = record_at(geometry, Geometry)
        channels, down = g.channels, g.windows_down
        for line in range(chunk * lines, min((chunk + 1) * lines, g.batch * down)):
            image = line // down
            top = (line - image * down) * g.stride_down - g.top
            first, last = inside(top, g.dilation_down, g.rows, g.height)
            for across in range(g.windows_across):
                at = (line * g.windows_across + across) * channels
                best, chosen = pointer(y + at * size, kind), pointer(taps + at * 4, types.int32)
                left = across * g.stride_across - g.left
                start, end = inside(left, g.dilation_across, g.columns, g.width)
                begun = False
                for i in range(first, last):
                    row = (image * g.height + top + i * g.dilation_down) * g.width + left
                    for j in range(start, end):
                        pixel = pointer(x + (row + j * g.dilation_across) * channels * size, kind)
                        tap = types.int32(i * g.columns + j)
                        if begun:
                            take(channels, best, chosen, pixel, tap)
                        else:
                            begun = True
                            for c in range(channels):
                                best[c] = pixel[c]
                                chosen[c] = tap
                if not begun:
                    for c in range(channels):
                        best[c] = lowest
                        chosen[c] = -1

    def window_max(pool, geometry, result, taps, images):
        words = memory.data(memory.address(geometry))
        g = record_at(words, Geometry)
        lines = lines_of(g)
        y, chosen = memory.data(memory.address(result)), memory.data(memory.address(taps))
        x = memory.data(memory.address(images))
        run(pool, (g.batch * g.windows_down + lines - 1) // lines, *closure(task, (lines, words, y, chosen, x)))

    return window_max, (_WORD, _ARRAY, _ARRAY, _ARRAY, _ARRAY)


def _loop(dtype: str, spreads: bool) -> Any:
    """Return ``loop(geometry, line, y, taps, x)``, which visits one row of windows, numbered through all images.

    It adds pixels to windows, or windows to pixels if ``spreads`` is true. Without taps, their address is 0.
    """
    kind, size = storage(dtype), np.int64(np.dtype(dtype).itemsize)

    @jit
    def add(count, window, chosen, pixel, tap):
        for c in range(count):
            if spreads:
                pixel[c] += window[c] if chosen[c] == tap else kind(0)
            else:
                window[c] += pixel[c] if chosen[c] == tap else kind(0)

    @jit
    def add_all(count, window, pixel):
        for c in range(count):
            if spreads:
                pixel[c] += window[c]
            else:
                window[c] += pixel[c]

    @jit
    def loop(geometry, line, y, taps, x):
        g = record_at(geometry, Geometry)
        channels, down = g.channels, g.windows_down
        image = line // down
        top = (line - image * down) * g.stride_down - g.top
        first, last = inside(top, g.dilation_down, g.rows, g.height)
        for across in range(g.windows_across):
            at = (line * g.windows_across + across) * channels
            window, chosen = pointer(y + at * size, kind), pointer(taps + at * 4, types.int32)
            left = across * g.stride_across - g.left
            start, end = inside(left, g.dilation_across, g.columns, g.width)
            if not spreads:
                for c in range(channels):
                    window[c] = 0
            for i in range(first, last):
                row = (image * g.height + top + i * g.dilation_down) * g.width + left
                for j in range(start, end):
                    pixel = pointer(x + (row + j * g.dilation_across) * channels * size, kind)
                    if taps == 0:
                        add_all(channels, window, pixel)
                    else:
                        add(channels, window, chosen, pixel, types.int32(i * g.columns + j))

    return loop


@kernel
def window_sum_kernel(dtype: str) -> Definition:
    """Define the kernel ``k(pool, geometry, result, images, taps)`` of `Backend.window_sum` for a dtype.

    It takes the ``id`` of the array of taps, or 0.
    """
    loop = _loop(dtype, False)

    @jit
    def task(chunk, lines, geometry, y, taps, x):
        g = record_at(geometry, Geometry)
        for line in range(chunk * lines, min((chunk + 1) * lines, g.batch * g.windows_down)):
            loop(geometry, line, y, taps, x)

    def window_sum(pool, geometry, result, images, taps):
        words = memory.data(memory.address(geometry))
        g = record_at(words, Geometry)
        lines = lines_of(g)
        y, x, chosen = memory.data(memory.address(result)), memory.data(memory.address(images)), 0
        if taps != 0:
            chosen = memory.data(taps)
        run(pool, (g.batch * g.windows_down + lines - 1) // lines, *closure(task, (lines, words, y, chosen, x)))

    return window_sum, (_WORD, _ARRAY, _ARRAY, _ARRAY, _WORD)


@kernel
def window_spread_kernel(dtype: str) -> Definition:
    """Define the kernel ``k(pool, geometry, result, outputs, taps)`` of `Backend.window_spread` for a dtype.

    It takes the ``id`` of the array of taps, or 0. A chunk consists of whole images, because windows may overlap.
    """
    kind, size = storage(dtype), np.int64(np.dtype(dtype).itemsize)
    loop = _loop(dtype, True)

    @jit
    def task(chunk, each, geometry, y, taps, x):
        g = record_at(geometry, Geometry)
        pixels = g.height * g.width * g.channels
        for image in range(chunk * each, min((chunk + 1) * each, g.batch)):
            cleared = pointer(x + image * pixels * size, kind)
            for i in range(pixels):
                cleared[i] = 0
            for line in range(image * g.windows_down, (image + 1) * g.windows_down):
                loop(geometry, line, y, taps, x)

    def window_spread(pool, geometry, result, outputs, taps):
        words = memory.data(memory.address(geometry))
        g = record_at(words, Geometry)
        each = max(lines_of(g) // g.windows_down, 1)
        x, y, chosen = memory.data(memory.address(result)), memory.data(memory.address(outputs)), 0
        if taps != 0:
            chosen = memory.data(taps)
        run(pool, (g.batch + each - 1) // each, *closure(task, (each, words, y, chosen, x)))

    return window_spread, (_WORD, _ARRAY, _ARRAY, _ARRAY, _WORD)
