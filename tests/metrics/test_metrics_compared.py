"""Metrics with their options over two batches, the second one weighted, against recorded results of Keras 3.15."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from metric_records import CASES, FUNCTIONS, P3, T3, batches
from record_metrics import RECORD

import tensorlab as tl
from tensorlab.errors import ArgumentError, ShapeError

KERAS: dict[str, Any] = json.loads(RECORD.read_text())


@pytest.mark.parametrize("case", CASES)
def test_results_match_keras(case: str) -> None:
    kind, arguments, _, _ = CASES[case]
    recorded = KERAS[case]
    with tl.device("reference"):  # compiles nothing
        metric = getattr(tl.metrics, kind)(**arguments)
        assert metric.name == re.sub(r"_\d+$", "", recorded["name"])
        for (targets, outputs, weights), expected in zip(batches(case), recorded["results"], strict=True):
            metric.update_state(targets, outputs, sample_weight=weights)
            np.testing.assert_allclose(metric.result(), expected, rtol=1e-5, atol=1e-6)
        again = tl.metrics.deserialize(json.loads(json.dumps(tl.metrics.serialize(metric))))
        again.set_state(metric.get_state())
        assert again.get_config() == metric.get_config()
        np.testing.assert_array_equal(again.result(), metric.result())
        metric.reset_state()
        targets, outputs, _ = batches(case)[0]
        metric.update_state(targets, outputs)
        np.testing.assert_allclose(metric.result(), recorded["results"][0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_match_keras(name: str) -> None:
    arguments, targets, outputs = FUNCTIONS[name]
    with tl.device("reference"):
        found = getattr(tl.metrics, name)(targets, outputs, **arguments)
    np.testing.assert_allclose(found.numpy(), KERAS[name], rtol=1e-5, atol=1e-6)


def test_metrics_of_labels_are_reported_by_fit() -> None:
    model = tl.Sequential([tl.layers.Input((3,)), tl.layers.Dense(3, activation="sigmoid")])
    auc = tl.metrics.AUC(multi_label=True, name="auc")
    model.compile(
        "sgd", "binary_crossentropy", metrics=[auc, tl.metrics.PrecisionAtRecall(0.5), "concordance_correlation"]
    )
    history = model.fit(P3, T3, batch_size=4, epochs=2, verbose=0).history
    assert set(history) == {"loss", "auc", "precision_at_recall", "concordance_correlation"}
    assert all(np.isfinite(values).all() for values in history.values())


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: tl.metrics.PrecisionAtRecall(1.5),
            ArgumentError,
            "precision_at_recall recall: expected a number from",
        ),
        (lambda: tl.metrics.RecallAtPrecision(0.5, 0), ArgumentError, "num_thresholds: expected an integer of at leas"),
        (
            lambda: tl.metrics.RecallAtPrecision(0.5, 1 << 21),
            ArgumentError,
            "expected at most 1,048,576, received 2097152",
        ),
        (lambda: tl.metrics.SensitivityAtSpecificity(0.5, class_id=-1), ArgumentError, "class_id: expected an integer"),
        (lambda: tl.metrics.SpecificityAtSensitivity("a"), ArgumentError, "specificity_at_sensitivity sensitivity: "),
        (lambda: tl.metrics.OneHotIoU(3, [3]), ArgumentError, "one_hot_io_u target_class_ids: expected classes from 0"),
        (lambda: tl.metrics.OneHotMeanIoU(0), ArgumentError, "one_hot_mean_io_u num_classes: expected an integer of"),
        (
            lambda: tl.metrics.AUC(num_labels=2),
            ArgumentError,
            "auc num_labels: expected None, without multi_label=True",
        ),
        (lambda: tl.metrics.AUC(label_weights="a"), ArgumentError, "auc label_weights: expected a"),
        (lambda: tl.metrics.AUC(multi_label=True)([0, 1], [0.5, 0.5]), ShapeError, "auc: expected outputs of shape "),
        (
            lambda: tl.metrics.AUC(multi_label=True, num_labels=2)(T3, P3),
            ShapeError,
            r"of shape \(samples, 2\)",
        ),
        (lambda: tl.metrics.AUC(label_weights=[1.0])(T3, P3), ShapeError, r"of shape \(samples, 1\), received"),
        (lambda: tl.metrics.PearsonCorrelation(axis=2)(T3, P3), ShapeError, "^pearson_correlation: "),
        (lambda: tl.metrics.ConcordanceCorrelation()(1.0, 2.0), ShapeError, "outputs with an axis, received a number"),
    ],
)
def test_invalid_arguments_are_rejected(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
