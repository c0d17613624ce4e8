"""The book's network, trained by tensorlab and by its formulas in NumPy with float64, compared after every step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.layers import Dense

Array = np.ndarray[Any, Any]
STEPS, BATCH, INPUTS, HIDDEN, CLASSES = 20, 128, 784, 512, 10


def numpy_training(weights: list[Array], x: Array, y: Array) -> tuple[list[Array], list[float]]:
    """Return the weights after one step for each batch, and the loss of each batch before its step."""
    weights = [weight.astype("float64") for weight in weights]
    squares = [np.zeros_like(weight) for weight in weights]
    losses = []
    for start in range(0, len(x), BATCH):
        inputs, labels = x[start : start + BATCH].astype("float64"), y[start : start + BATCH]
        kernel_1, bias_1, kernel_2, bias_2 = weights
        z = inputs @ kernel_1 + bias_1
        hidden = np.maximum(z, 0.0)
        logits = hidden @ kernel_2 + bias_2
        logits -= logits.max(axis=1, keepdims=True)
        p = np.exp(logits)
        p /= p.sum(axis=1, keepdims=True)
        rows = np.arange(len(labels))
        losses.append(-np.log(np.clip(p[rows, labels], 1e-7, 1.0 - 1e-7)).mean())
        # d loss / d logits = (p - one_hot) / batch, as no probability is clipped here
        assert ((p[rows, labels] > 1e-7) & (p[rows, labels] < 1.0 - 1e-7)).all()
        flowing = p
        flowing[rows, labels] -= 1.0
        flowing /= len(labels)
        back = (flowing @ kernel_2.T) * (z > 0.0)
        gradients = [inputs.T @ back, back.sum(axis=0), hidden.T @ flowing, flowing.sum(axis=0)]
        for k, gradient in enumerate(gradients):
            squares[k] = 0.9 * squares[k] + 0.1 * gradient**2
            weights[k] = weights[k] - 0.001 * gradient / np.sqrt(squares[k] + 1e-7)
    return weights, losses


class Losses(tl.callbacks.Callback):
    """Computes the loss of each batch from the running means in the logs."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.total = 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        total = logs["loss"] * (batch + 1)
        self.losses.append(total - self.total)
        self.total = total


# If the input of a relu is 0 within the rounding errors of float32 (about 1e-7 here), rounding decides whether the
# sample contributes to the gradient of a column, and then two correct trainings diverge. With this seed none of the
# 1.3 million inputs is closer to 0 than 1.6e-6.
SEED = 179


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 5e-7)])
def test_twenty_steps_match_numpy(dtype: str, tolerance: float) -> None:
    rng = np.random.default_rng(SEED)
    tl.random.set_seed(SEED)
    x = (rng.uniform(size=(STEPS * BATCH, INPUTS)) * (rng.uniform(size=(STEPS * BATCH, INPUTS)) < 0.2)).astype(dtype)
    y = rng.integers(0, CLASSES, STEPS * BATCH)
    model = tl.Sequential(
        [Dense(HIDDEN, activation="relu", dtype=dtype), Dense(CLASSES, activation="softmax", dtype=dtype)]
    )
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.build((None, INPUTS))
    expected, losses = numpy_training(model.get_weights(), x, y)
    watch = Losses()
    history = model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=[watch]).history
    assert model.optimizer.iterations == STEPS
    np.testing.assert_allclose(watch.losses, losses, rtol=tolerance)
    np.testing.assert_allclose(history["loss"], [np.mean(losses)], rtol=tolerance)
    for weight, value in zip(model.get_weights(), expected, strict=True):
        assert weight.dtype == np.dtype(dtype)
        np.testing.assert_allclose(weight, value, rtol=0.0, atol=tolerance)
