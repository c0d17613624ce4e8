"""The scripts about metrics, added to those of `keras_scripts`."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras_programs import FEATURES, LABELS, TARGETS, X, settle
from keras_scripts import SCRIPTS, WEIGHTS, regression, script

__all__ = ["SCRIPTS"]

P = np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3], [0.05, 0.9, 0.05]], "f4")
ROWS = np.eye(3, dtype="f4")[[1, 0, 1, 2, 1]]
FOUND, TRUE = np.array([1, 0, 2, 2, 0, 1]), np.array([1, 0, 1, 2, 1, 0])


@script
def scores_of_classes(keras: Any) -> dict[str, Any]:
    metrics, found = keras.metrics, {}
    made = {
        "f1": metrics.F1Score(),
        "f1 micro": metrics.F1Score("micro", threshold=0.35),
        "f1 macro": metrics.F1Score(average="macro"),
        "f1 weighted": metrics.F1Score(average="weighted"),
        "f2": metrics.FBetaScore(beta=2.0, average="macro", threshold=0.25),
        "precision top 1": metrics.Precision(top_k=1),
        "precision top 2": metrics.Precision(top_k=2, class_id=1),
        "recall class": metrics.Recall(thresholds=[0.1, 0.45], class_id=1),
        "recall top 2": metrics.Recall(thresholds=0.35, top_k=2),
        "pr": metrics.AUC(curve="PR"),
        "pr minoring": metrics.AUC(20, curve="PR", summation_method="minoring"),
        "roc majoring": metrics.AUC(num_thresholds=20, summation_method="majoring"),
        "thresholds": metrics.AUC(thresholds=[0.2, 0.4, 0.6]),
    }
    for name, metric in made.items():
        assert metric.name.split("_")[0] in ("f1", "fbeta", "precision", "recall", "auc")
        metric.update_state(ROWS[:2], P[:2])
        metric.update_state(ROWS[2:], P[2:])
        found[name] = np.asarray(metric.result())
        metric.reset_state()
        metric.update_state(ROWS, P, sample_weight=np.array([1.0, 0.5, 2.0, 0.0, 1.0], "f4"))
        found[f"{name} weighted"] = np.asarray(metric.result())
    logits = metrics.AUC(from_logits=True)
    logits.update_state(ROWS, 4.0 * P - 2.0)
    return found | {"logits": float(logits.result())}


@script
def scores_of_regions_and_regressions(keras: Any) -> dict[str, Any]:
    metrics, found = keras.metrics, {}
    for name, metric in {
        "iou": metrics.IoU(num_classes=3, target_class_ids=[0, 2]),
        "mean iou": metrics.MeanIoU(num_classes=3),
        "ignoring": metrics.MeanIoU(num_classes=3, ignore_class=2),
        "of four": metrics.MeanIoU(4),
    }.items():
        metric.update_state(TRUE, FOUND)
        found[name] = [float(metric.result()), metric.name.startswith(("io_u", "mean_io_u"))]
    binary = metrics.BinaryIoU(target_class_ids=[0, 1], threshold=0.3)
    binary.update_state([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])
    found["binary"] = float(binary.result())
    for name, metric in {
        "r2": metrics.R2Score(),
        "adjusted": metrics.R2Score(num_regressors=2),
        "weighted": metrics.R2Score("variance_weighted_average"),
        "each": metrics.R2Score(None),
    }.items():
        metric.update_state(X[:7, :2], 0.9 * X[:7, :2] + 0.1)
        metric.update_state(X[7:, :2], 0.8 * X[7:, :2], sample_weight=WEIGHTS[7:])
        found[name] = np.asarray(metric.result())
    return found


@script
def metrics_of_fit(keras: Any) -> dict[str, Any]:
    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(3, "softmax")])
    settle(model)
    metrics = [
        "mse",
        "mae",
        "categorical_accuracy",
        keras.metrics.F1Score(average="macro"),
        keras.metrics.AUC(name="auc"),
    ]
    model.compile("adam", "categorical_crossentropy", metrics=metrics)
    rows = keras.utils.to_categorical(LABELS, 3)
    history = model.fit(X, rows, 5, epochs=2, validation_split=0.25, shuffle=False, verbose=0).history
    line = regression(
        keras, metrics=[keras.metrics.R2Score(name="r2"), keras.metrics.RootMeanSquaredError(name="rmse"), "mape"]
    )
    other = line.fit(X, TARGETS[:, None], 5, epochs=2, shuffle=False, verbose=0).history
    return {f"rows {name}": values for name, values in history.items()} | other
