"""The 1,797 handwritten digits included in scikit-learn, in MNIST's shape.

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
from tensorlab.errors import ArgumentError, DatasetError, short_repr

__all__ = ["load_data"]

_SMALL, _BOX, _SIDE = 8, 20, 28  # pixels: scikit-learn's image, the box that MNIST fits a digit in, MNIST's image
_INK = 16  # scikit-learn's darkest value


def load_data(test_fraction: float = 0.2, seed: int = 0) -> Split:
    """Return the digits as 28 x 28 images, shuffled, and split with the same share of every class in both parts.

    As in MNIST, a digit fills a box of 20 x 20 pixels, and its centre of mass is in the middle of the image. Images are
    enlarged by bilinear interpolation in integer arithmetic, and the split sorts raw Philox numbers. So both are the
    same on every machine and with every version of NumPy.

    Args:
        test_fraction: the share of each class in the test set, between 0 and 1; each part has at least one image of
            every class.
        seed: a non-negative integer; the same seed gives the same split in the same order.

    Returns:
        ``((x_train, y_train), (x_test, y_test))``, all uint8: images of shape (n, 28, 28) with 0 for paper and 255 for
        ink, and labels 0 to 9 of shape (n,). By default there are 1,438 and 359 of them.

    Raises:
        DatasetError: scikit-learn is not installed.
        ArgumentError: ``test_fraction`` is not between 0 and 1, or ``seed`` is not a non-negative integer.
    """
    if not isinstance(test_fraction, Real) or not 0 < test_fraction < 1:
        raise ArgumentError(
            "digits.load_data", "test_fraction between 0 and 1", short_repr(test_fraction), "0.2 is usual"
        )
    try:
        key = operator.index(seed)
    except TypeError:
        key = -1
    if key < 0:
        raise ArgumentError("digits.load_data", "seed as a non-negative integer", short_repr(seed))
    small, labels = _load()
    images = _enlarge(small)
    stream = np.random.Philox(key)
    # Use one permutation to choose the test set and another one for the order: without the first of each class, the
    # rest of a permutation is no longer in random order.
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
    """Enlarge 8 x 8 images to the box, and put each box into a 28 x 28 image with its centre of mass in the middle.

    Pixel i of the box is at (i + 1/2) * 8/20 - 1/2 in the small image, which is surrounded by paper. Weights are
    multiples of 1/(2 * 20); counted in this unit they are integers, and so are all later numbers.
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
    """Return where the box starts on an axis, so that the centre of mass is in the middle and the box in the image."""
    centre = float(profile @ (2 * np.arange(_BOX) + 1)) / float(2 * profile.sum())
    return min(max(round(_SIDE / 2 - centre), 0), _SIDE - _BOX)


def _first_of_each_class(labels: UInt8Array, fraction: float) -> NDArray[np.bool_]:
    """Return a mask of the first ``fraction`` of each class, in the given order."""
    mask = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        mask[members[: min(max(round(fraction * len(members)), 1), len(members) - 1)]] = True
    return mask
