"""The book's first program on the real digits, and its figures. Skipped where MNIST is not on this machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.layers import Dense

Array = np.ndarray[Any, Any]
BOOKS_LOSSES = [0.2577, 0.1042, 0.0687, 0.0508, 0.0382]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_books_first_program(
    seed: int, digits: tuple[Array, Array, Array, Array], capsys: pytest.CaptureFixture[str]
) -> None:
    train_images, train_labels, test_images, test_labels = digits
    tl.utils.set_random_seed(seed)
    model = tl.Sequential([Dense(512, activation="relu"), Dense(10, activation="softmax")])
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(train_images, train_labels, epochs=5, batch_size=128).history

    assert model.count_params() == 407_050
    assert model.optimizer.iterations == 5 * 469
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[:2] for line in lines] == [[f"Epoch {k}/5", "469/469"] for k in range(1, 6)]
    # The book's figures are those of one run; its slides have 0.2524 and 0.1035 for the first two epochs of another.
    assert history["loss"] == pytest.approx(BOOKS_LOSSES, rel=0.1)
    assert history["accuracy"][0] == pytest.approx(0.9245, abs=0.005)
    assert history["accuracy"][-1] == pytest.approx(0.9890, abs=0.003)

    predictions = model.predict(test_images[0:10])
    assert predictions.shape == (10, 10)
    np.testing.assert_allclose(predictions.sum(axis=1), 1.0, rtol=1e-5)
    assert predictions[0].argmax() == 7 == test_labels[0]
    assert predictions[0][7] > 0.999

    loss, accuracy = model.evaluate(test_images, test_labels, verbose=0)
    assert accuracy >= 0.977
    everything = model.predict(test_images, batch_size=1000)
    assert accuracy == pytest.approx((everything.argmax(axis=1) == test_labels).mean(), rel=1e-6)
    probabilities = everything[np.arange(10000), test_labels].astype("float64")
    assert loss == pytest.approx(-np.log(np.clip(probabilities, 1e-7, 1 - 1e-7)).mean(), rel=1e-4)
