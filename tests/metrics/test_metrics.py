"""Metrics: values against NumPy, the choice of an accuracy by shape, and averages over samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError, ShapeError, UnknownNameError
from tensorlab.metrics import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    Mean,
    Metric,
    SparseCategoricalAccuracy,
)


def value_of(metric: Metric, targets: Any, outputs: Any) -> float:
    metric.reset_state()
    metric.update_state(targets, outputs)
    return metric.result()


@pytest.mark.parametrize("kind", ["uint8", "int64", "float32"])
@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("metric", [Accuracy(by_shape=True), SparseCategoricalAccuracy()])
def test_sparse_accuracy(metric: Metric, column: bool, kind: str, rng: np.random.Generator) -> None:
    outputs, labels = rng.normal(size=(37, 4)).astype("float32"), rng.integers(0, 4, 37)
    targets = labels.astype(kind)
    value = value_of(metric, targets[:, None] if column else targets, outputs)
    assert value == pytest.approx((outputs.argmax(axis=-1) == labels).mean(), rel=1e-6)


@pytest.mark.parametrize("metric", [Accuracy(by_shape=True), CategoricalAccuracy()])
def test_categorical_accuracy(metric: Metric, rng: np.random.Generator) -> None:
    outputs, targets = rng.normal(size=(37, 4)).astype("float32"), rng.normal(size=(37, 4)).astype("float32")
    expected = (outputs.argmax(axis=-1) == targets.argmax(axis=-1)).mean()
    assert value_of(metric, targets, outputs) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("metric", [Accuracy(by_shape=True), BinaryAccuracy()])
@pytest.mark.parametrize("column", [False, True])
def test_binary_accuracy(metric: Metric, column: bool, rng: np.random.Generator) -> None:
    outputs, targets = rng.uniform(size=(37, 1)).astype("float32"), rng.integers(0, 2, 37)
    expected = ((outputs[:, 0] > 0.5) == targets).mean()
    assert value_of(metric, targets[:, None] if column else targets, outputs) == pytest.approx(expected, rel=1e-6)


def test_binary_accuracy_counts_every_output_of_a_sample(rng: np.random.Generator) -> None:
    outputs, targets = rng.uniform(size=(11, 5)).astype("float32"), rng.integers(0, 2, (11, 5))
    expected = ((outputs > 0.5) == targets).mean()
    assert value_of(BinaryAccuracy(), targets, outputs) == pytest.approx(expected, rel=1e-6)


def test_binary_threshold_is_exclusive() -> None:
    outputs = np.array([[0.4], [0.5], [0.6], [0.8]], "float32")
    ones = np.ones((4, 1), "int64")
    assert value_of(BinaryAccuracy(), ones, outputs) == 0.5
    assert value_of(BinaryAccuracy(threshold=0.7), ones, outputs) == 0.25


def test_first_of_equal_outputs_counts() -> None:
    assert value_of(Accuracy(by_shape=True), np.array([0, 1]), np.full((2, 3), 0.5, "float32")) == 0.5


def test_accuracy_rejects_targets_of_another_shape() -> None:
    metric = Accuracy(by_shape=True)
    metric.add(1.0, 3)
    with pytest.raises(ShapeError) as error:
        metric.update_state(np.zeros((4, 2)), np.zeros((4, 3)))
    assert str(error.value) == "accuracy: expected targets that fit outputs of shape (4, 3), received (4, 2)"
    assert metric.result() == 1.0


def test_result_is_the_mean_over_samples_not_batches(rng: np.random.Generator) -> None:
    outputs, labels = rng.normal(size=(23, 4)).astype("float32"), rng.integers(0, 4, 23)
    right = outputs.argmax(axis=-1) == labels
    metric = Accuracy(by_shape=True)
    for start, stop in ((0, 1), (1, 17), (17, 23)):
        metric.update_state(labels[start:stop], outputs[start:stop])
        assert metric.result() == pytest.approx(right[:stop].mean(), rel=1e-6)
    metric.reset_state()
    assert metric.result() == 0.0


def test_mean_is_weighted_by_count() -> None:
    mean = Mean("loss")
    assert mean.name == "loss"
    mean.add(2.0, 3)
    mean.add(6.0, 1)
    assert mean.result() == 3.0


def test_metrics_are_not_recorded(rng: np.random.Generator) -> None:
    outputs = tl.Variable(rng.uniform(size=(5, 1)).astype("float32"))
    with tl.GradientTape() as tape:
        BinaryAccuracy().update_state(np.ones((5, 1)), outputs)
        assert tape._nodes == []
        tl.sum(outputs)
        assert len(tape._nodes) == 1


def test_fit_and_evaluate_weight_batches_by_size(rng: np.random.Generator) -> None:
    x = rng.normal(size=(23, 3)).astype("float32")
    y = rng.integers(0, 4, 23)
    model = tl.Sequential([tl.layers.Dense(4, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy", "sparse_categorical_accuracy"])
    model.optimizer.learning_rate = 0.0  # keeps the weights constant
    history = model.fit(x, y, batch_size=16, verbose=0, validation_data=(x[:5], y[:5])).history
    probabilities = model.predict(x).astype("float64")
    right = probabilities.argmax(axis=-1) == y
    losses = -np.log(probabilities[np.arange(23), y])
    assert list(history) == [
        "loss",
        "accuracy",
        "sparse_categorical_accuracy",
        "val_loss",
        "val_accuracy",
        "val_sparse_categorical_accuracy",
    ]
    assert history["accuracy"] == pytest.approx([right.mean()], rel=1e-6)
    assert history["sparse_categorical_accuracy"] == history["accuracy"]
    assert history["loss"] == pytest.approx([losses.mean()], rel=1e-5)
    assert history["val_accuracy"] == pytest.approx([right[:5].mean()], rel=1e-6)
    assert history["val_loss"] == pytest.approx([losses[:5].mean()], rel=1e-5)
    values = model.evaluate(x, y, batch_size=16, verbose=0)
    assert values == pytest.approx([losses.mean(), right.mean(), right.mean()], rel=1e-5)


def test_function_and_subclass_are_metrics(rng: np.random.Generator) -> None:
    def worst(y_true: tl.Tensor, y_pred: tl.Tensor) -> tl.Tensor:
        return tl.max(tl.abs(y_true - y_pred), axis=-1)

    class Above(Metric):
        name = "above"

        def __init__(self, bar: float, name: str | None = None) -> None:
            super().__init__(name)
            self.bar = bar

        def call(self, y_true: tl.Tensor, y_pred: tl.Tensor) -> tl.Tensor:
            return tl.greater(tl.max(y_pred, axis=-1), self.bar).astype("float32")

    targets, outputs = (rng.normal(size=(9, 3)).astype("float32") for _ in range(2))
    metric = tl.metrics.get(worst)
    assert metric.name == "worst"
    expected = np.abs(targets - outputs).max(axis=-1).mean()
    assert value_of(metric, targets, outputs) == pytest.approx(expected, rel=1e-5)
    above = Above.from_config(Above(0.25).get_config())
    assert (above.name, above.bar) == ("above", 0.25)
    assert value_of(above, targets, outputs) == pytest.approx((outputs.max(axis=-1) > 0.25).mean(), rel=1e-5)
    with pytest.raises(NotImplementedError, match=r"Metric has no call\(y_true, y_pred\)"):
        Metric().update_state(targets, outputs)


def test_get_accepts_names_classes_and_objects() -> None:
    ready = BinaryAccuracy(threshold=0.3)
    assert tl.metrics.get(ready) is ready
    assert isinstance(tl.metrics.get("accuracy"), Accuracy)
    assert tl.metrics.get("accuracy").name == "accuracy"
    assert isinstance(tl.metrics.get(CategoricalAccuracy), CategoricalAccuracy)
    assert tl.metrics.get(CategoricalAccuracy).name == "categorical_accuracy"
    with pytest.raises(UnknownNameError) as error:
        tl.metrics.get("acuracy")
    assert str(error.value).startswith(
        "metric: expected the name of a registered metric, received 'acuracy'; did you mean 'accuracy'"
    )
    with pytest.raises(ArgumentTypeError) as type_error:
        tl.metrics.get(3)
    assert str(type_error.value) == "metric: expected a name, a Metric, or a function of (y_true, y_pred), received 3"
