"""scikit-learn's digits in the format of MNIST: the split, the enlargement against NumPy in float64, and errors."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tensorlab.datasets import digits
from tensorlab.environment import install_extra
from tensorlab.errors import ArgumentError, DatasetError


@pytest.fixture(scope="module")
def split():
    pytest.importorskip("sklearn")
    return digits.load_data()


@pytest.fixture(scope="module")
def bunch():
    return pytest.importorskip("sklearn.datasets").load_digits()


def keys(images):
    return [image.tobytes() for image in images]


def test_shapes_dtypes_and_range(split):
    (x_train, y_train), (x_test, y_test) = split
    assert (x_train.shape, y_train.shape) == ((1438, 28, 28), (1438,))
    assert (x_test.shape, y_test.shape) == ((359, 28, 28), (359,))
    assert {array.dtype for array in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert (x_train.min(), x_train.max()) == (0, 255)
    assert set(y_train) == set(y_test) == set(range(10))


def test_every_image_is_in_one_part_with_its_label(split, bunch):
    (x_train, y_train), (x_test, y_test) = split
    images = keys(x_train) + keys(x_test)
    assert len(set(images)) == 1797
    labels = dict(zip(images, [*y_train, *y_test], strict=True))
    original = digits._enlarge(bunch.images.astype(np.int64))
    assert [labels[key] for key in keys(original)] == bunch.target.tolist()


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
def test_split_is_stratified(fraction, bunch):
    (_, y_train), (_, y_test) = digits.load_data(fraction, seed=3)
    counts = np.bincount(bunch.target)
    np.testing.assert_array_equal(np.bincount(y_train) + np.bincount(y_test), counts)
    assert np.abs(np.bincount(y_test) - fraction * counts).max() <= 0.5


def test_both_parts_are_in_random_order(split):
    for _, labels in split:
        head, tail = labels[:100], labels[-100:]
        assert np.bincount(head, minlength=10).min() > 0
        assert np.bincount(tail, minlength=10).min() > 0
        assert 0.02 < np.mean(labels[1:] == labels[:-1]) < 0.2  # expected 0.1 for ten equal classes


def test_seed_determines_the_split(split):
    for (x, y), (again_x, again_y) in zip(split, digits.load_data(0.2, seed=0), strict=True):
        np.testing.assert_array_equal(again_x, x)
        np.testing.assert_array_equal(again_y, y)
    (_, _), (x_test, _) = split
    (_, _), (other, _) = digits.load_data(seed=np.int64(1))
    assert len(set(keys(x_test)) & set(keys(other))) < 120  # about 72 are equal by chance


def test_extreme_fractions_leave_one_image_of_each_class(bunch):
    (_, y_train), (_, y_test) = digits.load_data(1e-9)
    assert np.bincount(y_test).tolist() == [1] * 10
    (_, y_train), (_, y_test) = digits.load_data(1 - 1e-9)
    assert np.bincount(y_train).tolist() == [1] * 10


def test_enlargement_is_bilinear_interpolation(bunch):
    position = (np.arange(20) + 0.5) * 8 / 20 - 0.5
    paper = np.arange(-1, 9)
    for small in bunch.images[:50]:
        framed = np.pad(small, 1)
        rows = np.stack([np.interp(position, paper, column) for column in framed.T], axis=1)
        expected = np.stack([np.interp(position, paper, row) for row in rows]) * 255 / 16
        (image,) = digits._enlarge(small[None].astype(np.int64))
        windows = np.lib.stride_tricks.sliding_window_view(image, (20, 20)).reshape(-1, 20, 20)
        assert np.abs(windows - expected).max(axis=(1, 2)).min() <= 0.5 + 1e-9
        assert image.sum() == windows.sum(axis=(1, 2), dtype=int).max()  # zero outside of the box


def test_center_of_mass_is_in_the_middle(split):
    images = split[0][0].astype(float)
    grid = np.arange(28) + 0.5
    for axis in (1, 2):
        centre = images.sum(axis=3 - axis) @ grid / images.sum(axis=(1, 2))
        assert np.abs(centre - 14).max() <= 0.5


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan"), "0.2", None])
def test_invalid_fraction_is_rejected(fraction):
    with pytest.raises(
        ArgumentError, match=r"digits\.load_data: expected test_fraction between 0 and 1, received .*usual"
    ):
        digits.load_data(fraction)


@pytest.mark.parametrize("seed", [-1, 0.5, "0", None])
def test_invalid_seed_is_rejected(seed):
    with pytest.raises(ArgumentError, match=r"expected seed as a non-negative integer, received "):
        digits.load_data(seed=seed)


def test_missing_scikit_learn_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DatasetError) as caught:
        digits.load_data()
    assert "expected scikit-learn, which carries the digits, received ModuleNotFoundError" in str(caught.value)
    assert str(caught.value).endswith(f"; {install_extra('digits')}")
