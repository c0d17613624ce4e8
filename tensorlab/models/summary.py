"""The table of `Model.summary`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tensorlab import markup, terminal
from tensorlab.arguments import check_callable
from tensorlab.errors import ArgumentError, nearest, short_repr
from tensorlab.layers import Layer
from tensorlab.models.steps import Steps
from tensorlab.variable import Variable

if TYPE_CHECKING:
    from rich.table import Table


class Row(NamedTuple):
    """What is shown of a layer: the shape of its outputs, and whose results it takes if layers are not in a row."""

    layer: Layer
    shape: str
    sources: str


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
    first, last = _range(who, [row.layer.name for _, row in rows], layer_range)
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


def marked_up(model: Steps) -> str:
    """Return the table for notebooks."""
    table = _table(list(_rows(model, False)), False)
    table.title = f'Model: "{model.name}"'
    return markup.printed(table) + markup.text(*_counts(model))


def _table(rows: Sequence[tuple[int, Row]], show_trainable: bool) -> Table:
    from rich.table import Table

    linked = any(row.sources for _, row in rows)
    columns = ["Layer (type)", "Output Shape", "Param #"]
    columns += [*(["Connected to"] if linked else []), *(["Trainable"] if show_trainable else [])]
    table = Table(*columns, show_lines=True)
    table.columns[2].justify = "right"
    for depth, (layer, shape, sources) in rows:
        count = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
        more = [sources or "-"] if linked else []
        if show_trainable:
            more.append("-" if layer.built and not layer.weights else "NY"[layer.trainable])
        table.add_row(f"{'  ' * depth}{layer.name} ({kind_of(layer)})", shape, count, *more)
    return table


def kind_of(layer: Layer) -> str:
    """Return the name of a layer's class; of a model that was made of symbolic tensors, as in Keras, Functional."""
    name = type(layer).__name__
    return "Functional" if name == "Model" else name


def _rows(model: Any, nested: bool, depth: int = 0) -> Iterator[tuple[int, Row]]:
    """Yield the depth and the content of each row."""
    for row in model._rows():
        yield depth, row
        if nested and isinstance(row.layer, Steps):
            yield from _rows(row.layer, nested, depth + 1)


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
