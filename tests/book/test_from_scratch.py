"""The chapter's example from scratch: layers, batches, a training step and a training loop, on MNIST."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import optimizers

Mnist = tuple[Any, Any, Any, Any]


class NaiveDense:
    def __init__(self, input_size: int, output_size: int, activation: Callable[[Any], tl.Tensor]) -> None:
        self.activation = activation
        self.W = tl.Variable(tl.random.uniform((input_size, output_size), minval=0, maxval=1e-1))
        self.b = tl.Variable(tl.zeros((output_size,)))

    def __call__(self, inputs: Any) -> tl.Tensor:
        return self.activation(tl.matmul(inputs, self.W) + self.b)

    @property
    def weights(self) -> list[tl.Variable]:
        return [self.W, self.b]


class NaiveSequential:
    def __init__(self, layers: list[NaiveDense]) -> None:
        self.layers = layers

    def __call__(self, inputs: Any) -> tl.Tensor:
        x = inputs
        for layer in self.layers:
            x = layer(x)
        return x

    @property
    def weights(self) -> list[tl.Variable]:
        weights = []
        for layer in self.layers:
            weights += layer.weights
        return weights


class BatchGenerator:
    def __init__(self, images: Any, labels: Any, batch_size: int = 128) -> None:
        assert len(images) == len(labels)
        self.index = 0
        self.images = images
        self.labels = labels
        self.batch_size = batch_size
        self.num_batches = math.ceil(len(images) / batch_size)

    def next(self) -> tuple[Any, Any]:
        images = self.images[self.index : self.index + self.batch_size]
        labels = self.labels[self.index : self.index + self.batch_size]
        self.index += self.batch_size
        return images, labels


LEARNING_RATE = 1e-3

Update = Callable[[list[Any], list[tl.Variable]], None]


def update_weights(gradients: list[Any], weights: list[tl.Variable]) -> None:
    for g, w in zip(gradients, weights, strict=True):
        w.assign_sub(g * LEARNING_RATE)


def one_training_step(model: NaiveSequential, images_batch: Any, labels_batch: Any, update: Update) -> tl.Tensor:
    with tl.GradientTape() as tape:
        predictions = model(images_batch)
        per_sample_losses = tl.losses.sparse_categorical_crossentropy(labels_batch, predictions)
        average_loss = tl.mean(per_sample_losses)
    gradients = tape.gradient(average_loss, model.weights)
    update(gradients, model.weights)
    return average_loss


def fit(
    model: NaiveSequential,
    images: Any,
    labels: Any,
    epochs: int,
    update: Update = update_weights,
    batch_size: int = 128,
) -> None:
    for epoch_counter in range(epochs):
        print(f"Epoch {epoch_counter}")
        batch_generator = BatchGenerator(images, labels, batch_size)
        for batch_counter in range(batch_generator.num_batches):
            images_batch, labels_batch = batch_generator.next()
            loss = one_training_step(model, images_batch, labels_batch, update)
            if batch_counter % 100 == 0:
                print(f"loss at batch {batch_counter}: {loss:.2f}")


def network() -> NaiveSequential:
    return NaiveSequential([
        NaiveDense(input_size=28 * 28, output_size=512, activation=tl.relu),
        NaiveDense(input_size=512, output_size=10, activation=tl.softmax),
    ])  # fmt: skip


def accuracy(model: NaiveSequential, images: Any, labels: Any) -> float:
    predictions = model(images)
    predictions = np.asarray(predictions)
    predicted_labels = np.argmax(predictions, axis=1)
    matches = predicted_labels == labels
    return float(matches.mean())


def test_initial_weights() -> None:
    model = network()
    assert len(model.weights) == 4
    assert [weight.shape for weight in model.weights] == [(784, 512), (512,), (512, 10), (10,)]
    for layer in model.layers:
        assert 0 <= float(tl.min(layer.W)) < 0.001
        assert 0.099 < float(tl.max(layer.W)) < 0.1
        assert not tl.any(layer.b)


@pytest.mark.parametrize("kind", [np.asarray, tl.asarray], ids=["ndarray", "tensor"])
def test_batches(kind: Any, digits: Mnist) -> None:
    batches = BatchGenerator(kind(digits[0]), kind(digits[1]))
    assert batches.num_batches == 469
    sizes = [len(batches.next()[1]) for _ in range(468)]
    images, labels = batches.next()
    assert set(sizes) == {128}
    assert (images.shape, labels.shape) == ((96, 784), (96,))
    assert int(labels[-1]) == 8


def test_training_step_matches_its_formula(digits: Mnist) -> None:
    """Compares the loss before the step and the weights after it with NumPy in float64."""
    images, labels = digits[0][:128], digits[1][:128]
    tl.random.set_seed(1)
    model = network()
    W1, b1, W2, b2 = (weight.numpy().astype("float64") for weight in model.weights)
    loss = one_training_step(model, images, labels, update_weights)

    sums = images @ W1 + b1
    hidden = np.maximum(sums, 0)
    logits = hidden @ W2 + b2
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = exponentials / exponentials.sum(axis=1, keepdims=True)
    right = (logits - logits.max(axis=1, keepdims=True) - np.log(exponentials.sum(axis=1, keepdims=True)))[
        range(128), labels
    ]
    errors = (shares - np.eye(10)[labels]) / len(labels)
    back = errors @ W2.T * (sums > 0)
    gradients = [images.T @ back, back.sum(axis=0), hidden.T @ errors, errors.sum(axis=0)]
    assert float(loss) == pytest.approx(-right.mean(), rel=1e-5)
    assert f"{loss:.2f}" == f"{float(loss):.2f}"
    for weight, start, gradient in zip(model.weights, (W1, b1, W2, b2), gradients, strict=True):
        np.testing.assert_allclose(weight, start - LEARNING_RATE * gradient, rtol=1e-5, atol=1e-7)


def test_ten_epochs_reach_the_accuracy_of_the_book(digits: Mnist, capsys: pytest.CaptureFixture[str]) -> None:
    train_images, train_labels, test_images, test_labels = digits
    tl.random.set_seed(0)
    model = network()
    fit(model, train_images, train_labels, epochs=10, batch_size=128)
    lines = capsys.readouterr().out.splitlines()
    assert lines[::6] == [f"Epoch {epoch}" for epoch in range(10)]
    losses = [float(line.rpartition(": ")[2]) for line in lines if line.startswith("loss at batch")]
    assert len(losses) == 10 * 5
    assert losses[0] > 2.3 > losses[1], "untrained: the loss of guessing, ln 10"
    assert np.mean(losses[-5:]) < 0.9
    assert accuracy(model, test_images, test_labels) == pytest.approx(0.82, abs=0.015)


def test_optimizer_matches_steps_written_by_hand(digits: Mnist) -> None:
    images, labels = digits[0][:12800], digits[1][:12800]
    optimizer = optimizers.SGD(learning_rate=LEARNING_RATE)

    def update_by_optimizer(gradients: list[Any], weights: list[tl.Variable]) -> None:
        optimizer.apply_gradients(zip(gradients, weights, strict=True))

    weights = []
    for update in (update_weights, update_by_optimizer):
        tl.random.set_seed(0)
        model = network()
        fit(model, images, labels, epochs=1, update=update)
        weights.append(model.weights)
    assert optimizer.iterations == 100
    for by_hand, by_optimizer in zip(*weights, strict=True):
        np.testing.assert_allclose(by_optimizer, by_hand, rtol=1e-5, atol=1e-6)
