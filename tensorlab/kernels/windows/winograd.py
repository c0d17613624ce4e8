"""Convolutions with kernels of 3 × 3 and their gradients by Winograd's method, with 4/9 of the multiplications.

See `transforms` for the method. A chunk transforms the pixels of some tiles of 2 × 2 outputs, multiplies them by the
transformed kernel, 16 products of matrices of (tiles, channels) and (channels, filters), and transforms the products.
What it computes fits into the second-level cache, if the kernel is not too large.

The rounding error of an output is relative to the pixels and weights of its tile. If an output of a tile is infinite or
NaN, the tile is computed from the definition, so that a pixel that is not finite reaches its own windows only.
"""

from __future__ import annotations

import numpy as np
from numba import types

from tensorlab.kernels.matmul.caches import LINE
from tensorlab.kernels.matmul.job import Matrix, Piece, Table
from tensorlab.kernels.matmul.pack import allocate, pack_columns, release
from tensorlab.kernels.matmul.product import matmul
from tensorlab.kernels.runtime import memory
from tensorlab.kernels.runtime.atomics import call_task, closure
from tensorlab.kernels.runtime.compiler import Definition, jit, kernel
from tensorlab.kernels.runtime.lift import storage
from tensorlab.kernels.runtime.memory import address_of, pointer, scratch
from tensorlab.kernels.runtime.records import packed, record_at
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
)

_BUFFER = 1 << 19
"""The bytes of the transformed pixels and products of a chunk, half of a usual second-level cache."""
_MIN_TILES, _MAX_TILES = 96, 1024
"""The minimum and maximum number of tiles of a chunk: enough rows for products, however many channels there are."""
_CHUNKS = 8
"""The minimum number of chunks, if there are enough tiles."""
ELEMENTS = 1 << 10
"""The number of elements of a chunk of the transform of a kernel."""


@jit
def tiles_of(g):
    """Return the number of tiles of all outputs, of those of an image, and of a row of them."""
    across = (g.windows_across + 1) // 2
    each = (g.windows_down + 1) // 2 * across
    return g.batch * each, each, across


@jit
def extent_of(tiles, size, g, height):
    """Return how many tiles to compute at once: a multiple of the height of a register tile."""
    most = max(_BUFFER // (16 * (g.channels + g.filters) * size), _MIN_TILES)
    most = max(min(most, _MAX_TILES, tiles // _CHUNKS), 1)
    blocks = (tiles + most - 1) // most
    return ((tiles + blocks - 1) // blocks + height - 1) // height * height


@jit
def aligned(address):
    """Return the first address from this one on at which a cache line begins."""
    return (address + LINE - 1) // LINE * LINE


@jit
def spacing(count, size):
    """Return the distance in bytes between 16 matrices of ``count`` elements: not a power of two.

    A transform writes to all of them in turn, and a cache would map them to one set.
    """
    return aligned(count * size) + LINE


@kernel
def winograd_kernel(dtype: str) -> Definition:
    """Define the kernel ``k(pool, table, epilogue, geometry, flipped, outputs, product, images, kernel, bias)``.

    The arguments and the result are those of `convolve_kernel`. If ``flipped`` is not 0, the kernel is flipped along
    its first two axes, and its last two are exchanged. So the gradient of the images of a convolution is a convolution
    of the gradient of its outputs.

    Args:
        dtype: the dtype of all arrays.
    """
    kind, size = storage(dtype), np.int64(np.dtype(dtype).itemsize)
    of_images, of_kernel, of_products = (transform(kind, each) for each in (OF_IMAGES, OF_KERNEL, OF_PRODUCTS))
    exchange = pack_columns(kind)

    @jit
    def flip(tap, target, w, rows, columns):
        elements = rows * columns * size
        exchange(target + (8 - tap) * elements, rows, w + tap * elements, columns, 1, rows, columns)

    @jit
    def prepare(chunk, chunks, elements, u, apart, w):
        sources, targets, check = scratch(9, types.int64), scratch(16, types.int64), scratch(VECTOR, kind)
        first = elements * chunk // chunks
        spaced(sources, 9, w + first * size, elements * size)
        spaced(targets, 16, u + first * size, apart)
        of_kernel(sources, targets, elements * (chunk + 1) // chunks - first, check)

    @jit
    def define(g, target, pixels, channels, filters, w, outside):
        """Compute an output from the definition."""
        out = pointer(target, kind)
        for f in range(filters):
            out[f] = 0
        for tap in range(9):
            if pixels[tap] != outside:
                pixel = pointer(pixels[tap], kind)
                for c in range(channels):
                    weights = pointer(w + (tap * channels + c) * filters * size, kind)
                    for f in range(filters):
                        out[f] += pixel[c] * weights[f]

    @jit
    def task(chunk, state, extent, table, epilogue, geometry, u, u_apart, outside, y, z, x, w, p):
        g = record_at(geometry, Geometry)
        channels, filters = g.channels, g.filters
        tiles, each, across = tiles_of(g)
        first = chunk * extent
        count = min(extent, tiles - first)
        v_apart, m_apart = spacing(count * channels, size), spacing(count * filters, size)
        buffer = allocate(16 * (v_apart + m_apart) + 4 * filters * size + LINE)
        if buffer == 0:
            return
        v = aligned(buffer)
        m = v + 16 * v_apart
        tile = m + 16 * m_apart
        sources, targets = scratch(16, types.int64), scratch(16, types.int64)
        check = scratch(VECTOR, kind)
        image_size = g.height * g.width * channels * size
        for n in range(count):
            image, within = (first + n) // each, (first + n) % each
            top, left = within // across * 2 - g.top, within % across * 2 - g.left
            from_image = x + image * image_size
            patch(sources, 4, from_image, g.height, g.width, channels * size, top, left, outside)
            spaced(targets, 16, v + n * channels * size, v_apart)
            of_images(sources, targets, channels, check)
        missing = 0
        for i in range(16):
            a, b = Matrix(v + i * v_apart, channels, 1), Matrix(u + i * u_apart, filters, 1)
            c = Matrix(m + i * m_apart, filters, 1)
            missing = matmul(0, table, 0, count, filters, channels, a, b, c, none(), none(), none())
            if missing != 0:
                release(buffer)
                counted(state, missing)
                return
        pixel = filters * size
        for n in range(count):
            image, within = (first + n) // each, (first + n) % each
            down, right = within // across * 2, within % across * 2
            at = (image * g.windows_down + down) * g.windows_across + right
            rows, columns = min(2, g.windows_down - down), min(2, g.windows_across - right)
            spaced(sources, 16, m + n * pixel, m_apart)
            spaced(targets, 4, tile, pixel)
            if epilogue == 0:
                for i in range(rows):
                    for j in range(columns):
                        targets[i * 2 + j] = y + (at + i * g.windows_across + j) * pixel
            cleared(address_of(check), VECTOR // size, kind)
            of_products(sources, targets, filters, check)
            bad = kind(0)
            for i in range(VECTOR // size):
                bad += check[i]
            if bad != 0:
                for i in range(rows):
                    for j in range(columns):
                        top, left = down + i - g.top, right + j - g.left
                        from_image = x + image * image_size
                        patch(sources, 3, from_image, g.height, g.width, channels * size, top, left, outside)
                        define(g, targets[i * 2 + j], sources, channels, filters, w, outside)
            if epilogue != 0:
                for i in range(rows):
                    offset = (at + i * g.windows_across) * pixel
                    to_z = from_p = none()
                    if z != 0:
                        to_z = Matrix(z + offset, filters, 1)
                    if p != 0:
                        from_p = Matrix(p, 0, 1)
                    to_y = Matrix(y + offset, filters, 1)
                    piece = Piece(tile + i * 2 * pixel, filters, columns, filters, to_y, to_z, from_p, none())
                    call_task(epilogue, packed(piece), 0)
        release(buffer)
        counted(state, 0)

    def winograd(pool, table, epilogue, geometry, flipped, outputs, product, images, weights, bias):
        words = memory.data(memory.address(geometry))
        g = record_at(words, Geometry)
        channels, filters = g.channels, g.filters
        elements = channels * filters
        u_apart = spacing(elements, size)
        room = allocate(16 * u_apart + channels * size + flipped * 9 * elements * size + LINE)
        if room == 0:
            raise MemoryError
        u = aligned(room)
        outside = u + 16 * u_apart
        cleared(outside, channels, kind)
        w = memory.data(memory.address(weights))
        if flipped != 0:
            given, w = w, outside + channels * size
            run(pool, 9, *closure(flip, (w, given, filters, channels)))
        parts = max(elements // ELEMENTS, 1)
        run(pool, parts, *closure(prepare, (parts, elements, u, u_apart, w)))
        tiles, _, _ = tiles_of(g)
        extent = extent_of(tiles, size, g, record_at(table, Table).rows)
        chunks = (tiles + extent - 1) // extent
        state = scratch(2, types.int64)
        state[0] = state[1] = 0
        y, x = memory.data(memory.address(outputs)), memory.data(memory.address(images))
        z = p = 0
        if product != 0:
            z = memory.data(product)
        if bias != 0:
            p = memory.data(bias)
        arguments = (address_of(state), extent, table, epilogue, words, u, u_apart, outside, y, z, x, w, p)
        run(pool, chunks, *closure(task, arguments))
        release(room)
        return outcome(address_of(state), chunks)

    word, array = types.int64, memory.array_object
    return winograd, (word, word, word, array, word, array, word, array, array, word)
