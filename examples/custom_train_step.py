"""Write a training step: a network that is trained on images which were changed to mislead it.

    python examples/custom_train_step.py                  a run of seconds, on scikit-learn's digits
    python examples/custom_train_step.py --strength 0.3   changes that are harder to resist

`Adversarial` is a `Model` that replaces `train_step`: it computes the gradient of the loss for the images, moves each
pixel by a small step that increases the loss, and trains on the result (Goodfellow et al., arXiv:1412.6572). `fit`,
metrics and callbacks work as ever.

The result is checked: without changes, the step gives the weights of the built-in one, to the bit; and against changed
test images, the network is better than one that was trained without them.

Exit status: 0; 1 if the result is not good enough; 2 for an invalid argument or missing data; 130 on Ctrl-C.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from command_line import Parser, number, run, whole_number

import tensorlab as tl
from tensorlab import layers
from tensorlab.datasets import digits
from tensorlab.errors import DatasetError

Array: TypeAlias = np.ndarray[Any, Any]


class Plain(tl.Model):
    """A small network."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(64, activation="relu")
        self.out = layers.Dense(10, activation="softmax")

    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        """Return the probabilities of the digits."""
        return self.out(self.hidden(inputs))


def misleading(model: tl.Model, x: Any, y: Any, strength: float) -> tl.Tensor:
    """Move each pixel by ``strength`` in the direction that increases the loss."""
    x = tl.asarray(x)
    with tl.GradientTape() as tape:
        tape.watch(x)
        loss = tl.mean(tl.losses.sparse_categorical_crossentropy(y, model(x)))
    return x + strength * tl.sign(tape.gradient(loss, x))


class Adversarial(Plain):
    """The same network, trained on images that mislead it."""

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def train_step(self, data: Any) -> dict[str, Any]:
        """Take one step on a batch, and return the metrics so far."""
        x, y = data
        if self.strength:
            x = misleading(self, x, y, self.strength)
        with tl.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred)
        weights = self.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {"loss": float(loss), **self.compute_metrics(x, y, y_pred)}


def trained(model: tl.Model, x: Array, y: Array, epochs: int, seed: int) -> tl.Model:
    """Train a model, from the same weights and in the same order for every model of a seed."""
    tl.utils.set_random_seed(seed)
    model.build((None, x.shape[1]))
    weights = np.random.default_rng(seed)
    model.set_weights([weights.normal(0, 0.1, weight.shape).astype("float32") for weight in model.weights])
    model.compile(optimizer=tl.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=epochs, batch_size=32, shuffle=False, verbose=0)
    return model


def accuracy(model: tl.Model, x: Any, y: Array) -> float:
    """Return the fraction of images that a model reads correctly."""
    return float(np.mean(np.asarray(model(x)).argmax(axis=1) == y))


def main() -> int:
    """Run the program and return its exit status."""
    parser = Parser(description="Train a network by a step of its own, on images that mislead it.")
    add = parser.add_argument
    add("--epochs", type=whole_number(1, 10_000), default=20, help="default: 20")
    add("--strength", type=number(0, 1, ", e.g. 0.1"), default=0.1, help="of the changes, in whites; default: 0.1")
    parser.add_seed("the weights")
    chosen = parser.arguments()
    try:
        (x_train, y_train), (x_test, y_test) = digits.load_data()
    except DatasetError as error:
        parser.error(str(error))
    x_train, x_test = (x.reshape((len(x), -1)).astype("float32") / x.max() for x in (x_train, x_test))

    plain = trained(Plain(), x_train, y_train, chosen.epochs, chosen.seed)
    same = trained(Adversarial(0.0), x_train, y_train, chosen.epochs, chosen.seed)
    robust = trained(Adversarial(chosen.strength), x_train, y_train, chosen.epochs, chosen.seed)

    print(f"Accuracy for {len(y_test)} test images, and for the same images changed by {chosen.strength:g}:")
    found = {}
    for name, model in (("built-in step", plain), ("own step", robust)):
        changed = misleading(model, x_test, y_test, chosen.strength)
        found[name] = accuracy(model, x_test, y_test), accuracy(model, changed, y_test)
        print(f"  {name:13}  {found[name][0]:.4f}  {found[name][1]:.4f}")
    complaints = []
    if not all(np.array_equal(a, b) for a, b in zip(plain.get_weights(), same.get_weights(), strict=True)):
        complaints.append("a step of one's own without changes gives other weights than the built-in step")
    if chosen.strength and found["own step"][1] <= found["built-in step"][1]:
        complaints.append("training on changed images did not help against changed images")
    return parser.status(complaints)


if __name__ == "__main__":
    run(main)
