"""Read handwritten digits with a convolutional network: 0.99 of MNIST's test images.

    python examples/mnist_cnn.py                      MNIST, or scikit-learn's digits if it is not available
    python examples/mnist_cnn.py --dataset digits     a run of seconds
    python examples/mnist_cnn.py --epochs 1           a first look, without a target

The network has two convolutions and two dense layers. The result is checked: predictions are
probabilities, the accuracy is recomputed with NumPy, and it has to reach a target.

Exit status: 0; 1 if the result is not good enough; 2 for an invalid argument or missing data; 130 on Ctrl-C.
"""

from __future__ import annotations

import numpy as np
from command_line import Parser, run, whole_number
from digit_images import Array, Split, add_dataset, introduce, load

import tensorlab as tl
from tensorlab import layers

DEFAULTS = {"mnist": (10, 128, 0.99), "digits": (30, 32, 0.95)}
"""Epochs, batch size and target of each data set."""


def prepared(images: Array) -> Array:
    """Return images as numbers from 0 to 1, with an axis for the channel."""
    return (images / images.max()).astype("float32")[..., np.newaxis]


def learn(split: Split, epochs: int, batch_size: int) -> tuple[Array, float]:
    """Train the network, and return its probabilities for the test images and the accuracy that it reports."""
    (train_images, train_labels), (test_images, test_labels) = split
    x_train, x_test = prepared(train_images), prepared(test_images)

    model = tl.Sequential([
        tl.Input(shape=x_train.shape[1:]),
        layers.Conv2D(32, kernel_size=3, padding="same", activation="relu"),
        layers.MaxPooling2D(pool_size=2),
        layers.Conv2D(64, kernel_size=3, padding="same", activation="relu"),
        layers.MaxPooling2D(pool_size=2),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.summary()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, train_labels, epochs=epochs, batch_size=batch_size)
    _, accuracy = model.evaluate(x_test, test_labels, verbose=0)
    return model.predict(x_test, verbose=0), accuracy


def complaints(probabilities: Array, labels: Array, reported: float, target: float) -> list[str]:
    """Return what is wrong with a result."""
    found = []
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-4) or probabilities.min() < 0:
        found.append("the ten outputs of an image are not probabilities")
    accuracy = float(np.mean(probabilities.argmax(axis=1) == labels))
    if abs(accuracy - reported) > 1e-6:
        found.append(f"evaluate() gave accuracy {reported:.6f}, but predict() is right for {accuracy:.6f}")
    if accuracy < target:
        found.append(f"test accuracy {accuracy:.4f} is below the target of {target:g}")
    return found


def main() -> int:
    """Run the program and return its exit status."""
    parser = Parser(description="Train a convolutional network to read digits.")
    add_dataset(parser)
    parser.add_argument("--epochs", type=whole_number(1, 10_000), help="default: 10 for MNIST, 30 for the digits")
    parser.add_seed("the weights, the shuffling and the dropout")
    parser.add_target()
    chosen = parser.arguments()
    dataset, split = load(parser, chosen)
    epochs, batch_size, target = DEFAULTS[dataset]
    introduce(dataset, split)
    tl.utils.set_random_seed(chosen.seed)
    probabilities, accuracy = learn(split, chosen.epochs or epochs, batch_size)
    labels = split[1][1]
    right = int(np.sum(probabilities.argmax(axis=1) == labels))
    print(f"Test accuracy: {accuracy:.4f} ({right:,} of {len(labels):,})")
    if chosen.target_accuracy is not None or chosen.epochs is not None:
        target = chosen.target_accuracy or 0.0
    return parser.status(complaints(probabilities, labels, accuracy, target))


if __name__ == "__main__":
    run(main)
