"""Masks travel from layer to layer, to a layer that takes them and to the loss."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ShapeError
from tensorlab.layers import Dense, Dropout, Embedding, Flatten, Identity, Layer, Masking, ReLU
from tensorlab.tensor import attach_mask, mask_of
from tensorlab.tensor.masks import _masks

X = np.array([[[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [2.0, 0.0]]], np.float32)
MASK = [[True, False], [False, True]]


class Counting(Layer):
    """Return the mask that it was given, as numbers."""

    supports_masking = False

    def call(self, inputs: tl.Tensor, mask: Any = None) -> tl.Tensor:
        return tl.zeros(inputs.shape[:2]) if mask is None else mask.astype("float32")


def test_masking_marks_steps_and_sets_them_to_0() -> None:
    outputs = Masking(mask_value=2.0)(np.array([[[2.0, 2.0], [2.0, 0.0], [0.0, 0.0]]], np.float32))
    assert outputs.tolist() == [[[0.0, 0.0], [2.0, 0.0], [0.0, 0.0]]]
    assert mask_of(outputs).tolist() == [[False, True, True]]
    with pytest.raises(ArgumentError, match=r"^Masking 'm' mask_value: expected a finite number, received 'none'"):
        Masking("none", name="m")


def test_embedding_marks_zeros() -> None:
    outputs = Embedding(3, 2, mask_zero=True)(np.array([[1, 0], [0, 2]]))
    assert mask_of(outputs).tolist() == MASK
    assert mask_of(Embedding(3, 2)(np.array([[1, 0], [0, 2]]))) is None


@pytest.mark.parametrize("training", [False, True])
def test_mask_travels_through_layers_and_models(training: bool) -> None:
    inner = tl.Sequential([Dropout(0.5), Dense(2)])
    model = tl.Sequential([Masking(), Identity(), Dense(3, activation="sigmoid"), inner, ReLU(), Counting()])
    assert model(X, training=training).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_mask_that_is_given_has_precedence_over_that_of_the_inputs() -> None:
    given = tl.asarray([[True, True], [False, False]])
    assert Counting()(Masking()(X), mask=given).tolist() == [[1.0, 1.0], [0.0, 0.0]]


def test_mask_belongs_to_an_object_and_lives_as_long() -> None:
    before = len(_masks)
    outputs = Masking()(X)
    assert mask_of(outputs + 0.0) is None
    again = Identity()(outputs)
    del outputs
    gc.collect()
    assert mask_of(again).tolist() == MASK
    again[0, 0] = 5.0
    assert mask_of(again) is None, "it has other elements"
    attach_mask(again, tl.asarray(MASK))
    del again
    gc.collect()
    assert len(_masks) == before


def test_layer_without_masks_warns_and_passes_none_on() -> None:
    model = tl.Sequential([Masking(), Flatten(name="f")])
    with pytest.warns(
        UserWarning, match=r"^Flatten 'f': expected inputs without a mask, as the layer does not support"
    ):
        outputs = model(X)
    assert mask_of(outputs) is None


@pytest.mark.parametrize(
    ("reduction", "expected"), [("sum_over_batch_size", 2.5), ("sum", 5.0), ("none", [[1.0, 0.0], [0.0, 4.0]])]
)
def test_loss_counts_what_the_mask_does(reduction: str, expected: Any) -> None:
    loss = tl.losses.MeanSquaredError(reduction=reduction)
    outputs = Masking()(X)
    targets = np.array([[[1.0, 2.0], [9.0, 9.0]], [[9.0, 9.0], [4.0, 2.0]]], np.float32)
    assert loss(targets, outputs).tolist() == expected
    weights = np.array([1.0, 0.0], np.float32)
    weighted = {"sum_over_batch_size": 0.5, "sum": 1.0, "none": [[1.0, 0.0], [0.0, 0.0]]}[reduction]
    assert loss(targets, outputs, weights).tolist() == weighted


def test_loss_of_padding_alone_is_0() -> None:
    assert float(tl.losses.MeanSquaredError()(X, Masking()(np.zeros_like(X)))) == 0.0


def test_steps_with_masks_are_plans() -> None:
    model = tl.Sequential([Masking(), Dense(1)])
    model.compile("sgd", "mse")
    x = np.repeat(X, 20, axis=0)
    model.fit(x, np.ones((40, 2, 1), np.float32), batch_size=2, verbose=0)
    assert model.training_plan.reason == ""


def test_softmax_of_masked_inputs_is_that_of_the_others() -> None:
    scores, mask = np.array([[1.0, 5.0, 3.0], [4.0, 2.0, 2.0]], np.float32), np.array([[1, 0, 1], [0, 0, 0]], bool)
    outputs = tl.layers.Softmax()(scores, mask=tl.asarray(mask)).numpy()
    exponentials = np.exp(scores[0, [0, 2]])
    np.testing.assert_allclose(outputs[0, [0, 2]], exponentials / exponentials.sum(), rtol=1e-6)
    assert outputs[0, 1] == 0.0
    assert outputs[1].tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(
        ShapeError, match=r"^Softmax 's' mask: expected a shape that broadcasts to \(2, 3\), received \(2,\)"
    ):
        tl.layers.Softmax(name="s")(scores, mask=tl.asarray([True, False]))


def test_batch_normalization_takes_masks_of_steps_only() -> None:
    layer = tl.layers.BatchNormalization(name="b")
    with pytest.raises(ShapeError, match=r"^BatchNormalization 'b' mask: expected the shape \(2, 2\), received \(2,\)"):
        layer(X, training=True, mask=tl.asarray([True, False]))


def test_metrics_count_what_the_mask_does() -> None:
    targets, outputs = np.full((2, 2, 2), 1.0, np.float32), Masking()(X)
    metric = tl.metrics.MeanAbsoluteError()
    metric.update_state(targets, outputs)
    assert metric.result() == pytest.approx((0.5 + 1.0) / 2.0)
    metric.reset_state()
    metric.update_state(targets, outputs, sample_weight=[1.0, 3.0])
    assert metric.result() == pytest.approx((0.5 + 3.0 * 1.0) / 4.0)
