"""Learn from a table: 569 tumours, 30 measurements of each, benign or malignant.

    python examples/tabular.py                a run of seconds
    python examples/tabular.py --seed 3       another split, other weights

The data set comes with scikit-learn. The learning rate follows a cosine, and training stops when the validation loss
has not improved for some epochs; the best weights are restored. The result is checked: accuracy and AUC are recomputed
with NumPy, the restored weights are those of the best epoch, and the accuracy is compared with logistic regression.

Exit status: 0; 1 if the result is not good enough; 2 for an invalid argument or missing data; 130 on Ctrl-C.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from command_line import Parser, run, whole_number

import tensorlab as tl
from tensorlab import callbacks, layers
from tensorlab.environment import install_extra
from tensorlab.optimizers import schedules

Array: TypeAlias = np.ndarray[Any, Any]
Part: TypeAlias = tuple[Array, Array]

BATCH = 32
TRAIN, VALIDATION = 341, 114  # the other 114 rows are for the test


@dataclass(frozen=True)
class Result:
    """The result of a run, for the report and the checks."""

    probabilities: Array
    labels: Array
    accuracy: float  # as the model reports it
    auc: float
    losses: list[float]  # of the validation, after each epoch
    restored: float  # the validation loss at the end
    baseline: float  # the accuracy of logistic regression


def parts(table: Array, labels: Array, seed: int) -> list[Part]:
    """Shuffle the rows, split them in three, and standardize the columns by the first part."""
    order = np.random.default_rng(seed).permutation(len(table))
    rows = np.split(order, [TRAIN, TRAIN + VALIDATION])
    mean, deviation = table[rows[0]].mean(axis=0), table[rows[0]].std(axis=0)
    return [(((table[each] - mean) / deviation).astype("float32"), labels[each]) for each in rows]


def learn(split: list[Part], epochs: int, patience: int) -> Result:
    """Train and test the network."""
    from sklearn.linear_model import LogisticRegression

    train, validation, test = split
    model = tl.Sequential([
        tl.Input(shape=train[0].shape[1:]),
        layers.Dense(32, activation="relu", kernel_regularizer="l2"),
        layers.Dropout(0.3),
        layers.Dense(16, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    schedule = schedules.CosineDecay(0.01, decay_steps=epochs * -(-TRAIN // BATCH))
    model.compile(optimizer=tl.optimizers.Adam(schedule), loss="binary_crossentropy", metrics=["accuracy", "auc"])
    stop = callbacks.EarlyStopping(monitor="val_loss", patience=patience, restore_best_weights=True)
    history = model.fit(
        *train, epochs=epochs, batch_size=BATCH, validation_data=validation, callbacks=[stop], verbose=0
    )
    restored, *_ = model.evaluate(*validation, verbose=0)
    _, accuracy, auc = model.evaluate(*test, verbose=0)
    baseline = LogisticRegression(max_iter=1000).fit(*train).score(*test)
    probabilities = model.predict(test[0], verbose=0)[:, 0]
    return Result(probabilities, test[1], accuracy, auc, history.history["val_loss"], restored, float(baseline))


def area_under_curve(probabilities: Array, labels: Array) -> float:
    """Return how often a positive sample has a higher probability than a negative one; ties count half."""
    positive, negative = probabilities[labels == 1][:, np.newaxis], probabilities[labels == 0]
    return float(np.mean((positive > negative) + 0.5 * (positive == negative)))


def complaints(result: Result) -> list[str]:
    """Return what is wrong with a result."""
    found = []
    accuracy = float(np.mean((result.probabilities > 0.5) == result.labels))
    if abs(accuracy - result.accuracy) > 1e-6:
        found.append(f"evaluate() gave accuracy {result.accuracy:.6f}, but predict() is right for {accuracy:.6f}")
    exact = area_under_curve(result.probabilities, result.labels)
    if abs(exact - result.auc) > 0.01:  # the metric has 200 thresholds
        found.append(f"evaluate() gave an AUC of {result.auc:.4f}, but it is {exact:.4f}")
    if abs(result.restored - min(result.losses)) > 1e-5:
        found.append(f"the weights have a loss of {result.restored:.6f}, the best epoch of {min(result.losses):.6f}")
    if accuracy < result.baseline - 0.03:
        found.append(f"accuracy {accuracy:.4f} is worse than that of logistic regression, {result.baseline:.4f}")
    return found


def main() -> int:
    """Run the program and return its exit status."""
    parser = Parser(description="Learn from a table of measurements, with early stopping and a schedule.")
    parser.add_argument("--epochs", type=whole_number(1, 10_000), default=60, help="at most; default: 60")
    parser.add_argument("--patience", type=whole_number(1, 10_000), default=10, help="epochs; default: 10")
    parser.add_seed("the split, the weights and the dropout")
    chosen = parser.arguments()
    try:
        from sklearn.datasets import load_breast_cancer
    except ImportError:
        parser.error(f"the data set comes with scikit-learn: {install_extra('digits')}")
    table, labels = load_breast_cancer(return_X_y=True)
    tl.utils.set_random_seed(chosen.seed)
    result = learn(parts(table, labels, chosen.seed), chosen.epochs, chosen.patience)
    best = int(np.argmin(result.losses)) + 1
    print(f"Epochs: {len(result.losses)} of {chosen.epochs}; validation loss {min(result.losses):.4f} after {best}")
    print(f"Test accuracy: {result.accuracy:.4f} of {len(result.labels)} tumours, AUC {result.auc:.4f}")
    print(f"Logistic regression: {result.baseline:.4f}")
    return parser.status(complaints(result))


if __name__ == "__main__":
    run(main)
