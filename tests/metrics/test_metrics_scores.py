"""Scores of classes, regions and regressions: errors, and states that are reset, copied and saved.

`tests/models/test_keras_scripts.py` compares their values with Keras.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import metrics
from tensorlab.errors import ArgumentError, ShapeError, TensorlabError

ROWS, OUTPUTS = np.eye(3)[[0, 1, 2, 1]], np.array([[0.9, 0.1, 0.0], [0.3, 0.6, 0.1], [0.5, 0.2, 0.3], [0.1, 0.7, 0.2]])
MADE: dict[str, tuple[Callable[[], metrics.Metric], Any, Any]] = {
    "f1": (lambda: metrics.F1Score("macro"), ROWS, OUTPUTS),
    "r2": (metrics.R2Score, ROWS, OUTPUTS),
    "iou": (lambda: metrics.MeanIoU(3), [0, 1, 2, 1], [0, 1, 1, 1]),
    "top": (lambda: metrics.Precision(top_k=1), ROWS, OUTPUTS),
    "pr": (lambda: metrics.AUC(curve="PR"), ROWS, OUTPUTS),
}


@pytest.mark.parametrize("name", MADE)
def test_states_can_be_reset_copied_and_saved(name: str) -> None:
    make, targets, outputs = MADE[name]
    metric = make()
    metric.update_state(targets, outputs)
    once = metric.result()
    others = [copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))]
    restored = make()
    restored.set_state(metric.get_state())
    metric.update_state(targets, outputs)
    assert metric.result() == pytest.approx(once)
    for other in (*others, restored):
        assert other.result() == once
        other.reset_state()
        assert other.result() == make().result()
    again = type(metric).from_config(metric.get_config())
    again.update_state(targets, outputs)
    assert again.result() == once


REFUSED: list[tuple[Callable[[], Any], type[TensorlabError], str]] = [
    (
        lambda: metrics.F1Score("mean"),
        ArgumentError,
        "f1_score average: expected None, 'micro', 'macro' or 'weighted', received 'mean'",
    ),
    (lambda: metrics.FBetaScore(beta=0), ArgumentError, "fbeta_score beta: expected a number above 0, received 0"),
    (
        lambda: metrics.F1Score(threshold=1.5),
        ArgumentError,
        "f1_score threshold: expected a number above 0 and at most 1, received 1.5",
    ),
    (
        lambda: metrics.F1Score().update_state([1, 0], [0.5, 0.5]),
        ShapeError,
        "f1_score: expected targets and outputs of one shape (samples, outputs), received (2,) and (2,)",
    ),
    (
        lambda: metrics.F1Score().update_state(ROWS, OUTPUTS, [1.0, 2.0]),
        ShapeError,
        "f1_score sample_weight: expected a weight for each of 4 samples, received shape (2,)",
    ),
    (
        lambda: metrics.R2Score("mean"),
        ArgumentError,
        "r2_score class_aggregation: expected None, 'uniform_average' or 'variance_weighted_average', received 'mean'",
    ),
    (
        lambda: metrics.R2Score(num_regressors=-1),
        ArgumentError,
        "r2_score num_regressors: expected an integer of at least 0, received -1",
    ),
    (
        lambda: metrics.IoU(2, [2]),
        ArgumentError,
        "io_u target_class_ids: expected classes from 0 to 1, received [2]",
    ),
    (
        lambda: metrics.MeanIoU(0),
        ArgumentError,
        "mean_io_u num_classes: expected an integer of at least 1, received 0",
    ),
    (
        lambda: metrics.MeanIoU(2).update_state([0, 1], [0]),
        ShapeError,
        "mean_io_u: expected a target for each of 1 outputs, received 2 targets",
    ),
    (
        lambda: metrics.MeanIoU(2).update_state([0, 1], [0, 1], [1, 2, 3]),
        ShapeError,
        "mean_io_u sample_weight: expected a weight for each of 2 targets, received 3 weights",
    ),
    (
        lambda: metrics.BinaryIoU(threshold=2),
        ArgumentError,
        "binary_io_u threshold: expected a number from 0 to 1, received 2",
    ),
    (
        lambda: metrics.Precision(top_k=0),
        ArgumentError,
        "precision top_k: expected an integer of at least 1, received 0",
    ),
    (
        lambda: metrics.Recall(class_id=3).update_state(ROWS, OUTPUTS),
        ArgumentError,
        "recall class_id: expected a class from 0 to 2, received 3",
    ),
    (
        lambda: metrics.AUC(curve="PRC"),
        ArgumentError,
        "auc curve: expected one of 'roc', 'pr', 'prgain', received 'PRC'",
    ),
    (
        lambda: metrics.AUC(summation_method="sum"),
        ArgumentError,
        "auc summation_method: expected one of 'interpolation', 'minoring', 'majoring', received 'sum'",
    ),
]


@pytest.mark.parametrize(("make", "kind", "message"), REFUSED)
def test_wrong_arguments(make: Callable[[], Any], kind: type[TensorlabError], message: str) -> None:
    with pytest.raises(kind) as error:
        make()
    assert str(error.value) == message


def test_metrics_by_name_and_functions() -> None:
    model = tl.Sequential([tl.layers.Dense(3, "softmax")])
    model.compile("sgd", "mse", metrics=["r2_score", "f1_score", "mse"])
    logs = model.fit(np.ones((4, 2)), ROWS, verbose=0).history
    assert set(logs) == {"loss", "r2_score", "f1_score", "mse"}
    np.testing.assert_allclose(metrics.mean_squared_error(ROWS, OUTPUTS).numpy(), ((ROWS - OUTPUTS) ** 2).mean(axis=-1))
