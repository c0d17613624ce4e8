"""Train a network on digits from scratch: the second half of *Deep Learning with Python*, chapter 2.

    python examples/from_scratch.py                           ten epochs by hand on MNIST: accuracy about 0.82
    python examples/from_scratch.py --plot scratch.png        and a picture of the weights
    python examples/from_scratch.py --target-accuracy 0.8     and a failure below that

This program defines layers, batches, the training step and its loop; tensorlab provides tensors, gradients, and
`tl.jit`, which repeats the step without its Python code. Then the program repeats the first steps from the same weights
with `optimizers.SGD` instead of the update by hand. Both must lead to the same weights.

Exit status: 0; 1 if the result is not good enough; 2 for an invalid argument or missing data; 130 on Ctrl-C.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from command_line import Parser, positive, run, whole_number
from digit_images import TITLES, Array, Split, add_dataset, introduce, load
from rich.console import Console

import tensorlab as tl
from tensorlab.optimizers import SGD

# The book's network and its training


class NaiveDense:
    """Compute ``activation(inputs · W + b)``. The weights start as random numbers from 0 to 0.1."""

    def __init__(self, input_size: int, output_size: int, activation: Callable[[Any], tl.Tensor]) -> None:
        self.activation = activation
        self.W = tl.Variable(tl.random.uniform((input_size, output_size), minval=0, maxval=0.1))
        self.b = tl.Variable(tl.zeros((output_size,)))

    def __call__(self, inputs: Any) -> tl.Tensor:
        return self.activation(tl.matmul(inputs, self.W) + self.b)

    @property
    def weights(self) -> list[tl.Variable]:
        return [self.W, self.b]


class NaiveSequential:
    """Apply layers one after the other."""

    def __init__(self, layers: list[NaiveDense]) -> None:
        self.layers = layers

    def __call__(self, inputs: Any) -> Any:
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    @property
    def weights(self) -> list[tl.Variable]:
        return [weight for layer in self.layers for weight in layer.weights]


def batches(images: Array, labels: Array, batch_size: int) -> Iterator[tuple[Array, Array]]:
    """Iterate over the data in order, in batches. The last one may be smaller."""
    for start in range(0, len(images), batch_size):
        yield images[start : start + batch_size], labels[start : start + batch_size]


Update = Callable[[list[tl.Tensor], list[tl.Variable]], None]


def by_hand(learning_rate: float) -> Update:
    """Move each weight against its gradient."""

    def update(gradients: list[tl.Tensor], weights: list[tl.Variable]) -> None:
        for gradient, weight in zip(gradients, weights, strict=True):
            weight.assign_sub(gradient * learning_rate)

    return update


def by_optimizer(learning_rate: float) -> Update:
    """Take the same step with an optimizer."""
    optimizer = SGD(learning_rate=learning_rate)
    return lambda gradients, weights: optimizer.apply_gradients(zip(gradients, weights, strict=True))


@tl.jit
def one_training_step(model: NaiveSequential, images: Array, labels: Array, update: Update) -> tl.Tensor:
    """Return the loss of a batch, and take a step that decreases it."""
    with tl.GradientTape() as tape:
        predictions = model(images)
        per_sample_losses = tl.losses.sparse_categorical_crossentropy(labels, predictions)
        average_loss = tl.mean(per_sample_losses)
    gradients = tape.gradient(average_loss, model.weights)
    update(gradients, model.weights)
    return average_loss


# Training and report


class Data(NamedTuple):
    """Images as rows of 784 numbers from 0 to 1, and their labels."""

    train_images: Array
    train_labels: Array
    test_images: Array
    test_labels: Array


@dataclass
class Result:
    """The result of a run, for the report, the checks and the picture."""

    losses: list[float] = field(default_factory=list)  # of every batch
    accuracies: list[float] = field(default_factory=list)  # on the test images; before the first epoch and after each
    templates: Array = field(default_factory=lambda: np.zeros((10, 28, 28)))
    difference: float = 0.0  # relative difference of the weights after the first steps


class Settings(NamedTuple):
    """Hyperparameters of the training. The defaults of each data set follow."""

    epochs: int
    batch_size: int
    learning_rate: float


FIRST_STEPS = 20
"""The number of steps that the optimizer repeats. It is small because tiny differences grow with every step."""

DEFAULTS = {"mnist": Settings(10, 128, 1e-3), "digits": Settings(120, 32, 1e-3)}


def prepared(split: Split) -> Data:
    """Convert the images to the inputs of the network."""
    (train_images, train_labels), (test_images, test_labels) = split
    rows = [images.reshape((len(images), 28 * 28)).astype("float32") / 255 for images in (train_images, test_images)]
    return Data(rows[0], train_labels, rows[1], test_labels)


def network(seed: int) -> NaiveSequential:
    """Create the network of the book. The seed determines its weights."""
    tl.utils.set_random_seed(seed)
    return NaiveSequential([
        NaiveDense(input_size=28 * 28, output_size=512, activation=tl.relu),
        NaiveDense(input_size=512, output_size=10, activation=tl.softmax),
    ])  # fmt: skip


def accuracy(model: NaiveSequential, data: Data) -> float:
    """Return the fraction of test images with the largest output at their label."""
    predictions = np.asarray(model(data.test_images))
    return float(np.mean(predictions.argmax(axis=1) == data.test_labels))


def templates(model: NaiveSequential) -> Array:
    """Return the product of both kernels, (10, 28, 28): the weights of each output if every hidden unit is on."""
    first, second = (layer.W for layer in model.layers)
    return (first @ second).numpy().T.reshape((10, 28, 28)).astype("float64")


def difference(data: Data, settings: Settings, seed: int) -> float:
    """Return the largest relative difference between the weights of both ways after the first steps."""
    ends = []
    for update in (by_hand(settings.learning_rate), by_optimizer(settings.learning_rate)):
        model = network(seed)
        for images, labels in itertools.islice(
            batches(data.train_images, data.train_labels, settings.batch_size), FIRST_STEPS
        ):
            one_training_step(model, images, labels, update)
        ends.append([weight.numpy() for weight in model.weights])
    return max(float(np.abs(a - b).max() / np.abs(a).max()) for a, b in zip(*ends, strict=True))


def learn(data: Data, settings: Settings, seed: int, console: Console) -> Result:
    """Train by hand and print each epoch; then repeat the first steps with an optimizer."""
    result, model = Result(), network(seed)
    before = templates(model)
    result.accuracies.append(accuracy(model, data))
    update = by_hand(settings.learning_rate)
    console.print("epoch  seconds     loss  test accuracy", style="bold")
    every = math.ceil(settings.epochs / 20)
    with console.status("The first step compiles the kernels, unless they are in the cache") as status:
        for epoch in range(settings.epochs):
            started, first = time.perf_counter(), len(result.losses)
            for images, labels in batches(data.train_images, data.train_labels, settings.batch_size):
                result.losses.append(float(one_training_step(model, images, labels, update)))
            seconds = time.perf_counter() - started
            right = accuracy(model, data)
            result.accuracies.append(right)
            if (epoch + 1) % every == 0 or epoch + 1 == settings.epochs:
                loss = np.mean(result.losses[first:])
                console.print(f"{epoch + 1:5}  {seconds:7.2f}  {loss:7.4f}  {right:.4f} {'━' * round(40 * right)}")
            status.update(f"Epoch {epoch + 2}")
    result.templates = templates(model) - before
    result.difference = difference(data, settings, seed)
    return result


def complaints(result: Result, settings: Settings, target: float | None) -> list[str]:
    """Return what is wrong with a result."""
    if not np.isfinite(result.losses).all():
        return [f"the loss is no longer finite: take a smaller --learning-rate than {settings.learning_rate:g}"]
    found = []
    if not result.difference < 1e-3:
        found.append(f"the optimizer's steps lead to weights that differ from those by hand by {result.difference:.2g}")
    if result.accuracies[-1] <= result.accuracies[0]:
        went = f"accuracy went from {result.accuracies[0]:.4f} to {result.accuracies[-1]:.4f}"
        found.append(f"{went}: take more --epochs, or a smaller --learning-rate than {settings.learning_rate:g}")
    if target is not None and result.accuracies[-1] < target:
        found.append(f"test accuracy {result.accuracies[-1]:.4f} is below the target of {target:g}")
    return found


def arguments(parser: Parser) -> argparse.Namespace:
    """Parse and check the command line."""
    add = parser.add_argument
    add_dataset(parser)
    add("--epochs", type=whole_number(1, 10_000), help="default: 10 for MNIST, 120 for the digits")
    add("--batch-size", type=whole_number(1, 60_000), help="default: 128 for MNIST, 32 for the digits")
    add("--learning-rate", type=positive, help="default: 0.001")
    parser.add_seed("the weights")
    parser.add_plot("the losses, the accuracy and what the weights have become")
    parser.add_target()
    return parser.arguments()


def main() -> int:
    """Run the program and return its exit status."""
    parser = Parser(description="Train a network to read digits, with layers and a training step written by hand.")
    chosen = arguments(parser)
    dataset, split = load(parser, chosen)
    introduce(dataset, split)
    default = DEFAULTS[dataset]
    settings = Settings(
        chosen.epochs or default.epochs,
        chosen.batch_size or default.batch_size,
        chosen.learning_rate or default.learning_rate,
    )
    console = Console(highlight=False)
    console.print("\nGradients by a tape, weights changed by hand\n", style="bold")
    result = learn(prepared(split), settings, chosen.seed, console)
    right, count = result.accuracies[-1], len(split[1][1])
    console.print(f"\nTest accuracy: {right:.4f} ({round(right * count):,} of {count:,})")
    console.print(f"The first steps again, by optimizers.SGD: weights alike to {result.difference:.0e}")
    if chosen.plot:
        from plots import from_scratch as picture

        picture.draw(chosen.plot, TITLES[dataset], result)
        print(f"Picture: {chosen.plot}")
    return parser.status(complaints(result, settings, chosen.target_accuracy))


if __name__ == "__main__":
    run(main)
