"""Add two numbers of a sequence: a task that needs a memory, for a recurrent network.

    pip install ./plugins/tensorlab-recurrent
    python examples/sequence.py                  an LSTM; a run of half a minute
    python examples/sequence.py --layer GRU      another layer of the plugin
    python examples/sequence.py --steps 40       longer sequences are harder

Each step of a sequence has a random number and a mark. Two steps are marked, and the target is the sum of their numbers
(Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997). A network without memory can only say 1, the mean, with an
error of 1/6. The result is checked: the error is recomputed with NumPy, it has to be a tenth of that, and changing a
number without a mark must not change the answer much.

Exit status: 0; 1 if the result is not good enough; 2 for an invalid argument or a missing plugin; 130 on Ctrl-C.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from command_line import Parser, run, whole_number

import tensorlab as tl
from tensorlab.environment import pip

Array: TypeAlias = np.ndarray[Any, Any]

BASELINE = 1 / 6
"""The variance of the sum of two numbers between 0 and 1: the error of the answer 1."""


def sequences(count: int, steps: int, seed: int) -> tuple[Array, Array]:
    """Return sequences of numbers and marks, ``(count, steps, 2)``, and the sums, ``(count, 1)``."""
    draw = np.random.default_rng(seed)
    numbers, marks = draw.uniform(0, 1, (count, steps)), np.zeros((count, steps))
    half = steps // 2
    first, second = draw.integers(0, half, count), draw.integers(half, steps, count)
    marks[np.arange(count), first] = marks[np.arange(count), second] = 1
    sums = np.sum(numbers * marks, axis=1, keepdims=True)
    return np.stack([numbers, marks], axis=-1).astype("float32"), sums.astype("float32")


def learn(layer: Any, data: tuple[Array, Array], epochs: int) -> tl.Model:
    """Train a network with a recurrent layer."""
    model = tl.Sequential([tl.Input(shape=data[0].shape[1:]), layer, tl.layers.Dense(1)])
    model.compile(optimizer=tl.optimizers.Adam(0.005, clipnorm=1.0), loss="mse")
    model.fit(*data, epochs=epochs, batch_size=64)
    return model


def main() -> int:
    """Run the program and return its exit status."""
    parser = Parser(description="Train a recurrent network to add the marked numbers of a sequence.")
    add = parser.add_argument
    add("--layer", choices=("LSTM", "GRU", "SimpleRNN"), default="LSTM", help="default: LSTM")
    add("--steps", type=whole_number(2, 1000), default=20, help="the length of a sequence; default: 20")
    add("--samples", type=whole_number(64, 10_000_000), default=10_000, help="sequences to learn from; default: 10000")
    add("--epochs", type=whole_number(1, 10_000), default=12, help="default: 12")
    parser.add_seed("the sequences and the weights")
    chosen = parser.arguments()
    try:
        import tensorlab_recurrent
    except ImportError:
        parser.error(f"it needs the plugin tensorlab-recurrent: {pip()} install ./plugins/tensorlab-recurrent")
    tl.utils.set_random_seed(chosen.seed)
    layer = getattr(tensorlab_recurrent, chosen.layer)(32)
    model = learn(layer, sequences(chosen.samples, chosen.steps, chosen.seed), chosen.epochs)

    x, sums = sequences(1000, chosen.steps, chosen.seed + 1)
    reported, answers = model.evaluate(x, sums, verbose=0), model.predict(x, verbose=0)
    error = float(np.mean((answers - sums) ** 2))
    others = x.copy()
    others[..., 0] = np.where(x[..., 1] == 1, x[..., 0], 1 - x[..., 0])
    moved = float(np.mean((model.predict(others, verbose=0) - answers) ** 2))
    print(f"Mean squared error for {len(x):,} new sequences: {error:.5f}; of the answer 1: {BASELINE:.5f}")
    print(f"The same answers with other numbers at the steps without a mark: changed by {moved:.5f}")
    for k in range(3):
        marked = " + ".join(f"{value:.2f}" for value in x[k, x[k, :, 1] == 1, 0])
        print(f"  {marked} = {sums[k, 0]:.2f}, answer {answers[k, 0]:.2f}")
    complaints = []
    if abs(reported - error) > 1e-5:
        complaints.append(f"evaluate() gave an error of {reported:.6f}, but that of predict() is {error:.6f}")
    if error > BASELINE / 10:
        complaints.append(f"the error {error:.4f} is above {BASELINE / 10:.4f}: take more --epochs or --samples")
    if moved > BASELINE / 10:
        complaints.append(f"numbers without a mark change the answers by {moved:.4f}")
    return parser.status(complaints)


if __name__ == "__main__":
    run(main)
