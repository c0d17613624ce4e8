"""Tables for a terminal, or for whatever the output is piped into: then as wide as they need, and without colour."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 10_000


def show(rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> None:
    """Print rows of cells, under a header if there is one."""
    terminal = Console()
    lines = box.SIMPLE_HEAD if header and terminal.is_terminal else None
    table = Table(box=lines, show_header=bool(header), pad_edge=False, padding=(0, 2, 0, 0))
    for position in range(len(rows[0])):
        title = header[position] if header else ""
        table.add_column(title, style="bold" if position == 0 else "", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))  # as they are: brackets are no markup
    if terminal.is_terminal:
        terminal.print(table)
        return
    wide = Console(file=io.StringIO(), width=_WIDE, color_system=None)
    with wide.capture() as capture:
        wide.print(table)
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))
