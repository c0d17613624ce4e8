"""The table of `Model.summary`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tensorlab import terminal
from tensorlab.arguments import check_callable
from tensorlab.errors import ArgumentError, nearest, short_repr
from tensorlab.layers import Layer
from tensorlab.models.steps import Steps
from tensorlab.variable import Variable

if TYPE_CHECKING:
    from rich.table import Table


def print_summary(
    model: Steps,
    line_length: int | None,
    print_fn: Callable[[str], Any] | None,
    expand_nested: bool,
    show_trainable: bool,
    layer_range: Sequence[str] | None,
) -> None:
    """Print the table; see `Model.summary`."""
    who = f"{model._who}.summary"
    if print_fn is not None:
        check_callable(f"{who} print_fn", "a function of one line, or None", print_fn)
    console = terminal.console()
    if line_length is not None:
        if isinstance(line_length, bool) or not isinstance(line_length, int) or not 20 <= line_length <= 10_000:
            raise ArgumentError(f"{who} line_length", "an integer from 20 to 10000, or None", short_repr(line_length))
        console.width = line_length
    rows = list(_rows(model, expand_nested))
    first, last = _range(who, [layer.name for _, layer, _ in rows], layer_range)
    table = _table(rows[first : last + 1], show_trainable)
    title = f'Model: "{model.name}"'
    if print_fn is None:
        console.print(title, markup=False)
        console.print(table)
        console.print("\n".join(_counts(model)), markup=False)
        return
    with console.capture() as captured:
        console.print(table)
    for line in (title, *captured.get().splitlines(), *_counts(model)):
        print_fn(line)


def _table(rows: Sequence[tuple[int, Layer, str]], show_trainable: bool) -> Table:
    from rich.table import Table

    columns = ["Layer (type)", "Output Shape", "Param #", *(["Trainable"] if show_trainable else [])]
    table = Table(*columns, show_lines=True)
    table.columns[2].justify = "right"
    for depth, layer, shape in rows:
        count = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
        trained = ["-" if layer.built and not layer.weights else "NY"[layer.trainable]] if show_trainable else []
        table.add_row(f"{'  ' * depth}{layer.name} ({type(layer).__name__})", shape, count, *trained)
    return table


def _rows(model: Any, nested: bool, depth: int = 0) -> Iterator[tuple[int, Layer, str]]:
    """Yield the depth, the layer and its outputs' shape for each row."""
    for layer, shape in model._output_shapes():
        yield depth, layer, shape
        if nested and isinstance(layer, Steps):
            yield from _rows(layer, nested, depth + 1)


def _range(who: str, names: list[str], given: Sequence[str] | None) -> tuple[int, int]:
    """Return the positions of the first and the last row that are wanted.

    Names may be patterns: the range begins at the first layer that matches the first one.
    """
    if given is None:
        return 0, len(names) - 1
    if not isinstance(given, (list, tuple)) or len(given) != 2 or not all(isinstance(each, str) for each in given):
        raise ArgumentError(f"{who} layer_range", "the names of the first and the last layer", short_repr(given))
    found = [[row for row, name in enumerate(names) if re.match(pattern, name)] for pattern in given]
    for pattern, rows in zip(given, found, strict=True):
        if not rows:
            raise ArgumentError(f"{who} layer_range", "the names of layers", repr(pattern), nearest(pattern, names))
    return min(found[0]), max(found[1])


def _counts(model: Steps) -> list[str]:
    trained = model.trainable_weights
    optimizer = model.optimizer.variables if model.optimizer is not None else []
    lines = [
        _count("Total", [*model.weights, *optimizer]),
        _count("Trainable", trained),
        _count("Non-trainable", model.non_trainable_weights),
    ]
    return [*lines, _count("Optimizer", optimizer)] if optimizer else lines


def _count(which: str, variables: Sequence[Variable]) -> str:
    number = sum([math.prod(variable.shape) for variable in variables])
    size = float(sum([math.prod(variable.shape) * variable.dtype.itemsize for variable in variables]))
    unit = "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f" {which} params: {number:,} ({size:.2f} {unit})"
