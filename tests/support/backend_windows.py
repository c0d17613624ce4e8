"""Checks of windows that every backend must pass: convolutions, their gradients, and pooling."""

from __future__ import annotations

import itertools

import numpy as np
from any_layout import Array, layouts, numbers
from backend_checks import ADD, check
from backend_refusals import refused, strangers

from tensorlab.backends import Backend
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from tensorlab.windows import Windows

CASES = (
    (Windows((3, 2)), (2, 5, 4, 3), 4),
    (Windows((1, 1)), (3, 2, 2, 2), 3),
    (Windows((3, 3), (2, 1), (1, 2), ((2, 1), (1, 2)), 2), (2, 5, 6, 4), 6),
    (Windows((2, 3), (3, 2), (1, 1), ((0, 1), (2, 2)), 3), (2, 6, 4, 3), 3),
    (Windows((4, 1), padding=((3, 3), (0, 0))), (1, 2, 1, 1), 1),
    (Windows((2, 2)), (40, 3, 3, 2), 2),
    (Windows((2, 3), (1, 2), (1, 2), ((1, 0), (2, 1))), (2, 2, 17, 2), 3),  # long rows of few channels
    (Windows((2, 2), padding=((0, 1), (1, 1)), groups=2), (1, 2, 9, 2), 2),
)
"""Windows, shapes of images, and numbers of filters."""


def defined(
    windows: Windows, images: Array, weights: Array, outputs: Array | None = None
) -> tuple[Array, Array, Array]:
    """Return a convolution, and its gradients for the kernel and the images, by the definition of `Windows`."""
    batch, height, width, channels = images.shape
    down, across = windows.counts((height, width))
    filters, groups = weights.shape[3], windows.groups
    depth, inner = channels // groups, filters // groups
    result = np.zeros((batch, down, across, filters))
    of_weights, of_images = np.zeros(weights.shape), np.zeros(images.shape)
    for y, x, i, j in itertools.product(range(down), range(across), *map(range, windows.size)):
        row = y * windows.strides[0] + i * windows.dilation[0] - windows.padding[0][0]
        column = x * windows.strides[1] + j * windows.dilation[1] - windows.padding[1][0]
        if not (0 <= row < height and 0 <= column < width):
            continue
        for f in range(filters):
            part = slice(f // inner * depth, (f // inner + 1) * depth)
            pixel = images[:, row, column, part]
            result[:, y, x, f] += pixel @ weights[i, j, :, f]
            if outputs is not None:
                of_weights[i, j, :, f] += outputs[:, y, x, f] @ pixel
                of_images[:, row, column, part] += outputs[:, y, x, f, None] * weights[i, j, :, f]
    return result, of_weights, of_images


@check
def convolves_every_layout(backend: Backend, rng: np.random.Generator) -> None:
    for windows, shape, filters in CASES:
        images = numbers(rng, shape)
        weights, bias = numbers(rng, (*windows.size, shape[3] // windows.groups, filters)), numbers(rng, (filters,))
        outputs = numbers(rng, (shape[0], *windows.counts(shape[1:3]), filters))
        expected, of_weights, of_images = defined(windows, images, weights, outputs)
        for dtype, tolerance in (("float32", 2e-5), ("float64", 1e-12)):
            near = {"rtol": tolerance, "atol": tolerance * 10}
            arrays = [array.astype(dtype) for array in (images, weights, outputs, bias)]
            every = [layouts(array).values() for array in arrays]
            for x, w, y, b in zip(every[0], reversed(every[1]), every[2], itertools.cycle(every[3]), strict=False):
                x, w, y, b = map(backend.from_host, (x, w, y, b))
                plain, none = backend.convolve(windows, x, w)
                assert none is None
                np.testing.assert_allclose(backend.to_host(plain), expected, **near)
                result, product = backend.convolve(windows, x, w, ADD, [b], True)
                np.testing.assert_allclose(backend.to_host(result), expected + bias, **near)
                np.testing.assert_allclose(backend.to_host(product), expected, **near)
                np.testing.assert_allclose(backend.to_host(backend.convolve_weights(windows, x, y)), of_weights, **near)
                found = backend.to_host(backend.convolve_images(windows, shape, y, w))
                assert (found.shape, found.dtype) == (shape, dtype)
                np.testing.assert_allclose(found, of_images, **near)


@check
def convolves_no_images(backend: Backend, rng: np.random.Generator) -> None:
    windows, weights = Windows((2, 2)), backend.from_host(numbers(rng, (2, 2, 3, 4)))
    for shape, count in (((0, 4, 4, 3), (0, 3, 3, 4)), ((2, 1, 4, 3), (2, 0, 3, 4))):
        images = backend.from_host(np.ones(shape))
        outputs, _ = backend.convolve(windows, images, weights)
        assert outputs.shape == count
        np.testing.assert_array_equal(backend.to_host(backend.convolve_weights(windows, images, outputs)), 0)
        found = backend.to_host(backend.convolve_images(windows, shape, outputs, weights))
        np.testing.assert_array_equal(found, np.zeros(shape))
        values, taps = backend.window_max(windows, images)
        assert values.shape == taps.shape == (*count[:3], 3)
        np.testing.assert_array_equal(backend.to_host(backend.window_spread(windows, shape, values, taps)), 0)


@check
def pools_every_layout(backend: Backend, rng: np.random.Generator) -> None:
    for windows, shape, _ in CASES:
        images = rng.integers(-3, 3, shape).astype(np.float64)
        images[0, 0, 0, 0] = np.nan
        best = np.full((shape[0], *windows.counts(shape[1:3]), shape[3]), -np.inf)
        chosen, total = np.full(best.shape, -1), np.zeros(best.shape)
        for number, (_, found, pixels) in enumerate(windows.taps(shape[1:3])):
            value, before = images[:, *pixels], best[:, *found]
            better = (chosen[:, *found] < 0) | (value > before) | (np.isnan(value) & ~np.isnan(before))
            best[:, *found] = np.where(better, value, before)
            chosen[:, *found] = np.where(better, number, chosen[:, *found])
            total[:, *found] += value
        for dtype in ("float32", "float64"):
            for array in layouts(images.astype(dtype)).values():
                x = backend.from_host(array)
                values, taps = backend.window_max(windows, x)
                np.testing.assert_array_equal(backend.to_host(values), best.astype(dtype))
                np.testing.assert_array_equal(backend.to_host(taps), chosen)
                np.testing.assert_array_equal(backend.to_host(backend.window_sum(windows, x)), total)
                picked = backend.to_host(backend.window_sum(windows, x, taps))
                np.testing.assert_array_equal(picked, np.where(chosen < 0, 0, best))


@check
def spreads_outputs_over_windows(backend: Backend, rng: np.random.Generator) -> None:
    for windows, shape, _ in CASES:
        outputs = rng.integers(-3, 3, (shape[0], *windows.counts(shape[1:3]), shape[3])).astype(np.float32)
        taps = rng.integers(-1, windows.size[0] * windows.size[1], outputs.shape).astype(np.int32)
        every, some = np.zeros(shape), np.zeros(shape)
        for number, (_, found, pixels) in enumerate(windows.taps(shape[1:3])):
            every[:, *pixels] += outputs[:, *found]
            some[:, *pixels] += np.where(taps[:, *found] == number, outputs[:, *found], 0)
        y, chosen = backend.from_host(outputs), backend.from_host(taps)
        np.testing.assert_array_equal(backend.to_host(backend.window_spread(windows, shape, y)), every)
        np.testing.assert_array_equal(backend.to_host(backend.window_spread(windows, shape, y, chosen)), some)


@check
def rejects_windows_of_wrong_buffers(backend: Backend, rng: np.random.Generator) -> None:
    windows = Windows((2, 2))

    def of(*shape: int, dtype: str = "float32") -> object:
        return backend.from_host(np.zeros(shape, dtype))

    x, w, y = of(1, 3, 3, 2), of(2, 2, 2, 4), of(1, 2, 2, 4)
    refused(
        ShapeError,
        r"^convolve: expected images of \(batch, .*received \(3, 3, 2\)$",
        backend.convolve,
        windows,
        of(3, 3, 2),
        w,
    )
    refused(
        ShapeError,
        r"^convolve: expected a kernel of \(2, 2, 2\) and filters, received \(2, 2, 3, 4\)$",
        backend.convolve,
        windows,
        x,
        of(2, 2, 3, 4),
    )
    refused(
        DTypeError,
        r"^convolve: .* float32, received float64$",
        backend.convolve,
        windows,
        x,
        of(2, 2, 2, 4, dtype="float64"),
    )
    refused(
        DTypeError,
        r"^convolve: expected buffers of float32 or float64, received int64$",
        backend.convolve,
        windows,
        of(1, 3, 3, 2, dtype="int64"),
        of(2, 2, 2, 4, dtype="int64"),
    )
    refused(
        ShapeError,
        r"^convolve: operands: expected vectors of shape \(4,\), received \(3,\)$",
        backend.convolve,
        windows,
        x,
        w,
        ADD,
        [of(3)],
    )
    refused(
        ArgumentError,
        r"^convolve: expected no operands without an epilogue, received 1$",
        backend.convolve,
        windows,
        x,
        w,
        None,
        [of(4)],
    )
    refused(
        ShapeError,
        r"^convolve: expected positive multiples of 3 channels and filters, received 2 and 4$",
        backend.convolve,
        Windows((2, 2), groups=3),
        x,
        of(2, 2, 0, 4),
    )
    refused(
        ShapeError,
        r"^convolve_weights: expected outputs of shape \(1, 2, 2, 4\), received \(1, 3, 2, 4\)$",
        backend.convolve_weights,
        windows,
        x,
        of(1, 3, 2, 4),
    )
    refused(
        ShapeError,
        r"^convolve_images: expected outputs of shape \(1, 3, 2, 4\), received \(1, 2, 2, 4\)$",
        backend.convolve_images,
        windows,
        (1, 4, 3, 2),
        y,
        w,
    )
    refused(
        DTypeError,
        r"^window_sum: expected taps of int32, received int64$",
        backend.window_sum,
        windows,
        x,
        of(1, 2, 2, 2, dtype="int64"),
    )
    refused(
        ShapeError,
        r"^window_spread: expected outputs of shape \(1, 2, 2, 2\), received \(1, 1, 1, 2\)$",
        backend.window_spread,
        windows,
        (1, 3, 3, 2),
        of(1, 2, 2, 2),
        of(1, 1, 1, 2, dtype="int32"),
    )
    for stranger in strangers(backend):
        refused(ArgumentTypeError, r"^convolve: expected a buffer", backend.convolve, windows, x, stranger)
        refused(ArgumentTypeError, r"^window_max: expected a buffer", backend.window_max, windows, stranger)
