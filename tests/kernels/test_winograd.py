"""Convolutions by Winograd's method, compared with the definition in float64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import devices
from tensorlab.backends import CPUBackend
from tensorlab.backends.cpu_windows import suits_winograd
from tensorlab.kernels.matmul.tile_shape import VARIABLE, host_tile, host_tiles
from tensorlab.models.expected import expected_kernels
from tensorlab.ops.arithmetic import add
from tensorlab.windows import Windows

Array = np.ndarray[Any, Any]

SAME = ((1, 1), (1, 1))
CASES = {
    "even": (Windows((3, 3), padding=SAME), (2, 6, 8, 16), 16),
    "odd": (Windows((3, 3), padding=SAME), (3, 7, 5, 19), 21),
    "valid": (Windows((3, 3)), (2, 9, 8, 16), 24),
    "padded": (Windows((3, 3), padding=((2, 0), (0, 2))), (2, 6, 7, 17), 16),
    "one tile": (Windows((3, 3)), (1, 4, 4, 16), 16),
    "several chunks": (Windows((3, 3), padding=SAME), (5, 28, 27, 40), 72),
    "large kernel": (Windows((3, 3), padding=SAME), (2, 8, 8, 130), 150),
}


@pytest.fixture(params=host_tiles())
def tile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let new backends compute with each tile that the processor supports."""
    monkeypatch.setenv(VARIABLE, request.param)
    host_tile.cache_clear()
    yield request.param
    host_tile.cache_clear()


def padded(windows: Windows, images: Array) -> Array:
    return np.pad(images.astype(np.float64), ((0, 0), *windows.padding, (0, 0)))


def convolution(windows: Windows, images: Array, weights: Array) -> Array:
    down, across = windows.counts(images.shape[1:3])
    x = padded(windows, images)
    terms = [x[:, i : i + down, j : j + across] @ weights[i, j].astype(np.float64) for i, j in np.ndindex(3, 3)]
    return np.sum(terms, axis=0)


def of_weights(windows: Windows, images: Array, outputs: Array) -> Array:
    down, across = outputs.shape[1:3]
    x = padded(windows, images)
    result = np.zeros((3, 3, images.shape[3], outputs.shape[3]))
    for i, j in np.ndindex(3, 3):
        result[i, j] = np.einsum("nyxc,nyxf->cf", x[:, i : i + down, j : j + across], outputs.astype(np.float64))
    return result


def of_images(windows: Windows, shape: tuple[int, ...], outputs: Array, weights: Array) -> Array:
    (top, _), (left, _) = windows.padding
    down, across = outputs.shape[1:3]
    x = padded(windows, np.zeros(shape))
    for i, j in np.ndindex(3, 3):
        x[:, i : i + down, j : j + across] += outputs.astype(np.float64) @ weights[i, j].astype(np.float64).T
    return x[:, top : top + shape[1], left : left + shape[2]]


def made(name: str, dtype: str, rng: np.random.Generator) -> tuple[Windows, Array, Array, Array]:
    windows, shape, filters = CASES[name]
    assert suits_winograd(windows, shape, filters)
    shapes = shape, (3, 3, shape[3], filters), (shape[0], *windows.counts(shape[1:3]), filters)
    x, w, y = (rng.standard_normal(each).astype(dtype) for each in shapes)
    return windows, x, w, y


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_convolution_and_gradients_equal_the_definition(name: str, dtype: str, rng: np.random.Generator) -> None:
    backend = CPUBackend()
    windows, x, w, y = made(name, dtype, rng)
    bias = rng.standard_normal(w.shape[3]).astype(dtype)
    expected, eps = convolution(windows, x, w), np.finfo(dtype).eps

    def close(found: Array, exact: Array, of_magnitudes: Array) -> None:
        assert found.dtype == dtype
        np.testing.assert_allclose(found, exact, rtol=0, atol=4 * eps * of_magnitudes.max())

    plain, none = backend.convolve(windows, x, w)
    assert none is None
    close(plain, expected, convolution(windows, abs(x), abs(w)))
    result, product = backend.convolve(windows, x, w, add.scalar, [bias], True)
    assert product is not None
    np.testing.assert_array_equal(product, plain)
    np.testing.assert_array_equal(result, plain + bias)
    found = backend.convolve_weights(windows, x, y)
    close(found, of_weights(windows, x, y), of_weights(windows, abs(x), abs(y)))
    found = backend.convolve_images(windows, x.shape, y, w)
    close(found, of_images(windows, x.shape, y, w), of_images(windows, x.shape, abs(y), abs(w)))


def test_small_integers_are_exact(rng: np.random.Generator) -> None:
    backend = CPUBackend()
    windows, *arrays = made("odd", "float32", rng)
    x, w, y = (np.round(3 * array) for array in arrays)
    np.testing.assert_array_equal(backend.convolve(windows, x, w)[0], convolution(windows, x, w))
    np.testing.assert_array_equal(backend.convolve_weights(windows, x, y), of_weights(windows, x, y))
    np.testing.assert_array_equal(backend.convolve_images(windows, x.shape, y, w), of_images(windows, x.shape, y, w))


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_pixel_that_is_not_finite_reaches_its_own_windows_only(bad: float, rng: np.random.Generator) -> None:
    backend = CPUBackend()
    windows, x, w, y = made("odd", "float32", rng)
    x[1, 2, 3, 4] = y[2, 0, 0, 1] = bad
    with np.errstate(invalid="ignore"):
        for found, expected in (
            (backend.convolve(windows, x, w, add.scalar, [w[0, 0, 0]])[0], convolution(windows, x, w) + w[0, 0, 0]),
            (backend.convolve_images(windows, x.shape, y, w), of_images(windows, x.shape, y, w)),
        ):
            assert 0 < np.isfinite(expected).sum() < expected.size
            np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-4)
    found = backend.convolve_weights(windows, x, y)
    spoiled = np.zeros(found.shape, bool)
    spoiled[:, :, 4], spoiled[:, :, :, 1] = True, True
    np.testing.assert_array_equal(np.isfinite(found), ~spoiled)


def test_every_tile_of_this_processor(tile: str, rng: np.random.Generator) -> None:
    backend = CPUBackend()
    windows, x, w, y = made("several chunks", "float32", rng)
    near = {"rtol": 0, "atol": 5e-4}
    np.testing.assert_allclose(backend.convolve(windows, x, w)[0], convolution(windows, x, w), **near)
    np.testing.assert_allclose(backend.convolve_weights(windows, x, y), of_weights(windows, x, y), rtol=0, atol=2e-3)
    expected = of_images(windows, x.shape, y, w)
    np.testing.assert_allclose(backend.convolve_images(windows, x.shape, y, w), expected, **near)


@pytest.mark.parametrize("name", ["several chunks", "large kernel"])
def test_bits_do_not_depend_on_threads(name: str, rng: np.random.Generator) -> None:
    backend = devices.backend("cpu")
    windows, x, w, y = made(name, "float32", rng)
    before, found = tl.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            tl.set_num_threads(threads)
            result = backend.convolve(windows, x, w)[0]
            gradients = backend.convolve_weights(windows, x, y), backend.convolve_images(windows, x.shape, y, w)
            found.append(b"".join(np.asarray(each).tobytes() for each in (result, *gradients)))
    finally:
        tl.set_num_threads(before)
    assert found[0] == found[1] == found[2]


def test_replayed_steps_have_the_same_bits(rng: np.random.Generator, capsys: pytest.CaptureFixture[str]) -> None:
    layer = tl.layers.Conv2D(16, 3, padding="same", activation="relu")
    x = tl.asarray(rng.standard_normal((2, 6, 6, 16)).astype(np.float32))
    layer(x)

    def gradients(x: Any) -> Any:
        with tl.GradientTape() as tape:
            tape.watch(x)
            loss = tl.sum(layer(x) ** 2)
        return tape.gradient(loss, [x, layer.kernel])

    replayed = tl.jit(gradients)
    expected = [np.asarray(each) for each in gradients(x)]
    for _ in range(4):
        for found, each in zip(replayed(x), expected, strict=True):
            np.testing.assert_array_equal(np.asarray(found), each)
    replayed.explain()
    assert "winograd" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("windows", "images", "filters"),
    [
        (Windows((3, 2), padding=SAME), (1, 8, 8, 16), 16),
        (Windows((3, 3), (1, 2), padding=SAME), (1, 8, 8, 16), 16),
        (Windows((3, 3), (1, 1), (2, 1)), (1, 8, 8, 16), 16),
        (Windows((3, 3), padding=SAME, groups=2), (1, 8, 8, 32), 32),
        (Windows((3, 3), padding=((3, 0), (0, 0))), (1, 8, 8, 16), 16),
        (Windows((3, 3), padding=SAME), (1, 8, 8, 15), 16),
        (Windows((3, 3), padding=SAME), (1, 8, 8, 16), 15),
        (Windows((3, 3), padding=SAME), (1, 3, 3, 16), 16),  # nine windows are four tiles
    ],
)
def test_other_convolutions_do_not_use_the_method(windows: Windows, images: tuple[int, ...], filters: int) -> None:
    assert not suits_winograd(windows, images, filters)


@pytest.mark.parametrize(("layer", "expected"), [((16, 3), True), ((8, 3), False), ((16, 5), False)])
def test_runs_expect_the_kernels(layer: tuple[int, int], expected: bool) -> None:
    model = tl.Sequential([tl.layers.Conv2D(*layer, activation="relu"), tl.layers.Flatten(), tl.layers.Dense(1)])
    model.compile("sgd", "mse")
    names = {name for name, _ in expected_kernels(model, "fit")}
    kernels = {"windows.winograd.winograd_kernel", "windows.winograd_weights.winograd_weights_kernel"}
    assert (kernels & names) == (kernels if expected else set())
