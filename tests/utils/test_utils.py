"""`utils`: one-hot encoding as in Keras, and rejected labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, DTypeError
from tensorlab.utils import snake_case, to_categorical


@pytest.mark.parametrize(
    ("labels", "classes", "shape"),
    [  # shapes and values of Keras 3.15
        ([0, 1, 2], None, (3, 3)),
        ([[0], [2]], None, (2, 3)),
        ([[0, 1], [1, 2]], None, (2, 2, 3)),
        ([[[0], [1]]], 4, (1, 2, 4)),
        ([0.0, 1.0], None, (2, 2)),
        ([True, False], None, (2, 2)),
        (2, None, (3,)),
        (2, 4, (4,)),
        ([], 3, (0, 3)),
        (np.array([3, 0], "uint8"), np.int64(5), (2, 5)),
    ],
)
def test_to_categorical_returns_one_hot_rows(labels: Any, classes: Any, shape: tuple[int, ...]) -> None:
    rows = to_categorical(labels, classes)
    assert type(rows) is np.ndarray
    assert (rows.shape, rows.dtype) == (shape, np.dtype("float64"))
    flat, given = rows.reshape(-1, shape[-1]), np.asarray(labels).ravel()
    expected = np.array([[float(column == label) for column in range(shape[-1])] for label in given])
    assert np.array_equal(flat, expected.reshape(-1, shape[-1]))
    assert np.array_equal(to_categorical(tl.asarray(labels), classes), rows)
    rows[...] = 5.0  # the result belongs to the caller
    assert rows.copy().ravel().take([]).size == 0


@pytest.mark.parametrize(
    ("labels", "classes", "kind", "message"),
    [
        ([0, 5], 3, ArgumentError, "x: expected labels from 0 to 2, received 5 at position 1; pass num_classes=6"),
        ([0, -1], None, ArgumentError, "x: expected labels from 0 on, received -1 at position 1"),
        ([-1], 2, ArgumentError, "x: expected labels from 0 to 1, received -1 at position 0"),
        ([], None, ArgumentError, "num_classes: expected a number, as there are no labels, received None"),
        ([1], 2.0, ArgumentError, "num_classes: expected an integer, or None, received 2.0"),
        ([0.5, 1.0], None, DTypeError, "x: expected labels that are integers, received float32 with fractions"),
        ([np.nan], 2, DTypeError, "x: expected labels that are integers, received float32 with fractions"),
        ([np.inf], 2, ArgumentError, "x: expected labels that are integers, received infinite ones"),
        (["a"], 2, DTypeError, "x: expected data of bool, "),
    ],
)
def test_to_categorical_rejects_invalid_labels(labels: Any, classes: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        to_categorical(labels, classes)
    assert str(error.value).startswith(f"to_categorical {message}")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Dense", "dense"), ("KLDivergence", "kl_divergence"), ("AUC", "auc"), ("MyLayer2D", "my_layer2d")],
)
def test_snake_case(name: str, expected: str) -> None:
    assert snake_case(name) == expected


def test_clear_session_counts_names_again() -> None:
    tl.layers.Dense(1)
    for options in ({}, {"free_memory": False}):
        tl.utils.clear_session(**options)
        assert [tl.layers.Dense(1).name, tl.layers.Dense(1).name] == ["dense", "dense_1"]
