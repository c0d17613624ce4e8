"""The chapter's data representations: ranks, slices, batches, and the shapes of real data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl

Mnist = tuple[Any, Any, Any, Any]


# Ranks

MATRIX = [[5, 78, 2, 34, 0], [6, 79, 3, 35, 1], [7, 80, 4, 36, 2]]

RANKS = {
    0: (12, (), "Tensor(12, dtype=int64)"),
    1: ([12, 3, 6, 14, 7], (5,), "Tensor([12,  3,  6, 14,  7], dtype=int64)"),
    2: (
        MATRIX,
        (3, 5),
        "Tensor([[ 5, 78,  2, 34,  0],\n        [ 6, 79,  3, 35,  1],\n        [ 7, 80,  4, 36,  2]], dtype=int64)",
    ),
    3: (
        [MATRIX, MATRIX, MATRIX],
        (3, 3, 5),
        "Tensor([[[ 5, 78,  2, 34,  0],\n         [ 6, 79,  3, 35,  1],\n         [ 7, 80,  4, 36,  2]],\n\n"
        "        [[ 5, 78,  2, 34,  0],\n         [ 6, 79,  3, 35,  1],\n         [ 7, 80,  4, 36,  2]],\n\n"
        "        [[ 5, 78,  2, 34,  0],\n         [ 6, 79,  3, 35,  1],\n         [ 7, 80,  4, 36,  2]]], dtype=int64)",
    ),
}


@pytest.mark.parametrize("rank", RANKS)
def test_tensor_of_each_rank(rank: int) -> None:
    numbers, shape, shown = RANKS[rank]
    x = tl.asarray(numbers)
    assert (x.ndim, x.shape, x.dtype) == (rank, shape, tl.int64)
    assert repr(x) == shown
    assert x.tolist() == numbers
    if rank:
        assert len(x) == shape[0]


def test_key_attributes_of_the_images(mnist: Mnist) -> None:
    images = tl.asarray(mnist[0])
    assert (images.ndim, images.shape, str(images.dtype), len(images)) == (3, (60000, 28, 28), "uint8", 60000)


# Slices

SLICES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "[10:100]": (np.s_[10:100], (90, 28, 28)),
    "[10:100, :, :]": (np.s_[10:100, :, :], (90, 28, 28)),
    "[10:100, 0:28, 0:28]": (np.s_[10:100, 0:28, 0:28], (90, 28, 28)),
    "[:, 14:, 14:]": (np.s_[:, 14:, 14:], (60000, 14, 14)),
    "[:, 7:-7, 7:-7]": (np.s_[:, 7:-7, 7:-7], (60000, 14, 14)),
    "[:128]": (np.s_[:128], (128, 28, 28)),
    "[128:256]": (np.s_[128:256], (128, 28, 28)),
    "[128 * 468 : 128 * 469]": (np.s_[128 * 468 : 128 * 469], (96, 28, 28)),
    "[4]": (4, (28, 28)),
    "[:, 0]": (np.s_[:, 0], (60000, 28)),
}


@pytest.mark.parametrize("slices", SLICES)
def test_slices_of_the_images(slices: str, mnist: Mnist) -> None:
    place, shape = SLICES[slices]
    images = mnist[0]
    chosen = tl.asarray(images)[place]
    assert isinstance(chosen, tl.Tensor)
    assert (chosen.shape, chosen.dtype) == (shape, tl.uint8)
    assert np.array_equal(chosen, images[place])
    assert np.shares_memory(chosen.numpy(), images), "a slice is a view"


def test_three_forms_of_the_same_slice(mnist: Mnist) -> None:
    images = tl.asarray(mnist[0])
    assert tl.all(images[10:100] == images[10:100, :, :])
    assert tl.all(images[10:100] == images[10:100, 0:28, 0:28])


def test_consecutive_batches_cover_the_data(mnist: Mnist) -> None:
    images = tl.asarray(mnist[2])
    batches = [images[128 * n : 128 * (n + 1)] for n in range(79)]
    assert [len(batch) for batch in batches] == [128] * 78 + [16]
    assert np.array_equal(tl.concatenate(batches), mnist[2])


def test_images_and_labels_are_shuffled_by_one_permutation(mnist: Mnist, rng: np.random.Generator) -> None:
    _, _, images, labels = mnist
    order = rng.permutation(len(images))
    for index in (order, tl.asarray(order)):
        assert np.array_equal(tl.asarray(images)[index], images[order])
        assert np.array_equal(tl.asarray(labels)[index], labels[order])


# Shapes of real data

DATA = {
    "people: age, gender, income": (100_000, 3),
    "documents: counts of 20,000 words": (500, 20_000),
    "stock prices: days, minutes, features": (250, 390, 3),
    "tweets: characters of 128": (1_000, 280, 128),
    "colour images, channels last": (128, 256, 256, 3),
    "videos: samples, frames, height, width, channels": (4, 240, 144, 256, 3),
}


@pytest.mark.parametrize("data", DATA)
def test_tensor_for_each_kind_of_data(data: str) -> None:
    shape = DATA[data]
    x = tl.zeros(shape, dtype="uint8")
    assert (x.ndim, x.shape, x.size) == (len(shape), shape, np.prod(shape))
    sample = x[0]
    assert sample.shape == shape[1:]


def test_video_batch_has_106_168_320_values() -> None:
    assert tl.zeros((4, 240, 144, 256, 3), dtype="uint8").size == 106_168_320


def test_channels_last_to_channels_first_and_back(rng: np.random.Generator) -> None:
    array = rng.integers(0, 256, (2, 256, 256, 3), dtype="uint8")
    images = tl.asarray(array)
    first = tl.permute_dims(images, (0, 3, 1, 2))
    assert first.shape == (2, 3, 256, 256)
    assert np.array_equal(first[:, 0], array[..., 0])
    assert np.array_equal(tl.permute_dims(first, (0, 2, 3, 1)), array)


# matplotlib accepts tensors


@pytest.fixture
def axes() -> Any:
    pytest.importorskip("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    return FigureCanvasAgg(Figure()).figure.add_subplot()


@pytest.mark.parametrize("kind", [np.asarray, tl.asarray], ids=["ndarray", "tensor"])
def test_fifth_digit_is_shown_with_imshow(kind: Any, axes: Any, mnist: Mnist) -> None:
    digit = kind(mnist[0])[4]
    shown = axes.imshow(digit, cmap="gray_r")
    assert np.array_equal(shown.get_array(), mnist[0][4])
    axes.figure.canvas.draw()


def test_points_are_drawn_with_scatter(axes: Any, rng: np.random.Generator) -> None:
    points = tl.asarray(rng.normal(size=(50, 2)).astype("float32"))
    drawn = axes.scatter(points[:, 0], points[:, 1], c=points[:, 0] > 0.5)
    np.testing.assert_array_equal(drawn.get_offsets(), points)
    np.testing.assert_array_equal(drawn.get_array(), points.numpy()[:, 0] > 0.5)
    axes.figure.canvas.draw()


def test_line_is_drawn_with_plot(axes: Any) -> None:
    x = tl.linspace(-1, 4, 100)
    (line,) = axes.plot(x, 2 * x + 1, "-r")
    np.testing.assert_array_equal(line.get_xdata(), x)
    np.testing.assert_allclose(line.get_ydata(), 2 * np.linspace(-1, 4, 100) + 1, rtol=1e-6, atol=1e-6)
    axes.figure.canvas.draw()
