"""HTML for notebooks: tables and text, without scripts or style sheets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

_LEFT, _RIGHT = ' style="text-align:left"', ' style="text-align:right"'


def text(*lines: str) -> str:
    """Return lines of text as they are, in a font with characters of one width."""
    return f"<pre>{escape(chr(10).join(lines), quote=False)}</pre>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = (), caption: str = "") -> str:
    """Return a table.

    Args:
        header: the names of the columns; empty for no header.
        rows: the text of each cell.
        right: the columns with numbers, which are aligned to the right.
        caption: a line above the table.
    """
    numbers = frozenset(right)
    head = f"<tr>{''.join([_cell('th', word, k in numbers) for k, word in enumerate(header)])}</tr>" if header else ""
    body = [f"<tr>{''.join([_cell('td', word, k in numbers) for k, word in enumerate(row)])}</tr>" for row in rows]
    above = f"<caption{_LEFT}>{escape(caption)}</caption>" if caption else ""
    return f"<table>{above}{head}{''.join(body)}</table>"


def _cell(kind: str, word: str, is_number: bool) -> str:
    return f"<{kind}{_RIGHT if is_number else _LEFT}>{escape(word)}</{kind}>"


def printed(made: Table) -> str:
    """Return the table of a terminal."""
    columns = [[str(cell) for cell in column.cells] for column in made.columns]
    right = [k for k, column in enumerate(made.columns) if column.justify == "right"]
    caption = "" if made.title is None else str(made.title)
    return table([str(column.header) for column in made.columns], zip(*columns, strict=True), right, caption)


def numbers(values: Any, caption: str) -> str:
    """Return a table of an array of one or two axes: of its first and last elements, if there are many."""
    array = values if values.ndim == 2 else values[None]
    rows, columns = [_ends(length) for length in array.shape]
    words = [[_ELLIPSIS if k is None or j is None else _word(array[k, j]) for j in columns] for k in rows]
    return table((), words, range(len(columns)), caption)


_ENDS = 5
_ELLIPSIS = "..."


def _ends(length: int) -> list[int | None]:
    """Return the indices along an axis that are shown, with None in place of those that are left out."""
    if length <= 2 * _ENDS:
        return [*range(length)]
    return [*range(_ENDS), None, *range(length - _ENDS, length)]


def _word(value: Any) -> str:
    return f"{value:.6g}" if value.dtype.kind == "f" else str(value)
