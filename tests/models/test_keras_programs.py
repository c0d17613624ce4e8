"""Short programs in the style of Keras scripts compute the same numbers with tensorlab as with Keras 3.15.

The programs are in `tests/support/keras_programs.py`. To record the results again, call each with the module ``keras``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras_programs import PROGRAMS

import tensorlab as tl

pytestmark = pytest.mark.filterwarnings("ignore:.*do not pass an `input_shape`")

RECORDED: dict[str, dict[str, Any]] = {
    "diabetes": {"accuracy": [0.5, 0.5, 0.5], "loss": [0.723224, 0.7162396, 0.7094021], "scores": [0.7044448, 0.5]},
    "xor": {"outputs": [[0.2074928], [0.1716783], [0.3956978], [0.1782867]]},
    "flowers": {
        "accuracy": [0.2666667, 0.2666667, 0.2666667],
        "loss": [1.133192, 1.120737, 1.113877],
        "top_k_categorical_accuracy": [1.0, 1.0, 1.0],
        "val_accuracy": [0.2, 0.2, 0.2],
        "val_loss": [1.069777, 1.071143, 1.072679],
        "val_top_k_categorical_accuracy": [1.0, 1.0, 1.0],
        "classes": [0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2],
    },
    "digits_with_logits": {
        "loss": [1.110942, 1.110612],
        "sparse_categorical_accuracy": [0.35, 0.35],
        "first": 1.241022,
        "probabilities": [[0.2910087, 0.3134875, 0.3955038], [0.3253434, 0.3092038, 0.3654528]],
    },
    "house_prices": {"scores": [[0.1022933, 0.2863742], [0.09415169, 0.2682869]]},
    "early_stopping": {
        "loss": [2.151456, 0.9488916, 0.7264991, 0.7451007],
        "val_loss": [1.121379, 0.4999146, 0.6670887, 0.7320824],
        "after": 0.4999147,
        "stopped": 3,
    },
    "learning_rates": {
        "loss": [6.415746, 2.0377, 0.6749851, 0.4235656, 0.340648],
        "learning_rate": [0.2, 0.2, 0.1, 0.05, 0.025],
        "later loss": [0.3064953, 0.2758133, 0.2482438, 0.23569],
        "later learning_rate": [0.025, 0.025, 0.0125, 0.00625],
    },
    "subclassed_model": {"accuracy": [0.35, 0.3, 0.35], "loss": [1.128057, 1.107613, 1.103772]},
    "unbalanced_classes": {
        "auc": [0.03645833, 0.04166666, 0.04166666],
        "fn": [8.0, 8.0, 8.0],
        "fp": [10.0, 10.0, 10.0],
        "loss": [0.1037506, 0.1009468, 0.09839299],
        "precision": [0.0, 0.0, 0.0],
        "recall": [0.0, 0.0, 0.0],
        "val_auc": [0.0, 0.0, 0.0],
        "val_fn": [4.0, 4.0, 4.0],
        "val_fp": [4.0, 4.0, 4.0],
        "val_loss": [1.074556, 1.047762, 1.021957],
        "val_precision": [0.0, 0.0, 0.0],
        "val_recall": [0.0, 0.0, 0.0],
    },
    "normalized_batches": {
        "accuracy": [0.35, 0.35, 0.35],
        "loss": [1.158312, 1.142269, 1.129653],
        "val_accuracy": [0.25, 0.25, 0.3],
        "val_loss": [1.098689, 1.098451, 1.098336],
    },
    "autoencoder": {
        "loss": [0.7026771, 0.7026752],
        "val_loss": [0.6767172, 0.6767153],
        "codes": [[0.14418, -0.3468886], [0.4646713, 0.09185927]],
    },
    "all_optimizers": {
        "sgd": [6.092269, 5.095946],
        "rmsprop": [6.3887, 6.326747],
        "adam": [6.404634, 6.371772],
        "adamw": [6.404614, 6.371701],
        "adadelta": [6.415731, 6.415679],
        "adagrad": [6.407022, 6.388415],
        "adamax": [6.405744, 6.379651],
        "nadam": [6.406378, 6.381051],
    },
    "all_activations": {
        "outputs": [
            [0.1066036, 0.0, 0.0, 0.0, 0.2],
            [0.0, 0.0, 0.0, 0.1733195, 0.2],
            [0.0, 0.0, 0.0, 0.2, 0.2],
            [0.0, 0.0, 0.0, 0.2, 0.2],
        ]
    },
    "line": {"cost": 1.29798, "line": [[[0.09618946]], [0.9090312]]},
    "own_loss_and_metric": {
        "largest_error": [2.171696, 1.873678, 1.681437],
        "loss": [52.40884, 28.222, 17.98902],
        "mse": [5.826043, 4.317989, 3.467329],
    },
    "several_labels": {
        "accuracy": [0.35, 0.3],
        "binary_accuracy": [0.5666667, 0.6333334],
        "loss": [0.6982092, 0.6964681],
        "rounded": [
            [1.0, 1.0, 0.0],
            [1.0, 1.0, 1.0],
            [1.0, 1.0, 1.0],
            [1.0, 1.0, 1.0],
            [1.0, 1.0, 1.0],
            [0.0, 1.0, 1.0],
            [1.0, 1.0, 1.0],
            [1.0, 1.0, 1.0],
            [1.0, 1.0, 1.0],
            [1.0, 1.0, 0.0],
            [1.0, 0.0, 0.0],
            [1.0, 1.0, 0.0],
            [1.0, 1.0, 0.0],
            [1.0, 1.0, 1.0],
            [1.0, 1.0, 1.0],
            [1.0, 1.0, 1.0],
            [1.0, 1.0, 1.0],
            [0.0, 1.0, 1.0],
            [1.0, 1.0, 1.0],
            [1.0, 1.0, 1.0],
        ],
    },
    "frozen_layers": {"loss": [1.101647, 1.098966], "counts": [31, 2]},
    "smooth_labels": {
        "accuracy": [0.3328314, 0.3328314],
        "loss": [1.204302, 1.198538],
        "val_accuracy": [0.2552448, 0.2552448],
        "val_loss": [2.093183, 2.100417],
    },
}


def test_results_of_every_program_are_recorded() -> None:
    assert list(PROGRAMS) == list(RECORDED)


@pytest.mark.parametrize("name", PROGRAMS)
def test_results_match_keras(name: str) -> None:
    found = PROGRAMS[name](tl)
    assert set(found) == set(RECORDED[name])
    for what, expected in RECORDED[name].items():
        # elements are compared one by one, since the arrays of a list can have different shapes
        pairs = zip(found[what], expected, strict=True) if isinstance(expected, list) else [(found[what], expected)]
        for ours, theirs in pairs:
            np.testing.assert_allclose(np.asarray(ours, "f8"), theirs, rtol=2e-5, atol=2e-6, err_msg=what)
