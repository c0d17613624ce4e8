"""Metrics with their arguments, whose results `record_metrics.py` writes to a file."""

from __future__ import annotations

from typing import Any

import numpy as np
from loss_records import Array, labels, numbers, shares, unit

COUNT = 12
P1, T1 = unit("one output", (COUNT,)), labels("one output", (COUNT,), 2)
P3, T3 = unit("three outputs", (COUNT, 3)), labels("three outputs", (COUNT, 3), 2).astype("float32")
S3, L3 = shares("three shares", (COUNT, 3)), labels("three shares", (COUNT,))
H3 = np.eye(3, dtype="float32")[L3]
R3, Y3 = numbers("real outputs", (COUNT, 3)), numbers("real targets", (COUNT, 3))
PIXELS, LABELS = labels("pixels", (COUNT, 4)), labels("pixel labels", (COUNT, 4))
MAPS = shares("maps", (COUNT, 4, 3))
IDS = np.argsort(-S3, axis=-1)

CASES: dict[str, tuple[str, dict[str, Any], Array, Array]] = {
    "one hot iou": ("OneHotIoU", {"num_classes": 3, "target_class_ids": [0, 2]}, H3, S3),
    "one hot iou of labels": ("OneHotIoU", {"num_classes": 3, "target_class_ids": [1], "sparse_y_pred": True}, H3, L3),
    "one hot mean iou": ("OneHotMeanIoU", {"num_classes": 3}, H3, S3),
    "one hot mean iou ignoring": ("OneHotMeanIoU", {"num_classes": 3, "ignore_class": 1}, H3, S3),
    "iou": ("IoU", {"num_classes": 3, "target_class_ids": [0, 1]}, LABELS, PIXELS),
    "iou of maps": ("IoU", {"num_classes": 3, "target_class_ids": [2], "sparse_y_pred": False}, LABELS, MAPS),
    "mean iou ignoring": ("MeanIoU", {"num_classes": 3, "ignore_class": 0}, LABELS, PIXELS),
    "binary iou": ("BinaryIoU", {"threshold": 0.4}, T1, P1),
    "binary iou of ones": ("BinaryIoU", {"target_class_ids": [1]}, T1, P1),
    "precision at recall": ("PrecisionAtRecall", {"recall": 0.6}, T1, P1),
    "precision at recall of few": ("PrecisionAtRecall", {"recall": 0.3, "num_thresholds": 7}, T1, P1),
    "precision at recall of one": ("PrecisionAtRecall", {"recall": 0.1, "num_thresholds": 1}, T1, P1),
    "recall at precision": ("RecallAtPrecision", {"precision": 0.5}, T1, P1),
    "recall at precision of class": ("RecallAtPrecision", {"precision": 0.3, "class_id": 1}, T3, P3),
    "recall at impossible precision": ("RecallAtPrecision", {"precision": 1.0}, 1 - T1 * (P1 > 0.5), P1),
    "sensitivity at specificity": ("SensitivityAtSpecificity", {"specificity": 0.5}, T1, P1),
    "sensitivity at high specificity": ("SensitivityAtSpecificity", {"specificity": 0.9, "num_thresholds": 50}, T3, P3),
    "specificity at sensitivity": ("SpecificityAtSensitivity", {"sensitivity": 0.4}, T1, P1),
    "specificity at sensitivity of class": ("SpecificityAtSensitivity", {"sensitivity": 0.7, "class_id": 2}, T3, P3),
    "auc": ("AUC", {}, T1, P1),
    "auc pr": ("AUC", {"curve": "PR", "num_thresholds": 30}, T1, P1),
    "auc prgain": ("AUC", {"curve": "PRGAIN"}, T1, P1),
    "auc minoring": ("AUC", {"summation_method": "minoring", "num_thresholds": 10}, T1, P1),
    "auc majoring": ("AUC", {"summation_method": "majoring", "curve": "PR", "num_thresholds": 10}, T1, P1),
    "auc thresholds": ("AUC", {"thresholds": [0.2, 0.5, 0.55]}, T1, P1),
    "auc logits": ("AUC", {"from_logits": True}, T3, R3),
    "auc labels": ("AUC", {"multi_label": True}, T3, P3),
    "auc labels pr": ("AUC", {"multi_label": True, "num_labels": 3, "curve": "PR"}, T3, P3),
    "auc labels weighted": ("AUC", {"multi_label": True, "label_weights": [1.0, 0.0, 2.5]}, T3, P3),
    "auc labels prgain": ("AUC", {"multi_label": True, "curve": "PRGAIN", "num_thresholds": 20}, T3, P3),
    "auc label weights": ("AUC", {"label_weights": [1.0, 0.5, 2.0]}, T3, P3),
    "precision": ("Precision", {"thresholds": 0.4}, T1, P1),
    "precision of top 2": ("Precision", {"top_k": 2}, H3, S3),
    "recall of class": ("Recall", {"class_id": 1}, T3, P3),
    "false negatives": ("FalseNegatives", {}, T3, P3),
    "pearson": ("PearsonCorrelation", {}, Y3, R3),
    "pearson axis": ("PearsonCorrelation", {"axis": 1}, Y3[:, :, None], R3[:, :, None]),
    "concordance": ("ConcordanceCorrelation", {}, Y3, R3),
    "concordance of maps": ("ConcordanceCorrelation", {"axis": 1}, shares("others", (COUNT, 4, 3)), MAPS),
    "sparse top k": ("SparseTopKCategoricalAccuracy", {"k": 2}, L3, S3),
    "sparse top k of ids": ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, L3, IDS),
    "top k": ("TopKCategoricalAccuracy", {"k": 2}, H3, S3),
    "binary accuracy": ("BinaryAccuracy", {"threshold": 0.3}, T1, P1),
    "accuracy": ("Accuracy", {}, LABELS, PIXELS),
    "cosine": ("CosineSimilarity", {}, Y3, R3),
    "cosine axis": ("CosineSimilarity", {"axis": 1}, shares("others", (COUNT, 4, 3)), MAPS),
    "log cosh": ("LogCoshError", {}, Y3, R3),
    "rmse": ("RootMeanSquaredError", {}, Y3, R3),
    "mape": ("MeanAbsolutePercentageError", {}, Y3, R3),
    "hinge": ("Hinge", {}, T3, R3),
    "squared hinge": ("SquaredHinge", {}, T3, R3),
    "categorical hinge": ("CategoricalHinge", {}, H3, R3),
    "kl": ("KLDivergence", {}, shares("other", (COUNT, 3)), S3),
    "poisson": ("Poisson", {}, abs(Y3), abs(R3)),
    "binary crossentropy": ("BinaryCrossentropy", {"label_smoothing": 0.2}, T3, P3),
    "categorical crossentropy": ("CategoricalCrossentropy", {"from_logits": True}, H3, R3),
    "categorical crossentropy axis": ("CategoricalCrossentropy", {"axis": 1}, H3[:, :, None], S3[:, :, None]),
    "sparse categorical crossentropy": ("SparseCategoricalCrossentropy", {}, L3, S3),
    "f1": ("F1Score", {"average": "macro", "threshold": 0.4}, T3, P3),
    "fbeta": ("FBetaScore", {"average": "weighted", "beta": 2.0}, H3, S3),
    "r2": ("R2Score", {}, Y3, R3),
}
"""Each gets two batches, and the second one with sample weights."""

FUNCTIONS: dict[str, tuple[dict[str, Any], Array, Array]] = {
    "binary_accuracy": ({"threshold": 0.4}, T3, P3),
    "categorical_accuracy": ({}, H3, S3),
    "concordance_correlation": ({}, Y3, R3),
    "pearson_correlation": ({"axis": 1}, Y3, R3),
    "sparse_categorical_accuracy": ({}, L3, S3),
    "sparse_top_k_categorical_accuracy": ({"k": 2, "from_sorted_ids": True}, L3, IDS),
    "top_k_categorical_accuracy": ({"k": 1}, H3, S3),
}

HALF = COUNT // 2
WEIGHTS = np.array([0.5, 1.0, 0.0, 2.0, 1.5, 0.25], "float32")
UNWEIGHTED = (
    "label weights",
    "of maps",
    "cosine axis",
    "categorical crossentropy axis",
    "pearson axis",
)
"""Ends of the names of cases for which Keras takes no weight of each sample."""


def batches(case: str) -> list[tuple[Array, Array, Array | None]]:
    _, _, targets, outputs = CASES[case]
    weights = WEIGHTS
    if case.endswith(UNWEIGHTED):
        return [(targets[:HALF], outputs[:HALF], None), (targets[HALF:], outputs[HALF:], None)]
    if "iou" in case or case == "accuracy":  # which want a weight for each target; Keras rounds those of IoU down
        whole = WEIGHTS if case == "accuracy" else np.floor(2 * WEIGHTS)
        weights = np.broadcast_to(whole.reshape(-1, *(1,) * (targets.ndim - 1)), targets[HALF:].shape)
        weights = weights[..., 0] if "one hot" in case else weights
    return [(targets[:HALF], outputs[:HALF], None), (targets[HALF:], outputs[HALF:], weights)]
