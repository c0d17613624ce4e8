"""`normalize`, `pad_sequences` and `split_dataset`, against results of Keras 3.15 and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from tensorlab.utils import normalize, pad_sequences, split_dataset


@pytest.mark.parametrize("order", [1, 2, np.inf])
@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_normalized_vectors_have_length_1(axis: int, order: float, rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 5, 3))
    x[:, 0, 0] = 0.0
    found = normalize(x, axis, order)
    lengths = np.linalg.norm(x, order, axis) > 0
    np.testing.assert_allclose(np.linalg.norm(found, order, axis), lengths)
    np.testing.assert_array_equal(normalize(tl.asarray(x), axis, order), found)
    assert normalize(np.zeros((2, 2), "f4")).dtype == np.float32
    assert normalize([0, 0]).tolist() == [0.0, 0.0]


# What Keras 3.15 returns.
PADDED: list[tuple[Any, dict[str, Any], Any]] = [
    ([[1], [2, 3], [4, 5, 6]], {}, [[0, 0, 1], [0, 2, 3], [4, 5, 6]]),
    ([[1], [2, 3], [4, 5, 6]], {"maxlen": 2, "padding": "post"}, [[1, 0], [2, 3], [5, 6]]),
    ([[1], [2, 3], [4, 5, 6]], {"maxlen": 2, "truncating": "post", "value": -1}, [[-1, 1], [2, 3], [4, 5]]),
    ([[], [1.5]], {"dtype": "float32", "maxlen": 2, "value": 0.5}, [[0.5, 0.5], [0.5, 1.5]]),
    ([np.ones((2, 2)), np.zeros((1, 2))], {"value": 7}, [[[1, 1], [1, 1]], [[7, 7], [0, 0]]]),
    ([["a"], ["b", "cd"]], {"dtype": object, "value": "-"}, [["-", "a"], ["b", "cd"]]),
    ([[1, 2]], {"maxlen": 0}, [[]]),
]


@pytest.mark.parametrize(("sequences", "options", "expected"), PADDED)
def test_sequences_are_padded_as_by_keras(sequences: Any, options: Any, expected: Any) -> None:
    found = pad_sequences(sequences, **options)
    assert found.dtype == np.dtype(options.get("dtype", "int32"))
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pad_sequences([1, 2]), ArgumentTypeError, "pad_sequences sequences: expected a list of sequences, "),
        (
            lambda: pad_sequences([[1]], padding="left"),
            ArgumentError,
            "padding: expected 'pre' or 'post', rec",
        ),
        (lambda: pad_sequences([[1]], truncating=None), ArgumentError, "truncating: expected 'pre' or 'post'"),
        (lambda: pad_sequences([[1]], maxlen=-1), ArgumentError, "maxlen: expected an integer of at least 0"),
        (lambda: pad_sequences([["a"]]), ArgumentError, "expected elements and a value of dtype int32, received"),
        (lambda: pad_sequences([[1]], value="-"), ArgumentError, "expected elements and a value of dtype int32"),
        (lambda: pad_sequences([[1]], dtype="no"), DTypeError, "dtype: expected a dtype of NumPy, received 'no'"),
        (
            lambda: pad_sequences([[[1]], [[1, 2]]]),
            ShapeError,
            r"sequences\[1\]: expected elements of \(1,\), ",
        ),
        (lambda: normalize(np.ones(3), axis=1), ShapeError, "normalize axis: expected"),
        (lambda: normalize(np.ones(3), order="a"), ArgumentError, "normalize order: expected a number"),
        (lambda: normalize(["a"]), DTypeError, "normalize x: expected an array of real numbers"),
    ],
)
def test_invalid_arguments_are_rejected(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"left_size": 0.75}, (8, 2)),  # round(7.5), as in Keras
        ({"left_size": 3}, (3, 7)),
        ({"right_size": 0.25}, (8, 2)),
        ({"left_size": 0.5, "right_size": 2}, (5, 2)),
        ({"left_size": 0.2, "right_size": 0.3}, (2, 3)),
    ],
)
def test_splits_have_the_sizes_of_keras(sizes: Any, expected: tuple[int, int]) -> None:
    x, y = np.arange(20).reshape(10, 2), tl.arange(10)
    left, right = split_dataset((x, y), **sizes)
    assert (len(left[0]), len(right[0])) == expected
    np.testing.assert_array_equal(left[0], x[: expected[0]])
    np.testing.assert_array_equal(right[1], np.arange(10)[10 - expected[1] :])


def test_shuffled_splits_have_all_samples() -> None:
    x = np.arange(30)
    left, right = split_dataset(x, left_size=20, shuffle=True, seed=1)
    assert sorted([*left, *right]) == x.tolist()
    assert left.tolist() != x[:20].tolist()
    again, _ = split_dataset([x, x], left_size=20, shuffle=True, seed=1)
    np.testing.assert_array_equal(again, [left, left])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: split_dataset(np.ones(4)), ArgumentError, "expected left_size, right_size or both, received neither"),
        (lambda: split_dataset(np.ones(4), 4), ArgumentError, "left_size: expected a number of samples from 1 to 3"),
        (lambda: split_dataset(np.ones(4), 1.0), ArgumentError, "or a fraction between 0 and 1, received 1.0"),
        (lambda: split_dataset(np.ones(4), True), ArgumentError, "left_size: expected a number"),
        (lambda: split_dataset(np.ones(4), 3, 2), ArgumentError, "two parts of at most 4 samples, none of them empty"),
        (lambda: split_dataset(np.ones(4), 0.01), ArgumentError, "received 0 and 4 samples"),
        (lambda: split_dataset((np.ones(4), np.ones(3)), 2), ShapeError, "expected arrays of one length"),
        (lambda: split_dataset(5, 2), ArgumentTypeError, "split_dataset dataset: expected arrays, received 5"),
    ],
)
def test_invalid_splits_are_rejected(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
