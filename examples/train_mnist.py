"""Learn to read handwritten digits: listings 2.1 to 2.7 of *Deep Learning with Python* as one program.

    python examples/train_mnist.py                           MNIST, or scikit-learn's digits if it is not available
    python examples/train_mnist.py --plot digits.png         and a picture of the result
    python examples/train_mnist.py --target-accuracy 0.97    and a failure below that

`learn` is the code of the book. The rest loads the data, checks the result and prints it.

Exit status: 0; 1 if the result is not good enough; 2 for an invalid argument, missing data or device; 130 on Ctrl-C.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass

import numpy as np
from command_line import Parser, run, whole_number
from digit_images import TITLES, Array, Split, add_dataset, introduce, load

import tensorlab as tl
from tensorlab import layers
from tensorlab.callbacks import Callback
from tensorlab.errors import DeviceError, NonFiniteError, UnknownNameError

DEFAULTS = {"mnist": (5, 128), "digits": (60, 32)}
"""Epochs and batch size. There are forty times fewer digits, so they need more epochs and smaller batches."""


@dataclass(frozen=True)
class Result:
    """The result of a run, for the report, the checks and the picture."""

    images: Array
    labels: Array
    probabilities: Array
    loss: float
    accuracy: float
    history: dict[str, list[float]]
    seconds: list[float]


class Stopwatch(Callback):
    """The training time of each epoch in seconds, without validation."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, float]) -> None:
        self.started = time.perf_counter()
        self.seconds.append(0.0)

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        self.seconds[-1] = time.perf_counter() - self.started


def learn(split: Split, epochs: int, batch_size: int) -> Result:
    """Train and test the network of the book."""
    # Listing 2.1: loading the data set
    (train_images, train_labels), (test_images, test_labels) = split

    # Listing 2.2: the network architecture
    model = tl.Sequential([
        layers.Dense(512, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])  # fmt: skip

    # Listing 2.3: the compilation step
    model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

    # Listing 2.4: preparing the image data
    x_train = train_images.reshape((len(train_images), 28 * 28)).astype("float32") / 255
    x_test = test_images.reshape((len(test_images), 28 * 28)).astype("float32") / 255

    # Listing 2.5: fitting the model; the test data are used for the learning curves only
    stopwatch = Stopwatch()
    history = model.fit(
        x_train,
        train_labels,
        epochs=epochs,
        batch_size=batch_size,
        validation_data=(x_test, test_labels),
        callbacks=[stopwatch],
    )

    # Listing 2.6: using the model to make predictions
    predictions = model.predict(x_test)

    # Listing 2.7: evaluating the model on new data
    test_loss, test_acc = model.evaluate(x_test, test_labels, verbose=0)

    return Result(test_images, test_labels, predictions, test_loss, test_acc, history.history, stopwatch.seconds)


def complaints(result: Result, target: float | None) -> list[str]:
    """Return what is wrong with a result. The accuracy is recomputed with NumPy."""
    found = []
    if not np.allclose(result.probabilities.sum(axis=1), 1, atol=1e-4) or result.probabilities.min() < 0:
        found.append("the ten outputs of an image are not probabilities")
    accuracy = float(np.mean(result.probabilities.argmax(axis=1) == result.labels))
    if abs(accuracy - result.accuracy) > 1e-6:
        found.append(f"evaluate() gave accuracy {result.accuracy:.6f}, but predict() is right for {accuracy:.6f}")
    commonest = float(np.bincount(result.labels).max() / len(result.labels))
    if accuracy <= commonest:
        found.append(f"accuracy {accuracy:.4f} is no better than always giving the commonest digit, {commonest:.4f}")
    if target is not None and accuracy < target:
        found.append(f"test accuracy {accuracy:.4f} is below the target of {target:g}")
    return found


def report(result: Result) -> None:
    """Print the first test digit's probabilities, the accuracy and the time."""
    print(f"\nThe first test digit is a {result.labels[0]}. Its probabilities:")
    for digit, probability in enumerate(result.probabilities[0]):
        print(f"  {digit}  {probability:.5f}  {'#' * round(40 * probability)}".rstrip())
    right = int(np.sum(result.probabilities.argmax(axis=1) == result.labels))
    print(f"\nTest accuracy: {result.accuracy:.4f} ({right:,} of {len(result.labels):,}), loss {result.loss:.4f}")
    # The median, because the first epoch of the first run compiles the kernels.
    first, typical = result.seconds[0], statistics.median(result.seconds)
    print(f"Time an epoch: {typical:.2f} s (the first, which prepares the kernels: {first:.2f} s)")


def arguments(parser: Parser) -> argparse.Namespace:
    """Parse and check the command line."""
    add = parser.add_argument
    add_dataset(parser)
    add("--epochs", type=whole_number(1, 10_000), help="default: 5 for MNIST, 60 for the digits")
    add("--batch-size", type=whole_number(1, 60_000), help="default: 128 for MNIST, 32 for the digits")
    parser.add_seed("the weights and the shuffling")
    add("--device", default="cpu", help="where to compute; default: cpu")
    parser.add_plot("curves, digits and the confusion matrix")
    parser.add_target()
    return parser.arguments()


def main() -> int:
    """Run the program and return its exit status."""
    parser = Parser(description="Train the network of Deep Learning with Python, chapter 2, to read digits.")
    chosen = arguments(parser)
    try:
        with tl.device(chosen.device):
            dataset, split = load(parser, chosen)
            epochs, batch_size = (
                given or default
                for given, default in zip((chosen.epochs, chosen.batch_size), DEFAULTS[dataset], strict=True)
            )
            introduce(dataset, split)
            tl.utils.set_random_seed(chosen.seed)
            result = learn(split, epochs, batch_size)
    except (DeviceError, UnknownNameError) as error:
        parser.error(str(error))
    except NonFiniteError as error:
        parser.exit(1, f"{parser.prog}: failed: {error}\n")
    report(result)
    if chosen.plot:
        from plots import train_mnist as picture

        picture.draw(chosen.plot, TITLES[dataset], result)
        print(f"Picture: {chosen.plot}")
    return parser.status(complaints(result, chosen.target_accuracy))


if __name__ == "__main__":
    run(main)
