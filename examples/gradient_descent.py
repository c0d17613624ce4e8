"""Gradient descent: a small graph forward and backward, and three optimizers on one surface.

    python examples/gradient_descent.py                     the graph's gradients, and the optimizers' losses
    python examples/gradient_descent.py --plot paths.png    and a picture of the graph, the surface and the paths
    python examples/gradient_descent.py --start -2 1        and another start

The graph is the one of *Deep Learning with Python*: ``loss = |target - (w x + b)|``, with a loss of 3 and the gradients
2 for w and 1 for b. The surface is a plain function of two numbers, a valley with a dip. Its gradient is taken from
its source. Every step is compared with the optimizer's formula in NumPy.

Exit status: 0; 1 if a result is wrong; 2 for an invalid argument; 130 on Ctrl-C.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from command_line import Parser, number, run, whole_number
from rich.console import Console
from rich.table import Table

import tensorlab as tl
from tensorlab.optimizers import SGD, Optimizer, RMSprop

Array: TypeAlias = np.ndarray[Any, Any]
Point: TypeAlias = tuple[float, float]

START: Point = (-4.0, 1.9)
MINIMUM: Point = (3.0, 0.0)
DIP: Point = (-0.44, 0.0)


# The graph


@dataclass(frozen=True)
class Node:
    """A number of the graph, its inputs, and the derivative of the loss with respect to it."""

    formula: str
    value: float
    gradient: float


def graph() -> dict[str, Node]:
    """Compute the values of the graph forward from x, w, b and target to the loss, and the gradients backward."""
    x, target = tl.asarray(2.0), tl.asarray(4.0)
    w, b = tl.Variable(3.0), tl.Variable(1.0)
    with tl.GradientTape() as tape:
        tape.watch([x, target])
        x1 = w * x
        x2 = x1 + b
        loss = tl.abs(target - x2)
    nodes = {"x": x, "w": w, "b": b, "target": target, "x1": x1, "x2": x2, "loss": loss}
    gradients = tape.gradient(loss, nodes)
    formulas = {"x": "given", "w": "a weight", "b": "a weight", "target": "given"}
    formulas |= {"x1": "w x", "x2": "x1 + b", "loss": "|target - x2|"}
    return {name: Node(formulas[name], float(nodes[name]), float(gradients[name])) for name in nodes}


# The surface


@tl.elementwise
def surface(x: float, y: float) -> float:
    """Compute the surface: a valley along x with its minimum at (3, 0) and a dip on the way there."""
    dip = 0.4 * math.exp(-((x + 0.6) * (x + 0.6) + y * y) / 0.35)
    return 0.05 * (x - 3.0) * (x - 3.0) + 0.7 * y * y - dip


def slope(point: Array) -> Array:
    """Compute the gradient of the surface by differences, without a tape."""
    function, step = surface.scalar.python, 1e-6
    (x, y) = point
    return np.array([
        function(x + step, y) - function(x - step, y),
        function(x, y + step) - function(x, y - step),
    ]) / (2 * step)  # fmt: skip


Rule: TypeAlias = Callable[[Array, Array, Array], tuple[Array, Array]]


def sgd(w: Array, g: Array, kept: Array) -> tuple[Array, Array]:
    """Take a step against the gradient, without a state."""
    return w - 0.3 * g, kept


def momentum(w: Array, g: Array, velocity: Array) -> tuple[Array, Array]:
    """Change a velocity by the gradient, and the weight by the velocity."""
    velocity = 0.9 * velocity - 0.06 * g
    return w + velocity, velocity


def rmsprop(w: Array, g: Array, square: Array) -> tuple[Array, Array]:
    """Take a step that is as long in flat directions as in steep ones."""
    square = 0.9 * square + 0.1 * g**2
    return w - 0.1 * g / np.sqrt(square + 1e-7), square


OPTIMIZERS: dict[str, tuple[Callable[[], Optimizer], Rule]] = {
    "SGD": (lambda: SGD(learning_rate=0.3), sgd),
    "Momentum": (lambda: SGD(learning_rate=0.06, momentum=0.9), momentum),
    "RMSprop": (lambda: RMSprop(learning_rate=0.1, rho=0.9), rmsprop),
}
"""The optimizers of tensorlab, each with its formula in NumPy."""


def descend(optimizer: Optimizer, start: Point, steps: int) -> Array:
    """Return the points that an optimizer visits, (steps + 1, 2)."""
    x, y = (tl.Variable(value, dtype="float64") for value in start)
    path = [start]
    for _ in range(steps):
        with tl.GradientTape() as tape:
            loss = surface(x, y)
        gradients = tape.gradient(loss, [x, y])
        optimizer.apply_gradients(zip(gradients, [x, y], strict=True))
        path.append((float(x), float(y)))
    return np.array(path)


def by_hand(rule: Rule, path: Array) -> Array:
    """Apply the formula to each point of a path. It starts from each point, because differences grow along a path."""
    kept, following = np.zeros(2), []
    for point in path[:-1]:
        point, kept = rule(point, slope(point), kept)
        following.append(point)
    return np.array(following)


# Report


def report(nodes: dict[str, Node], paths: dict[str, Array]) -> None:
    """Print the graph with its gradients, and the losses along the paths."""
    console = Console(highlight=False)
    table = Table("", "", "value", "gradient of the loss", title="The graph", title_justify="left", title_style="bold")
    table.columns[2].justify = table.columns[3].justify = "right"
    for name, node in nodes.items():
        style = "bold" if name in ("w", "b", "loss") else ""
        table.add_row(name, node.formula, f"{node.value:g}", f"{node.gradient:g}", style=style)
    console.print(table)

    title = "The loss along each path"
    table = Table("step", *paths, title=title, title_justify="left", title_style="bold")
    for column in table.columns:
        column.justify = "right"
    last = len(next(iter(paths.values()))) - 1
    for step in sorted({step for step in (0, 5, 10, 20, 50, last) if step <= last}):
        table.add_row(str(step), *[_plain(surface.scalar.python(*path[step]), 4) for path in paths.values()])
    table.add_section()
    table.add_row("ends at", *[f"({_plain(path[-1][0], 2)}, {_plain(path[-1][1], 2)})" for path in paths.values()])
    console.print()
    console.print(table)


def _plain(value: float, digits: int) -> str:
    """Format a number with a number of digits, and without a minus sign before zeros."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def complaints(nodes: dict[str, Node], paths: dict[str, Array], start: Point) -> list[str]:
    """Return which results differ from the book's, or from the formulas."""
    found = []
    expected = {"loss": (nodes["loss"].value, 3.0), "d loss / d w": (nodes["w"].gradient, 2.0)}
    expected["d loss / d b"] = nodes["b"].gradient, 1.0
    found += [f"the graph's {name} is {value}, not {book}" for name, (value, book) in expected.items() if value != book]
    for name, path in paths.items():
        difference = np.abs(path[1:] - by_hand(OPTIMIZERS[name][1], path)).max()
        if not difference < 1e-5:
            found.append(f"a step of {name} is {difference:.2g} away from its formula")
    if start == START and len(next(iter(paths.values()))) > 80:
        for name, end in {"SGD": DIP, "Momentum": MINIMUM, "RMSprop": DIP}.items():
            if math.dist(paths[name][-1], end) > 0.15:  # RMSprop's steps stay long
                found.append(f"{name} ends at {paths[name][-1].round(3)}, not at {end}")
    return found


def main() -> int:
    """Run the program and return its exit status."""
    parser = Parser(description="Show gradients in a small graph, and the paths of three optimizers on one surface.")
    add = parser.add_argument
    add("--steps", type=whole_number(1, 100_000), default=100, help="of each optimizer; default: 100")
    add("--start", type=number(-5, 5), nargs=2, metavar=("X", "Y"), default=START, help="default: -4 1.9")
    parser.add_plot("the graph, the surface and the paths")
    chosen = parser.arguments()

    start: Point = (chosen.start[0], chosen.start[1])
    nodes = graph()
    paths = {name: descend(make(), start, chosen.steps) for name, (make, _) in OPTIMIZERS.items()}
    report(nodes, paths)
    if chosen.plot:
        from plots import gradient_descent as picture

        picture.draw(chosen.plot, nodes, paths, surface, (DIP, MINIMUM))
        print(f"Picture: {chosen.plot}")
    return parser.status(complaints(nodes, paths, start))


if __name__ == "__main__":
    run(main)
