"""Copy windows of images to the rows or columns of a matrix, and add rows to the pixels that they came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorlab.kernels.matmul.tile import copy_vector
from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.memory import pointer
from tensorlab.kernels.runtime.records import record_at
from tensorlab.kernels.windows.geometry import Geometry
from tensorlab.kernels.windows.pool import inside

_LANES = 8
"""The elements that are copied at once along a row of windows."""


def copying(dtype: Any) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return ``move(row, pixels, count)``, which copies pixels to a row, and ``blank(row, count)``, which clears it."""

    @jit
    def move(row, pixels, count):
        out, elements = pointer(row, dtype), pointer(pixels, dtype)
        for i in range(count):
            out[i] = elements[i]

    @jit
    def blank(row, count):
        out = pointer(row, dtype)
        for i in range(count):
            out[i] = 0

    return move, blank


def adding(dtype: Any) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return ``move(row, pixels, count)``, which adds a row to pixels, and a function that does nothing."""

    @jit
    def move(row, pixels, count):
        elements, out = pointer(row, dtype), pointer(pixels, dtype)
        for i in range(count):
            out[i] += elements[i]

    @jit
    def blank(row, count):
        pass

    return move, blank


def walk_windows(dtype: Any, makes: Callable[[Any], tuple[Callable[..., None], Callable[..., None]]]) -> Any:
    """Return ``walk(geometry, matrix, images, group, first, count)``, which visits windows, one row of a matrix each.

    A row has the elements of one group of channels, in C order of (row, column, channel) of the window. Windows are
    numbered in C order of (image, down, across).

    Args:
        dtype: the dtype of images and matrix.
        makes: `copying` or `adding`.
    """
    size = dtype.bitwidth // 8
    move, blank = makes(dtype)

    @jit
    def walk(geometry, matrix, images, group, first, count):
        g = record_at(geometry, Geometry)
        height, width, channels, columns = g.height, g.width, g.channels, g.columns
        depth = channels // g.groups
        dilation = g.dilation_across
        run = columns * depth
        pixel = channels * size
        joined = dilation == 1 and g.groups == 1  # the pixels of a row of a window are contiguous
        row, windows = matrix, g.windows_down * g.windows_across
        image = first // windows
        down = (first - image * windows) // g.windows_across
        across = first - image * windows - down * g.windows_across
        for _ in range(count):
            corner = images + image * height * width * pixel + group * depth * size
            x = across * g.stride_across - g.left
            inside = joined and x >= 0 and x + columns <= width
            y = down * g.stride_down - g.top
            for _ in range(g.rows):
                line = corner + (y * width + x) * pixel
                if y < 0 or y >= height:
                    blank(row, run)
                elif inside:
                    move(row, line, run)
                elif joined:
                    start = min(max(-x, 0), columns)
                    end = max(min(width - x, columns), start)
                    blank(row, start * depth)
                    move(row + start * depth * size, line + start * pixel, (end - start) * depth)
                    blank(row + end * depth * size, (columns - end) * depth)
                else:
                    for column in range(columns):
                        at = row + column * depth * size
                        if x + column * dilation < 0 or x + column * dilation >= width:
                            blank(at, depth)
                        else:
                            move(at, line + column * dilation * pixel, depth)
                row += run * size
                y += g.dilation_down
            across += 1
            if across == g.windows_across:
                across = 0
                down += 1
                if down == g.windows_down:
                    down = 0
                    image += 1

    return walk


def copy_transposed(dtype: Any) -> Any:
    """Return ``copy(geometry, matrix, apart, images, group, first, count)``, which copies windows to columns.

    The rows of the matrix, which are ``apart`` elements apart, have one element of each window. So the innermost loop
    runs along a row of windows instead of along a row of one window, which is short if there are few channels.
    """
    size = dtype.bitwidth // 8
    vector = copy_vector(dtype, _LANES)

    @jit
    def copy(geometry, matrix, apart, images, group, first, count):
        g = record_at(geometry, Geometry)
        depth = g.channels // g.groups
        windows = g.windows_down * g.windows_across
        done = 0
        while done < count:  # the windows of one row
            image, within = (first + done) // windows, (first + done) % windows
            down, start = within // g.windows_across, within % g.windows_across
            number = min(g.windows_across - start, count - done)
            for i in range(g.rows):
                y = down * g.stride_down - g.top + i * g.dilation_down
                line = images + ((image * g.height + y) * g.width * g.channels + group * depth) * size
                for j in range(g.columns):
                    x = start * g.stride_across - g.left + j * g.dilation_across
                    low, high = inside(x, g.stride_across, number, g.width)
                    if y < 0 or y >= g.height:
                        low = high = 0
                    for c in range(depth):
                        at = matrix + (((i * g.columns + j) * depth + c) * apart + done) * size
                        out, pixels = pointer(at, dtype), pointer(line + (x * g.channels + c) * size, dtype)
                        for n in range(low):
                            out[n] = 0
                        step = g.channels * g.stride_across
                        if step == 1 and high - low >= _LANES:
                            for n in range(low, high, _LANES):  # the last vector overlaps the one before
                                vector(out, min(n, high - _LANES), pixels, min(n, high - _LANES))
                        else:
                            for n in range(low, high):
                                out[n] = pixels[n * step]
                        for n in range(high, number):
                            out[n] = 0
            done += number

    return copy
