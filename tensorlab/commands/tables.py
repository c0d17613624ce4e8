"""Tables for a terminal; when the output is piped, one line for each row and no colour."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from tensorlab.terminal import console

_INDENT = 4


def show(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> None:
    """Print rows of cells, with an optional header.

    On a terminal the last cell, which may contain sentences, is wrapped between words. It is printed below its row if
    less than half of the width remains for it.
    """
    terminal = console()
    every = [*([header] if header else []), *rows]
    widths = [max(cell_len(row[column]) for row in every) + 2 for column in range(len(every[0]) - 1)]
    for row in every:
        start = "".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=False))
        if not terminal.is_terminal:
            print((start + row[-1]).rstrip())
            continue
        text = Text("\n".join(_wrapped(start, row[-1], terminal.width)))  # literal: brackets are not markup
        text.stylize("bold", 0, len(start) + len(row[-1]) if row is header else cell_len(row[0]))
        terminal.print(text, soft_wrap=True)


def _wrapped(start: str, last: str, width: int) -> list[str]:
    """Return the lines of a row on a terminal."""
    if len(start) + len(last) <= width:
        return [(start + last).rstrip()]
    margin = len(start) if len(start) <= width // 2 else min(_INDENT, width // 2)
    lines = textwrap.wrap(last, max(1, width - margin), break_long_words=False, break_on_hyphens=False)
    if margin == len(start):
        return [start + lines[0], *(" " * margin + line for line in lines[1:])]
    return [start.rstrip(), *(" " * margin + line for line in lines)]
