"""A tour of tensors: ranks, slices, broadcasting, products, shapes and maps of the plane, each shown with its shape.

    python examples/tensor_tour.py                          every stop
    python examples/tensor_tour.py --only products          one of them
    python examples/tensor_tour.py --plot tour.png          and a picture of slices, broadcasting and maps

Each printed line is the Python code that is run. The names are those of the Python array API standard, which NumPy has
too. So each line is run again with NumPy instead of tensorlab, and both results have to agree.

Exit status: 0; 1 if a line gives another result in NumPy; 2 for an invalid argument or missing data; 130 on Ctrl-C.
"""

from __future__ import annotations

import argparse
import ast
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from command_line import Parser, run
from digit_images import Array, add_dataset, load
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

import tensorlab as tl

STOPS: dict[str, tuple[str, str]] = {
    "ranks": (
        "A tensor is numbers in a regular grid. Its rank is the number of the grid's axes.",
        """
        tl.asarray(12)
        tl.asarray([12, 3, 6, 14, 7])
        tl.asarray([[5, 78, 2, 34, 0], [6, 79, 3, 35, 1], [7, 80, 4, 36, 2]])
        cube = tl.asarray([[[1, 2], [3, 4]], [[5, 6], [7, 8]], [[9, 10], [11, 12]]])
        cube.ndim
        """,
    ),
    "slices": (
        "A slice is a part of each axis. It costs nothing: it is a view of the same memory.",
        """
        images.dtype
        images[4]
        images[10:100]
        images[:, 14:, 14:]
        images[:, 7:-7, 7:-7]
        images[:128]
        images[128:256]
        images[tl.asarray([3, 1, 2])]
        """,
    ),
    "elementwise": (
        "One function of numbers for every place. tensorlab compiles the function into one loop.",
        """
        x = tl.asarray([[-1.0, 2.0, -3.0], [4.0, -5.0, 6.0]])
        x + x
        tl.maximum(x, 0.0)
        tl.exp(-x * x)
        x > 0
        """,
    ),
    "broadcasting": (
        "An axis of length 1, or one that is missing in front, is repeated as often as the other operand needs.",
        """
        column = tl.asarray([[0], [10], [20]])
        row = tl.asarray([0, 1, 2, 3])
        column + row
        tl.expand_dims(row, axis=0)
        tl.concat([tl.expand_dims(row, axis=0)] * 3, axis=0)
        tl.maximum(tl.zeros((64, 3, 32, 10)), tl.ones((32, 10)))
        """,
    ),
    "products": (
        "A product runs along the last axis on the left and the last but one on the right.",
        """
        a = tl.asarray([1.0, 2.0, 3.0])
        A = tl.asarray([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]])
        a @ a
        tl.dot(A, a)
        A @ A.T
        A.T @ A
        tl.matmul(tl.ones((5, 4, 3)), tl.ones((3, 2)))
        """,
    ),
    "shapes": (
        "The same numbers in the same order, on other axes.",
        """
        x = tl.asarray([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
        tl.reshape(x, (6, 1))
        tl.reshape(x, (2, 3))
        tl.permute_dims(tl.zeros((300, 20)), (1, 0))
        images.reshape((len(images), 28 * 28))
        tl.permute_dims(tl.zeros((8, 32, 32, 3)), (0, 3, 1, 2))
        """,
    ),
    "maps": (
        "A matrix turns and stretches the plane, a vector moves it. A layer is both, and an activation after them.",
        """
        points = tl.asarray([[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
        points + tl.asarray([[2.0], [1.0]])
        c = math.cos(math.pi / 6)
        s = math.sin(math.pi / 6)
        turn = tl.asarray([[c, -s], [s, c]])
        turn @ points
        tl.asarray([[2.0, 0.0], [0.0, 0.5]]) @ points
        turn @ points + tl.asarray([[2.0], [1.0]])
        tl.maximum(turn @ points - 0.5, 0.0)
        """,
    ),
}
"""The stops of the tour: a text and lines of Python."""


@dataclass(frozen=True)
class Line:
    """A line of Python with its results in tensorlab and in NumPy."""

    code: str
    value: Any
    in_numpy: Any


def lines(code: str, images: Array) -> list[Line]:
    """Run each line in tensorlab and in NumPy."""
    ours: dict[str, Any] = {"tl": tl, "math": math, "images": tl.asarray(images)}
    theirs: dict[str, Any] = {"tl": np, "math": math, "images": images}
    found = []
    for line in map(str.strip, code.strip().splitlines()):
        name, value = _assigned(line)
        for names in (ours, theirs):
            names[name] = eval(value, names)
        found.append(Line(line, ours[name], theirs[name]))
    return found


def _assigned(line: str) -> tuple[str, str]:
    """Split a line into the name left of ``=`` and the expression. Without ``=`` the name is ``_``."""
    (statement,) = ast.parse(line).body
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id, ast.unparse(statement.value)
    return "_", line


def show(console: Console, name: str, text: str, found: list[Line]) -> None:
    """Print a stop: its lines with the shape of each result, and the numbers of small ones."""
    console.rule(Text(name.capitalize(), style="bold"), align="left", style="dim")
    console.print(text, style="italic")
    console.print()
    for line in found:
        value = line.value
        tensor = isinstance(value, tl.Tensor)
        row = Table.grid(expand=True)
        row.add_column(ratio=1)
        row.add_column(justify="right", style="cyan", no_wrap=True)
        shape = f" {value.shape}" if tensor else ""
        row.add_row(Syntax(line.code, "python", theme="ansi_dark", background_color="default", word_wrap=True), shape)
        console.print(row)
        if not tensor or value.size <= 16:
            numbers = np.array2string(np.asarray(value), precision=3, suppress_small=True) if tensor else repr(value)
            console.print(Text("    " + numbers.replace("\n", "\n    "), style="dim"))
    console.print()


def complaints(name: str, found: list[Line]) -> list[str]:
    """Return the lines of a stop whose results differ in NumPy."""
    return [
        f"{name}: {line.code} gives {np.shape(line.value)} and {np.shape(line.in_numpy)} in NumPy, or other numbers"
        for line in found
        if not _same(line.value, line.in_numpy)
    ]


def _same(ours: Any, theirs: Any) -> bool:
    if not isinstance(ours, tl.Tensor):
        return bool(ours == theirs)
    return ours.shape == np.shape(theirs) and np.allclose(ours.numpy(), theirs, rtol=1e-6, atol=1e-6)


def arguments(parser: Parser) -> argparse.Namespace:
    """Parse and check the command line."""
    add = parser.add_argument
    add("--only", choices=tuple(STOPS), metavar="STOP", help=f"one of {', '.join(STOPS)}; default: all")
    add_dataset(parser)
    parser.add_plot("slices, broadcasting and maps")
    return parser.arguments()


def main() -> int:
    """Run the program and return its exit status."""
    parser = Parser(description="Show tensors: ranks, slices, broadcasting, products, shapes and maps of the plane.")
    chosen = arguments(parser)
    _, ((images, _), _) = load(parser, chosen)
    console = Console(highlight=False)
    failed = []
    for name in [chosen.only] if chosen.only else STOPS:
        text, code = STOPS[name]
        found = lines(code, images)
        show(console, name, text, found)
        failed += complaints(name, found)
    if not failed:
        console.print("Every line gives the same in NumPy.")
    if chosen.plot:
        from plots import tensor_tour as picture

        picture.draw(chosen.plot, tl.asarray(images))
        print(f"Picture: {chosen.plot}")
    return parser.status(failed)


if __name__ == "__main__":
    run(main)
