"""The last programs of the chapter: a linear classifier by hand, a custom layer, and a compiled model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import layers, optimizers
from tensorlab.losses import MeanSquaredError
from tensorlab.metrics import BinaryAccuracy

Array = np.ndarray[Any, Any]
SAMPLES = 1000


@pytest.fixture
def clouds(rng: np.random.Generator) -> tuple[Array, Array]:
    """Two point clouds, and the class of each point, 0 or 1."""
    shape = [[1, 0.5], [0.5, 1]]
    negative = rng.multivariate_normal(mean=[0, 3], cov=shape, size=SAMPLES)
    positive = rng.multivariate_normal(mean=[3, 0], cov=shape, size=SAMPLES)
    inputs = np.vstack((negative, positive)).astype(np.float32)
    targets = np.vstack((np.zeros((SAMPLES, 1), dtype="float32"), np.ones((SAMPLES, 1), dtype="float32")))
    assert (inputs.shape, targets.shape) == ((2000, 2), (2000, 1))
    return inputs, targets


def test_linear_classifier_by_hand(clouds: tuple[Array, Array], capsys: pytest.CaptureFixture[str]) -> None:
    inputs, targets = clouds
    W = tl.Variable(initial_value=tl.random.uniform(shape=(2, 1)))
    b = tl.Variable(initial_value=tl.zeros(shape=(1,)))
    start = np.append(W.numpy(), 0.0).reshape(3, 1)

    def model(inputs: Any) -> tl.Tensor:
        return tl.matmul(inputs, W) + b

    def square_loss(targets: Any, predictions: tl.Tensor) -> tl.Tensor:
        per_sample_losses = tl.square(targets - predictions)
        return tl.mean(per_sample_losses)

    learning_rate = 0.1

    def training_step(inputs: Any, targets: Any) -> tl.Tensor:
        with tl.GradientTape() as tape:
            predictions = model(inputs)
            loss = square_loss(targets, predictions)
        grad_loss_wrt_W, grad_loss_wrt_b = tape.gradient(loss, [W, b])
        W.assign_sub(grad_loss_wrt_W * learning_rate)
        b.assign_sub(grad_loss_wrt_b * learning_rate)
        return loss

    for step in range(40):
        loss = training_step(inputs, targets)
        print(f"Loss at step {step}: {loss:.4f}")
    assert capsys.readouterr().out.endswith(f"Loss at step 39: {float(loss):.4f}\n")

    # Compare with forty steps of the formula, the best line, and the book's figure. For other clouds and initial
    # weights the loss is 0.0284 with a standard deviation of 0.0013.
    columns = np.hstack((inputs, np.ones((2000, 1)))).astype("float64")
    line = start.astype("float64")
    for _ in range(40):
        errors = columns @ line - targets
        line -= learning_rate * 2.0 * columns.T @ errors / 2000
    assert float(loss) == pytest.approx(float(np.mean(errors**2)), rel=1e-4)
    np.testing.assert_allclose(np.append(W.numpy(), b.numpy()), line.ravel(), rtol=0, atol=1e-5)
    least = float(np.mean((columns @ np.linalg.lstsq(columns, targets)[0] - targets) ** 2))
    assert least < float(loss) < least + 0.01
    assert float(loss) == pytest.approx(0.025, abs=0.013)

    predictions = model(inputs)
    assert np.mean((predictions > 0.5) == (targets > 0.5)) > 0.98

    x = np.linspace(-1, 4, 100)
    y = -W[0] / W[1] * x + (0.5 - b) / W[1]
    assert y.shape == (100,)
    points = tl.asarray(np.stack((x, y), axis=1), dtype="float32")
    np.testing.assert_allclose(model(points), 0.5, atol=1e-5)


# A custom layer


class SimpleDense(layers.Layer):
    def __init__(self, units: int, activation: Any = None) -> None:
        super().__init__()
        self.units = units
        self.activation = activation

    def build(self, input_shape: Any) -> None:
        input_dim = input_shape[-1]
        self.W = self.add_weight(shape=(input_dim, self.units), initializer="random_normal")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        y = tl.matmul(inputs, self.W) + self.b
        if self.activation is not None:
            y = self.activation(y)
        return y


@pytest.mark.parametrize("activation", [tl.relu, "relu"], ids=["function", "string"])
def test_layer_is_built_by_its_first_inputs(activation: Any) -> None:
    my_dense = SimpleDense(units=32, activation=activation)
    assert my_dense.weights == []
    input_tensor = tl.ones(shape=(2, 784))
    output_tensor = my_dense(input_tensor)
    assert output_tensor.shape == (2, 32)
    np.testing.assert_allclose(output_tensor, np.maximum(np.ones((2, 784)) @ my_dense.W + my_dense.b, 0), atol=1e-4)
    assert [weight.shape for weight in my_dense.weights] == [(784, 32), (32,)]


def test_custom_layers_are_stacked_and_trained(clouds: tuple[Array, Array]) -> None:
    inputs, targets = clouds
    model = tl.Sequential([SimpleDense(32, activation="relu"), SimpleDense(16, activation=tl.relu), SimpleDense(1)])
    model.compile(optimizer="adam", loss="mse", metrics=["accuracy"])
    history = model.fit(inputs, targets, epochs=5, batch_size=16, verbose=0).history
    assert model.count_params() == (2 * 32 + 32) + (32 * 16 + 16) + (16 + 1)
    assert history["accuracy"][-1] > 0.98


# The same classifier as a Sequential model


def test_fit_validate_evaluate_and_predict(clouds: tuple[Array, Array], rng: np.random.Generator) -> None:
    inputs, targets = clouds
    model = tl.Sequential([layers.Dense(1)])
    model.compile(optimizer=optimizers.RMSprop(learning_rate=0.1), loss=MeanSquaredError(), metrics=[BinaryAccuracy()])
    order = rng.permutation(len(inputs))
    inputs, targets = inputs[order], targets[order]
    count = int(0.3 * len(inputs))
    val_inputs, val_targets = inputs[:count], targets[:count]
    training_inputs, training_targets = inputs[count:], targets[count:]

    history = model.fit(
        training_inputs,
        training_targets,
        epochs=5,
        batch_size=16,
        validation_data=(val_inputs, val_targets),
        verbose=0,
    ).history
    assert list(history) == ["loss", "binary_accuracy", "val_loss", "val_binary_accuracy"]
    assert all([len(values) == 5 and np.isfinite(values).all() for values in history.values()])
    # Steps of 0.1 are large, so the accuracy oscillates: one epoch in four ends below 0.95, and all five of a run do
    # in one of five hundred runs. One epoch in thirty ends below 0.7.
    assert max(history["val_binary_accuracy"]) > 0.7

    loss, share = model.evaluate(val_inputs, val_targets, batch_size=128, verbose=0)
    assert [loss, share] == pytest.approx([history["val_loss"][-1], history["val_binary_accuracy"][-1]], rel=1e-5)

    predictions = model.predict(val_inputs, batch_size=128)
    assert isinstance(predictions, np.ndarray)
    assert predictions.shape == (count, 1)
    np.testing.assert_allclose(predictions, model(val_inputs), rtol=1e-6)
    assert share == pytest.approx(np.mean((predictions > 0.5) == (val_targets > 0.5)))


SHARES = np.array([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.5, 0.1, 0.4]])

ACCURACIES: dict[str, tuple[Any, Any, float]] = {
    "binary: one output, one target": ([[1.0], [0.0], [1.0], [1.0]], SHARES[:, 1:2], 1 / 2),
    "binary: one output, targets without an axis": ([1.0, 0.0, 1.0, 1.0], SHARES[:, 1:2], 1 / 2),
    "sparse: three outputs, one label": ([1, 0, 0, 2], SHARES, 1 / 2),
    "sparse: labels in a column": ([[1], [0], [2], [0]], SHARES, 1.0),
    "categorical: three outputs, three targets": (np.eye(3)[[1, 0, 0, 0]], SHARES, 3 / 4),
}


@pytest.mark.parametrize("case", ACCURACIES)
def test_accuracy_is_selected_by_the_shapes_of_targets_and_outputs(case: str) -> None:
    targets, outputs, expected = ACCURACIES[case]
    loss = {"b": "binary_crossentropy", "s": "sparse_categorical_crossentropy", "c": "categorical_crossentropy"}
    model = tl.Sequential([layers.Activation("linear")])
    model.compile(loss=loss[case[0]], metrics=["accuracy"])
    logs = model.evaluate(outputs.astype("float32"), targets, verbose=0, return_dict=True)
    assert logs["accuracy"] == pytest.approx(expected)
