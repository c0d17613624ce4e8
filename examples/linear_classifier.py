"""Separate two clouds of points by a line: the linear classifier of *Deep Learning with Python*, written by hand.

    python examples/linear_classifier.py                    40 steps on 2,000 points: a loss of about 0.025
    python examples/linear_classifier.py --plot line.png    and a picture of the line
    python examples/linear_classifier.py --steps 400        closer to the best line

It needs two weights and a bias, a tape for their gradients and a step against these, but no layer, model or optimizer.
The result is compared with the line of least squares, which NumPy computes directly.

Exit status: 0; 1 if the result is not good enough; 2 for an invalid argument; 130 on Ctrl-C.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from command_line import Parser, positive, run, whole_number
from rich.console import Console
from rich.table import Table

import tensorlab as tl

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Result:
    """The result of a run, for the report, the checks and the picture."""

    inputs: Array  # (2 n, 2)
    targets: Array  # (2 n, 1): 0 for the first cloud, 1 for the second
    predictions: Array  # (2 n, 1): above 0.5 for the second cloud
    weights: Array  # (2, 1)
    bias: float
    losses: list[float]  # before each step
    least: float  # the loss of the line of least squares


def clouds(samples: int, seed: int) -> tuple[Array, Array]:
    """Draw two parallel clouds of points, one above the other, and return them with 0 or 1 for each point."""
    numbers = np.random.default_rng(seed)
    lean = [[1, 0.5], [0.5, 1]]
    above = numbers.multivariate_normal(mean=[0, 3], cov=lean, size=samples)
    below = numbers.multivariate_normal(mean=[3, 0], cov=lean, size=samples)
    inputs = np.vstack((above, below)).astype("float32")
    targets = np.vstack((np.zeros((samples, 1)), np.ones((samples, 1)))).astype("float32")
    return inputs, targets


def learn(inputs: Array, targets: Array, steps: int, learning_rate: float) -> Result:
    """Train the classifier. Each step uses all points."""
    W = tl.Variable(tl.random.uniform((2, 1)), name="W")
    b = tl.Variable(tl.zeros((1,)), name="b")

    def model(inputs: Any) -> tl.Tensor:
        return tl.matmul(inputs, W) + b

    def square_loss(targets: Any, predictions: tl.Tensor) -> tl.Tensor:
        return tl.mean(tl.square(targets - predictions))

    losses = []
    for _ in range(steps):
        with tl.GradientTape() as tape:
            loss = square_loss(targets, model(inputs))
        slope_of_W, slope_of_b = tape.gradient(loss, [W, b])
        W.assign_sub(learning_rate * slope_of_W)
        b.assign_sub(learning_rate * slope_of_b)
        losses.append(float(loss))

    return Result(
        inputs, targets, model(inputs).numpy(), W.numpy(), float(b), losses, least_squares(inputs, targets)
    )  # fmt: skip


def least_squares(inputs: Array, targets: Array) -> float:
    """Return the smallest loss of any line, which the steps approach."""
    columns = np.hstack((inputs, np.ones_like(targets))).astype("float64")
    best, *_ = np.linalg.lstsq(columns, targets.astype("float64"))
    return float(np.mean((columns @ best - targets) ** 2))


def accuracy(result: Result) -> float:
    """Return the fraction of points on the correct side of the line."""
    return float(np.mean((result.predictions > 0.5) == (result.targets > 0.5)))


def report(result: Result) -> None:
    """Print the losses of some steps, and the line."""
    table = Table("step", "loss", "on a logarithmic scale", box=None, pad_edge=False, header_style="bold")
    table.columns[0].justify = table.columns[1].justify = "right"
    last = len(result.losses) - 1
    shown = sorted({0, 1, 2, 5, 10, 20, *range(50, last, max(50, last // 5)), last} & set(range(last + 1)))
    floor = 0.8 * result.least
    most = math.log(max(result.losses) / floor)
    for step in shown:
        loss = result.losses[step]
        table.add_row(str(step), f"{loss:.4f}", "━" * round(40 * math.log(loss / floor) / most))
    table.add_row(
        "best", f"{result.least:.4f}", "━" * round(-40 * math.log(0.8) / most) + " the least that any line can have"
    )
    (w0, w1), b = result.weights[:, 0], result.bias
    console = Console(highlight=False)
    console.print(table)
    console.print(f"\nThe line: {w0:.3f} x {'+' if w1 >= 0 else '-'} {abs(w1):.3f} y {'+' if b >= 0 else '-'} ", end="")
    console.print(f"{abs(b):.3f} = 0.5")
    console.print(f"On their own side of it: {accuracy(result):.2%} of {len(result.inputs):,} points")


def complaints(result: Result, learning_rate: float) -> list[str]:
    """Return what is wrong with a result."""
    first, last = result.losses[0], result.losses[-1]
    if not (math.isfinite(last) and np.isfinite(result.weights).all()) or last > 10 * first:
        return [
            f"the loss grew from {first:.4g} to {last:.4g}: take smaller steps than --learning-rate {learning_rate:g}"
        ]
    found = []
    if last < result.least * (1 - 1e-3):
        found.append(f"the loss {last:.6f} is below the least that a line can have, {result.least:.6f}")
    if last > result.least + 0.01:
        found.append(f"the loss {last:.4f} is still above that of the best line, {result.least:.4f}: take more --steps")
    if accuracy(result) < 0.97:
        found.append(f"only {accuracy(result):.2%} of the points are on their own side of the line")
    return found


def main() -> int:
    """Run the program and return its exit status."""
    parser = Parser(description="Tell two clouds of points apart with a line, found by gradient descent.")
    add = parser.add_argument
    add("--samples", type=whole_number(10, 1_000_000), default=1000, help="points of each cloud; default: 1000")
    add("--steps", type=whole_number(1, 100_000), default=40, help="default: 40")
    add("--learning-rate", type=positive, default=0.1, help="default: 0.1")
    parser.add_seed("the points and the weights")
    parser.add_plot("the points, the line and the losses")
    chosen = parser.arguments()

    tl.utils.set_random_seed(chosen.seed)
    inputs, targets = clouds(chosen.samples, chosen.seed)
    result = learn(inputs, targets, chosen.steps, chosen.learning_rate)
    found = complaints(result, chosen.learning_rate)
    if np.isfinite(result.losses).all():
        report(result)
        if chosen.plot:
            from plots import linear_classifier as picture

            picture.draw(chosen.plot, result, accuracy(result))
            print(f"Picture: {chosen.plot}")
    return parser.status(found)


if __name__ == "__main__":
    run(main)
