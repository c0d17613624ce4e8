"""The chapter's first look at a neural network: a perceptron by hand, the data, the network, and its training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.layers import Dense
from tensorlab.optimizers import Adam, RMSprop

Mnist = tuple[Any, Any, Any, Any]


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


# A perceptron by hand

WEIGHTS, BIASES, INPUTS = [[1.0, -2.0], [-1.0, 1.0]], [1.0, 0.0], [1.0, -1.0]


def test_neuron_by_hand() -> None:
    output = tl.sigmoid(1.0 * 1.0 + (-1.0) * (-2.0) + 1.0)
    assert f"{output:.2f}" == "0.98"
    assert float(output) == pytest.approx(sigmoid(4.0))


def test_layer_of_two_neurons_by_hand() -> None:
    weights, inputs, biases = tl.asarray(WEIGHTS), tl.asarray(INPUTS), tl.asarray(BIASES)
    sums = tl.dot(weights, inputs) + biases
    assert sums.tolist() == [4.0, -2.0]
    outputs = tl.sigmoid(sums)
    assert [f"{output:.2f}" for output in outputs] == ["0.98", "0.12"]
    np.testing.assert_allclose(outputs, [sigmoid(4.0), sigmoid(-2.0)], rtol=1e-6)


def test_layer_of_two_neurons_as_dense_layer() -> None:
    layer = Dense(2, activation="sigmoid")
    layer.build((None, 2))
    layer.set_weights([np.transpose(WEIGHTS), BIASES])  # a kernel has one column per neuron
    np.testing.assert_allclose(layer([INPUTS]), [[sigmoid(4.0), sigmoid(-2.0)]], rtol=1e-6)


# The data


def test_load_data_returns_the_documented_arrays(mnist: Mnist) -> None:
    train_images, train_labels, test_images, test_labels = mnist
    assert [array.shape for array in mnist] == [(60000, 28, 28), (60000,), (10000, 28, 28), (10000,)]
    assert {array.dtype for array in mnist} == {np.dtype("uint8")}
    assert len(train_labels) == 60000
    assert len(test_labels) == 10000
    assert (train_images.min(), train_images.max()) == (test_images.min(), test_images.max()) == (0, 255)


def test_labels_are_shown_as_in_the_book(mnist: Mnist) -> None:
    _, train_labels, _, test_labels = mnist
    train, test = tl.asarray(train_labels), tl.asarray(test_labels)
    assert repr(train) == "Tensor([5, 0, 4, ..., 5, 6, 8], shape=(60000,), dtype=uint8)"
    assert repr(test) == "Tensor([7, 2, 1, ..., 4, 5, 6], shape=(10000,), dtype=uint8)"
    assert train[4] == 9
    assert test[0] == 7


@pytest.mark.parametrize("kind", [np.asarray, tl.asarray], ids=["ndarray", "tensor"])
def test_images_are_converted_to_rows_of_numbers_from_0_to_1(kind: Any, mnist: Mnist) -> None:
    images = kind(mnist[2])
    rows = images.reshape((10000, 28 * 28)).astype("float32") / 255
    assert isinstance(rows, np.ndarray if kind is np.asarray else tl.Tensor)
    assert (rows.shape, rows.dtype) == ((10000, 784), np.float32)
    np.testing.assert_allclose(np.asarray(rows[3]), mnist[2][3].ravel() / 255.0, rtol=1e-7)


# The network


def network() -> tl.Sequential:
    return tl.Sequential([Dense(512, activation="relu"), Dense(10, activation="softmax")])


def test_network_has_407_050_parameters() -> None:
    model = network()
    assert model(np.zeros((1, 784), "float32")).shape == (1, 10)
    assert [layer.count_params() for layer in model.layers] == [784 * 512 + 512, 512 * 10 + 10] == [401_920, 5_130]
    assert model.count_params() == 407_050


@pytest.mark.parametrize(("name", "make"), [("rmsprop", RMSprop), ("adam", Adam)])
def test_optimizer_by_name_and_as_an_object_give_the_same_training(name: str, make: Any, digits: Mnist) -> None:
    images, labels = digits[0][:1000], digits[1][:1000]

    def train(optimizer: Any, loss: Any) -> Any:
        tl.utils.set_random_seed(0)
        model = network()
        model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
        return model.fit(images, labels, epochs=2, batch_size=128, verbose=0), model.optimizer.iterations

    history, steps = train(name, "sparse_categorical_crossentropy")
    again, _ = train(make(learning_rate=0.001), tl.losses.SparseCategoricalCrossentropy())
    assert history.history == again.history
    assert history.history["accuracy"][-1] > history.history["accuracy"][0] > 0.4
    assert steps == 2 * math.ceil(1000 / 128) == 16


def test_epoch_has_469_steps_and_a_last_batch_of_96() -> None:
    assert divmod(60000, 128) == (468, 96)
    assert 5 * math.ceil(60000 / 128) == 2345


# The training, on MNIST

BOOKS_LOSSES = [0.2577, 0.1042, 0.0687, 0.0508, 0.0382]
BOOKS_ACCURACIES = [0.9245, 0.9690, 0.9793, 0.9848, 0.9890]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_first_program_of_the_book(seed: int, digits: Mnist, capsys: pytest.CaptureFixture[str]) -> None:
    train_images, train_labels, test_images, test_labels = digits
    tl.utils.set_random_seed(seed)
    model = tl.Sequential([Dense(512, activation="relu"), Dense(10, activation="softmax")])
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(train_images, train_labels, epochs=5, batch_size=128).history

    assert model.count_params() == 407_050
    assert model.optimizer.iterations == 5 * 469
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[:2] for line in lines] == [[f"Epoch {k}/5", "469/469"] for k in range(1, 6)]
    # The book's figures are those of one run; its slides have 0.2524 and 0.1035 for the first two epochs of another
    # run.
    assert history["loss"] == pytest.approx(BOOKS_LOSSES, rel=0.1)
    assert history["accuracy"] == pytest.approx(BOOKS_ACCURACIES, abs=0.005)

    predictions = model.predict(test_images[0:10])
    assert predictions.shape == (10, 10)
    np.testing.assert_allclose(predictions.sum(axis=1), 1.0, rtol=1e-5)
    assert predictions[0].argmax() == 7 == test_labels[0]
    assert predictions[0][7] > 0.99

    loss, accuracy = model.evaluate(test_images, test_labels, verbose=0)
    assert accuracy >= 0.977, "the book has 0.9785"
    everything = model.predict(test_images, batch_size=1000)
    assert accuracy == pytest.approx((everything.argmax(axis=1) == test_labels).mean(), rel=1e-6)
    probabilities = everything[np.arange(10000), test_labels].astype("float64")
    assert loss == pytest.approx(-np.log(probabilities).mean(), rel=1e-4)
