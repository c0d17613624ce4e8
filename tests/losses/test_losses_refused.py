"""Targets and arguments that losses reject, and the error messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from loss_cases import Array

import tensorlab as tl
from tensorlab.errors import ArgumentError, DeviceError, DTypeError, ShapeError
from tensorlab.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)


def test_unknown_reduction_is_rejected() -> None:
    with pytest.raises(ArgumentError) as error:
        MeanSquaredError(reduction="average")
    assert str(error.value).startswith("MeanSquaredError reduction: expected one of ('sum_over_batch_size', 'mean',")
    assert str(error.value).endswith("received 'average'")


def refused(loss: Loss, targets: Any, outputs: Any, kind: type[Exception]) -> str:
    with pytest.raises(kind) as error:
        loss(targets, outputs)
    return str(error.value)


@pytest.mark.parametrize(
    ("label", "more", "words"),
    [(10, 0, "10 at position 3"), (-1, 0, "-1 at position 3"), (11, 2, "11 at position 3, and 2 more")],
)
def test_sparse_rejects_labels_out_of_range(label: int, more: int, words: str) -> None:
    targets = np.zeros(8, "int64")
    targets[3 : 4 + more] = label
    message = refused(SparseCategoricalCrossentropy(), targets, np.full((8, 10), 0.1), ArgumentError)
    assert message == (
        f"SparseCategoricalCrossentropy: expected labels from 0 to 9 for 10 outputs, received {words}; "
        "correct the labels, or give the last layer more units"
    )


@pytest.mark.parametrize(
    ("targets", "kind"),
    [(np.array([0.0, 1.5]), "float64"), (np.array([True, False]), "bool"), (np.array([0.0, np.nan]), "float64")],
)
def test_sparse_rejects_labels_that_are_not_integers(targets: Array, kind: str) -> None:
    message = refused(SparseCategoricalCrossentropy(), targets, np.full((2, 3), 0.3), DTypeError)
    assert message == f"SparseCategoricalCrossentropy: expected labels that are integers, received {kind}"


def test_sparse_rejects_one_hot_targets() -> None:
    message = refused(SparseCategoricalCrossentropy(), np.eye(3), np.full((3, 3), 0.3), ShapeError)
    assert message == (
        "SparseCategoricalCrossentropy: expected labels of shape (3,), received (3, 3); "
        "for one-hot targets use categorical_crossentropy"
    )


@pytest.mark.parametrize("shape", [(4,), (3, 2), (3, 1, 1), ()])
def test_sparse_rejects_labels_of_another_shape(shape: tuple[int, ...]) -> None:
    message = refused(SparseCategoricalCrossentropy(), np.zeros(shape, "int64"), np.full((3, 3), 0.3), ShapeError)
    assert message == f"SparseCategoricalCrossentropy: expected labels of shape (3,), received {shape}"


def test_categorical_rejects_labels() -> None:
    message = refused(CategoricalCrossentropy(), np.array([0, 1, 2]), np.full((3, 3), 0.3), ShapeError)
    assert message == (
        "CategoricalCrossentropy: expected targets of the outputs' shape (3, 3), received (3,); "
        "for labels that are integers use sparse_categorical_crossentropy"
    )
    message = refused(CategoricalCrossentropy(), np.zeros((3, 2)), np.full((3, 3), 0.3), ShapeError)
    assert message == "CategoricalCrossentropy: expected targets of the outputs' shape (3, 3), received (3, 2)"


@pytest.mark.parametrize(
    ("target_shape", "output_shape"),
    [((4,), (4, 2)), ((3, 2), (4, 2)), ((1, 4), (4, 1)), ((4,), (1, 4)), ((), (4,)), ((4, 2), (4,))],
)
@pytest.mark.parametrize("loss", [MeanSquaredError(), BinaryCrossentropy()])
def test_targets_that_would_broadcast_are_rejected(
    loss: Loss, target_shape: tuple[int, ...], output_shape: tuple[int, ...]
) -> None:
    message = refused(loss, np.zeros(target_shape), np.full(output_shape, 0.5), ShapeError)
    name = type(loss).__name__
    assert message == f"{name}: expected targets of the outputs' shape {output_shape}, received {target_shape}"


@pytest.mark.parametrize("name", ["mean_squared_error", "categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_targets_on_another_device_are_rejected_and_arrays_are_moved(name: str) -> None:
    loss = tl.losses.get(name)
    outputs = tl.asarray(np.array([[0.25, 0.75]], np.float32), device="reference")
    targets = np.array([1]) if name.startswith("sparse") else np.array([[0.0, 1.0]], np.float32)
    with pytest.raises(
        DeviceError,
        match=rf"^{loss.name}: expected tensors on one device, received 'reference' and 'cpu'; move one of them, "
        r"e\.g\. x\.to_device\('reference'\)$",
    ):
        loss(tl.asarray(targets), outputs)
    value = loss(targets, outputs)
    assert value.device == "reference"
    assert float(value) == pytest.approx(float(loss(tl.asarray(targets), outputs.to_device("cpu"))))
