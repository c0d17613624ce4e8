"""Metrics against recorded results of Keras 3.15 for the same batches, with and without sample weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import metrics
from tensorlab.errors import ArgumentTypeError

P = np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3], [0.05, 0.9, 0.05]], "float32")
LABELS = np.array([1, 0, 1, 2, 1])
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
B = np.array([[0.2], [0.7], [0.5], [0.9], [0.4]], "float32")
T = np.array([[0], [1], [1], [0], [0]])
R = np.array([[1.5, -2.0], [0.0, 0.5], [3.0, 1.0], [-1.0, -0.5], [2.0, 2.0]], "float32")
Y = np.array([[1.0, -1.0], [0.5, 0.0], [2.0, 2.0], [-1.5, 1.0], [2.0, 2.5]], "float32")
WEIGHTS = np.array([1.0, 0.0, 2.0, 0.5, 1.0], "float32")
FOUND = np.array([1, 0, 2, 2, 0])

# Class, arguments, targets, outputs, Keras's result, its result with sample weights, and Keras's name.
RECORDED: list[tuple[str, dict[str, Any], Any, Any, float, float, str]] = [
    ("Accuracy", {}, LABELS, FOUND, 0.6, 0.333333, "accuracy"),
    ("BinaryAccuracy", {}, T, B, 0.6, 0.444444, "binary_accuracy"),
    ("BinaryAccuracy", {"threshold": 0.3}, T, B, 0.6, 0.666667, "binary_accuracy"),
    ("CategoricalAccuracy", {}, ONE_HOT, P, 0.6, 0.444444, "categorical_accuracy"),
    ("SparseCategoricalAccuracy", {}, LABELS, P, 0.6, 0.444444, "sparse_categorical_accuracy"),
    ("TopKCategoricalAccuracy", {"k": 2}, ONE_HOT, P, 1.0, 1.0, "top_k_categorical_accuracy"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, LABELS, P, 1.0, 1.0, "sparse_top_k_categorical_accuracy"),
    ("MeanSquaredError", {}, Y, R, 0.65, 0.75, "mean_squared_error"),
    ("MeanAbsoluteError", {}, Y, R, 0.7, 0.777778, "mean_absolute_error"),
    ("RootMeanSquaredError", {}, Y, R, 0.806226, 0.866025, "root_mean_squared_error"),
    ("MeanAbsolutePercentageError", {}, Y, R, 50000056.0, 51.296299, "mean_absolute_percentage_error"),
    ("MeanSquaredLogarithmicError", {}, abs(Y), abs(R), 0.094648, 0.088729, "mean_squared_logarithmic_error"),
    ("LogCoshError", {}, Y, R, 0.275736, 0.321879, "logcosh"),
    ("CosineSimilarity", {}, Y, R, 0.67488, 0.893502, "cosine_similarity"),
    ("BinaryCrossentropy", {}, T, B, 0.817275, 0.727012, "binary_crossentropy"),
    ("BinaryCrossentropy", {"from_logits": True}, T, B, 0.765914, 0.728863, "binary_crossentropy"),
    ("CategoricalCrossentropy", {}, ONE_HOT, P, 0.963178, 1.334592, "categorical_crossentropy"),
    ("CategoricalCrossentropy", {"from_logits": True}, ONE_HOT, P, 0.986741, 1.089692, "categorical_crossentropy"),
    ("SparseCategoricalCrossentropy", {}, LABELS, P, 0.963178, 1.334592, "sparse_categorical_crossentropy"),
    ("KLDivergence", {}, ONE_HOT, P, 0.963175, 1.334589, "kl_divergence"),
    ("Poisson", {}, abs(Y), abs(R), 1.583719, 0.88715, "poisson"),
    ("Hinge", {}, T, B, 1.06, 1.011111, "hinge"),
    ("Hinge", {}, 2 * T - 1, B, 1.06, 1.011111, "hinge"),
    ("SquaredHinge", {}, T, B, 1.47, 1.267778, "squared_hinge"),
    ("CategoricalHinge", {}, ONE_HOT, P, 0.89, 1.088889, "categorical_hinge"),
    ("Precision", {}, T, B, 0.5, 0.0, "precision"),
    ("Recall", {}, T, B, 0.5, 0.0, "recall"),
    ("Precision", {"thresholds": 0.45}, T, B, 0.666667, 0.8, "precision"),
    ("TruePositives", {}, T, B, 1.0, 0.0, "true_positives"),
    ("FalsePositives", {}, T, B, 1.0, 0.5, "false_positives"),
    ("TrueNegatives", {}, T, B, 2.0, 2.0, "true_negatives"),
    ("FalseNegatives", {}, T, B, 1.0, 2.0, "false_negatives"),
    ("AUC", {}, T, B, 0.666667, 0.8, "auc"),
    ("AUC", {"num_thresholds": 5}, T, B, 0.583333, 0.6, "auc"),
]


@pytest.mark.parametrize(("name", "arguments", "targets", "outputs", "plain", "weighted", "reported"), RECORDED)
def test_results_match_keras(
    name: str, arguments: dict[str, Any], targets: Any, outputs: Any, plain: float, weighted: float, reported: str
) -> None:
    metric = getattr(metrics, name)(**arguments)
    assert metric.name == reported
    with tl.device("reference"):  # compiles nothing
        for weights, expected in ((None, plain), (WEIGHTS, weighted)):
            metric.reset_state()
            for part in (slice(0, 2), slice(2, 5)):
                metric.update_state(targets[part], outputs[part], None if weights is None else weights[part])
            assert metric.result() == pytest.approx(expected, rel=2e-5, abs=1e-6)
        again = tl.metrics.deserialize(tl.metrics.serialize(metric))
        assert type(again) is type(metric)
        assert again.get_config() == metric.get_config()


def test_mean_and_sum_match_keras() -> None:
    mean, total = metrics.Mean(), metrics.Sum()
    with tl.device("reference"):
        for metric in (mean, total):
            metric.update_state(2.0)
            metric.update_state([1.0, 3.0, 8.0])
            metric.update_state([[1.0, 2.0], [3.0, 4.0]])
            metric.update_state(5.0, sample_weight=3)
            metric.update_state([[1.0, 2.0], [3.0, 4.0]], sample_weight=[1.0, 3.0])
            metric.update_state([[1.0, 2.0], [3.0, 4.0]], sample_weight=[[1.0, 0.0], [3.0, 1.0]])
        assert total.result() == pytest.approx(77.0)
        mean.update_state([[1.0, 2.0], [3.0, 4.0]], sample_weight=[[1.0], [3.0]])
        assert mean.result() == pytest.approx(10.0 / 3.0, rel=1e-6)
        assert metrics.Mean()([1, 3, 5, 7]) == 4.0
        assert metrics.Mean()([1, 3, 5, 7], sample_weight=[1, 1, 0, 0]) == 2.0
        assert metrics.Mean()([1.0, 3.0], sample_weight=[0.0, 0.0]) == 0.0


# Names for compile, and their classes
NAMES = {
    "mae": "MeanAbsoluteError",
    "MSE": "MeanSquaredError",
    "mape": "MeanAbsolutePercentageError",
    "msle": "MeanSquaredLogarithmicError",
    "mean_squared_error": "MeanSquaredError",
    "MeanAbsoluteError": "MeanAbsoluteError",
    "RootMeanSquaredError": "RootMeanSquaredError",
    "root_mean_squared_error": "RootMeanSquaredError",
    "bce": "BinaryCrossentropy",
    "binary_accuracy": "BinaryAccuracy",
    "categorical_accuracy": "CategoricalAccuracy",
    "sparse_categorical_accuracy": "SparseCategoricalAccuracy",
    "top_k_categorical_accuracy": "TopKCategoricalAccuracy",
    "sparse_top_k_categorical_accuracy": "SparseTopKCategoricalAccuracy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "cosine_similarity": "CosineSimilarity",
    "kl_divergence": "KLDivergence",
    "hinge": "Hinge",
    "AUC": "AUC",
    "precision": "Precision",
    "accuracy": "Accuracy",
    "acc": "Accuracy",
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_metric_is_reported_under_the_requested_name(name: str, expected: str) -> None:
    metric = metrics.get(name)
    assert type(metric).__name__ == expected
    assert metric.name == name


def test_every_class_is_registered_under_its_name() -> None:
    for name in metrics.__all__:
        thing = getattr(metrics, name)
        if isinstance(thing, type) and name not in ("Metric", "MeanMetricWrapper"):
            if "At" in name or (
                name.endswith("IoU") and name != "BinaryIoU"
            ):  # which need a rate, or the number of classes
                with pytest.raises(ArgumentTypeError, match=f"^{name}: expected a value for '"):
                    metrics.get(name)
                continue
            assert type(metrics.get(name)) is thing
