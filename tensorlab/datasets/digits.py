"""The 1,797 handwritten digits that scikit-learn carries, in MNIST's shape: real digits with nothing to download.

Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, the test
set; 13 writers, 8 x 8 pixels of 0 to 16, through ``sklearn.datasets.load_digits``.
"""

from __future__ import annotations

import operator
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from tensorlab.datasets._types import Split, UInt8Array
from tensorlab.environment import install_extra
from tensorlab.errors import ArgumentError, DatasetError

__all__ = ["load_data"]

_SMALL, _BOX, _SIDE = 8, 20, 28  # pixels: scikit-learn's image, the box that MNIST fits a digit in, MNIST's image
_INK = 16  # scikit-learn's darkest value


def load_data(test_fraction: float = 0.2, seed: int = 0) -> Split:
    """The digits as 28 x 28 images, shuffled and split so that both parts have the same share of every class.

    As in MNIST, a digit fills a box of 20 x 20 pixels whose centre of mass is in the middle of the image.  It is
    enlarged by bilinear interpolation, on white paper, in integer arithmetic; the split sorts by raw Philox numbers.
    Both are therefore the same on every machine and with every version of NumPy.

    Args:
        test_fraction: the share of the test set in each class, between 0 and 1; every class keeps at least one image
            on either side.
        seed: a non-negative integer; the same seed gives the same split in the same order.

    Returns:
        ``((x_train, y_train), (x_test, y_test))``, all uint8: images of shapes (n, 28, 28) with 0 for paper and 255
        for ink, labels 0 to 9 of shapes (n,); 1,438 and 359 of them by default.

    Raises:
        DatasetError: scikit-learn is not installed.
        ArgumentError: ``test_fraction`` is not between 0 and 1, or ``seed`` is not a non-negative integer.
    """
    if not isinstance(test_fraction, Real) or not 0 < test_fraction < 1:
        raise ArgumentError("digits.load_data", "test_fraction between 0 and 1", f"{test_fraction!r}", "0.2 is usual")
    try:
        key = operator.index(seed)
    except TypeError:
        key = -1
    if key < 0:
        raise ArgumentError("digits.load_data", "seed as a non-negative integer", f"{seed!r}")
    small, labels = _load()
    images = _enlarge(small)
    stream = np.random.Philox(key)
    # One permutation chooses and another one orders: what remains of a permutation once the first of each class are
    # taken is no longer in random order.
    choice, order = (np.argsort(stream.random_raw(len(labels)), kind="stable") for _ in range(2))
    chosen = _first_of_each_class(labels[choice], test_fraction)
    is_test = np.isin(order, choice[chosen])
    train, test = order[~is_test], order[is_test]
    return (images[train], labels[train]), (images[test], labels[test])


def _load() -> tuple[NDArray[np.int64], UInt8Array]:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DatasetError(
            "digits.load_data",
            "scikit-learn, which carries the digits",
            f"{type(error).__name__}: {error}",
            install_extra("digits"),
        ) from error
    bunch = load_digits()
    return bunch.images.astype(np.int64), bunch.target.astype(np.uint8)


def _enlarge(small: NDArray[np.int64]) -> UInt8Array:
    """Bilinear enlargement from 8 x 8 to the box, then each box set with its centre of mass in the middle of 28 x 28.

    Pixel i of the box lies at (i + 1/2) * 8/20 - 1/2 of the small image; outside of that is paper.  Weights are counted
    in units of 1/(2 * 20), so they and all that follows are whole numbers.
    """
    unit = 2 * _BOX
    position = (2 * np.arange(_BOX)[:, None] + 1) * _SMALL - _BOX
    weights = np.maximum(unit - np.abs(position - unit * np.arange(_SMALL)), 0)
    darkest = _INK * unit**2
    boxes = (255 * (weights @ small @ weights.T) + darkest // 2) // darkest
    images = np.zeros((len(small), _SIDE, _SIDE), np.uint8)
    for image, box in zip(images, boxes, strict=True):
        row, column = _corner(box.sum(axis=1)), _corner(box.sum(axis=0))
        image[row : row + _BOX, column : column + _BOX] = box
    return images


def _corner(profile: NDArray[np.int64]) -> int:
    """Where the box begins on an axis: the middle of the image less the profile's centre of mass, within the image."""
    centre = float(profile @ (2 * np.arange(_BOX) + 1)) / float(2 * profile.sum())
    return min(max(round(_SIDE / 2 - centre), 0), _SIDE - _BOX)


def _first_of_each_class(labels: UInt8Array, fraction: float) -> NDArray[np.bool_]:
    """A mask of the first ``fraction`` of each class, in the order given."""
    mask = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        mask[members[: min(max(round(fraction * len(members)), 1), len(members) - 1)]] = True
    return mask
