"""The gradient of a kernel of 3 × 3 by Winograd's method, with 4/9 of the multiplications.

The method is linear in the kernel, so its transpose computes the gradient: ``Gᵀ (Σ Bᵀ X B ⊙ A Y Aᵀ) G``, where X are
the 4 × 4 pixels of a tile and Y the gradient of its 2 × 2 outputs (see `transforms`). The sum over tiles is 16 products
of matrices of (channels, tiles) and (tiles, filters). Tiles are divided into parts, each with a sum of its own. If the
kernel is large and tiles are few, sums would take longer than products: then each chunk is one product of all tiles.

An infinite or NaN pixel or gradient makes the gradient of all nine weights of its channel or filter NaN or infinite.
"""

from __future__ import annotations

import numpy as np
from numba import types

from tensorlab.kernels.matmul.caches import LINE
from tensorlab.kernels.matmul.job import Matrix, Table
from tensorlab.kernels.matmul.pack import allocate, release
from tensorlab.kernels.matmul.product import matmul
from tensorlab.kernels.runtime import memory
from tensorlab.kernels.runtime.atomics import closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.lift import storage
from tensorlab.kernels.runtime.memory import address_of, pointer, scratch
from tensorlab.kernels.runtime.records import record_at
from tensorlab.kernels.runtime.threads import run
from tensorlab.kernels.windows.convolve import counted, none, outcome
from tensorlab.kernels.windows.geometry import Geometry
from tensorlab.kernels.windows.transforms import (
    OF_IMAGES,
    OF_KERNEL,
    OF_PRODUCTS,
    VECTOR,
    cleared,
    patch,
    spaced,
    transform,
    transposed,
)
from tensorlab.kernels.windows.winograd import ELEMENTS, aligned, extent_of, spacing, tiles_of

_MAX_PARTS, _MAX_BYTES = 32, 1 << 25
"""The maximum number of partial sums, and of bytes of all of them together."""
_MIN_PARTS = 4
"""The number of partial sums that is allowed, however large they are."""
_LARGE = 16
"""How many times as large as the transformed kernel all transformed tiles may be, for products of all tiles."""


@kernel
def winograd_weights_kernel(dtype: str) -> Definition:
    """Define the kernel ``k(pool, table, geometry, result, images, outputs)``: a convolution's gradient of its kernel.

    The arguments and the result are those of `convolve_weights_kernel`.

    Args:
        dtype: the dtype of all arrays.
    """
    kind, size = storage(dtype), np.int64(np.dtype(dtype).itemsize)
    of_images = transform(kind, OF_IMAGES)
    of_outputs, of_sums = (transform(kind, transposed(each)) for each in (OF_PRODUCTS, OF_KERNEL))

    @jit
    def gather(g, first, count, v, v_apart, t, t_apart, x, y, outside):
        """Transform the pixels and the gradients of the outputs of some tiles."""
        _, each, across = tiles_of(g)
        sources, targets, check = scratch(16, types.int64), scratch(16, types.int64), scratch(VECTOR, kind)
        pixel, element = g.channels * size, g.filters * size
        for n in range(count):
            image, within = (first + n) // each, (first + n) % each
            down, right = within // across * 2, within % across * 2
            of_image = x + image * g.height * g.width * pixel
            patch(sources, 4, of_image, g.height, g.width, pixel, down - g.top, right - g.left, outside)
            spaced(targets, 16, v + n * pixel, v_apart)
            of_images(sources, targets, g.channels, check)
            of_image = y + image * g.windows_down * g.windows_across * element
            patch(sources, 2, of_image, g.windows_down, g.windows_across, element, down, right, outside)
            spaced(targets, 16, t + n * element, t_apart)
            of_outputs(sources, targets, g.filters, check)

    @jit
    def gather_task(chunk, extent, geometry, v, v_apart, t, t_apart, x, y, outside):
        g = record_at(geometry, Geometry)
        first = chunk * extent
        count = min(extent, tiles_of(g)[0] - first)
        own_v, own_t = v + first * g.channels * size, t + first * g.filters * size
        gather(g, first, count, own_v, v_apart, own_t, t_apart, x, y, outside)

    @jit
    def product_task(i, state, table, geometry, sums, apart, v, v_apart, t, t_apart):
        g = record_at(geometry, Geometry)
        m, n, k = g.channels, g.filters, tiles_of(g)[0]
        a, b = Matrix(v + i * v_apart, 1, m), Matrix(t + i * t_apart, n, 1)
        c = Matrix(sums + i * apart, n, 1)
        counted(state, matmul(0, table, 0, m, n, k, a, b, c, none(), none(), none()))

    @jit
    def task(part, state, extent, parts, table, geometry, sums, apart, outside, x, y):
        g = record_at(geometry, Geometry)
        channels, filters = g.channels, g.filters
        elements = channels * filters
        tiles, _, _ = tiles_of(g)
        blocks = (tiles + extent - 1) // extent
        v_apart, t_apart = spacing(extent * channels, size), spacing(extent * filters, size)
        buffer = allocate(16 * (v_apart + t_apart) + elements * size + 2 * LINE)
        if buffer == 0:
            return
        v = aligned(buffer)
        t = v + 16 * v_apart
        product = t + 16 * t_apart
        start = blocks * part // parts
        missing = 0
        for block in range(start, blocks * (part + 1) // parts):
            count = min(extent, tiles - block * extent)
            gather(g, block * extent, count, v, v_apart, t, t_apart, x, y, outside)
            for i in range(16):
                total = sums + (part * 16 + i) * apart
                target = total if block == start else product
                a, b = Matrix(v + i * v_apart, 1, channels), Matrix(t + i * t_apart, filters, 1)
                c = Matrix(target, filters, 1)
                missing = matmul(0, table, 0, channels, filters, count, a, b, c, none(), none(), none())
                if missing != 0:
                    break
                if block != start:
                    into, added = pointer(total, kind), pointer(product, kind)
                    for j in range(elements):
                        into[j] += added[j]
            if missing != 0:
                break
        release(buffer)
        counted(state, missing)

    @jit
    def finish(chunk, chunks, elements, parts, sums, apart, result):
        first = elements * chunk // chunks
        count = elements * (chunk + 1) // chunks - first
        sources, targets, check = scratch(16, types.int64), scratch(9, types.int64), scratch(VECTOR, kind)
        spaced(sources, 16, sums + first * size, apart)
        for part in range(1, parts):
            for i in range(16):
                total, added = pointer(sources[i], kind), pointer(sources[i] + part * 16 * apart, kind)
                for j in range(count):
                    total[j] += added[j]
        spaced(targets, 9, result + first * size, elements * size)
        of_sums(sources, targets, count, check)

    def winograd_weights(pool, table, geometry, result, images, outputs):
        words = memory.data(memory.address(geometry))
        g = record_at(words, Geometry)
        elements = g.channels * g.filters
        apart = spacing(elements, size)
        tiles, _, _ = tiles_of(g)
        extent = extent_of(tiles, size, g, record_at(table, Table).rows)
        blocks = (tiles + extent - 1) // extent
        parts = min(blocks, min(max(_MAX_BYTES // (16 * apart), _MIN_PARTS), _MAX_PARTS))
        tiles_room = 0
        v_apart, t_apart = spacing(tiles * g.channels, size), spacing(tiles * g.filters, size)
        large = tiles * (g.channels + g.filters) <= _LARGE * elements
        if large:
            parts, tiles_room = 1, 16 * (v_apart + t_apart) + LINE
        outside = max(g.channels, g.filters)
        room = allocate(parts * 16 * apart + tiles_room + outside * size + LINE)
        if room == 0:
            raise MemoryError
        sums = aligned(room)
        v = aligned(sums + parts * 16 * apart)
        t = v + 16 * v_apart
        zeros = sums + parts * 16 * apart + tiles_room
        cleared(zeros, outside, kind)
        state = scratch(2, types.int64)
        state[0] = state[1] = 0
        x, y = memory.data(memory.address(images)), memory.data(memory.address(outputs))
        if large:
            done = 16
            run(pool, blocks, *closure(gather_task, (extent, words, v, v_apart, t, t_apart, x, y, zeros)))
            arguments = (address_of(state), table, words, sums, apart, v, v_apart, t, t_apart)
            run(pool, done, *closure(product_task, arguments))
        else:
            done = parts
            run(pool, done, *closure(task, (address_of(state), extent, parts, table, words, sums, apart, zeros, x, y)))
        if state[0] == done and state[1] == 0:
            chunks = max(elements // ELEMENTS, 1)
            out = memory.data(memory.address(result))
            run(pool, chunks, *closure(finish, (chunks, elements, parts, sums, apart, out)))
        release(room)
        return outcome(address_of(state), done)

    word, array = types.int64, memory.array_object
    return winograd_weights, (word, word, array, array, array, array)
