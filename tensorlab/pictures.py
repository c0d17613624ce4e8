"""Pictures drawn with matplotlib, which is imported when the first one is drawn."""

from __future__ import annotations

import os
from typing import Any

from tensorlab.errors import ArgumentError, ArgumentTypeError, FileAccessError, StateError, short_repr
from tensorlab.rules import finite

_ENDINGS = (".svg", ".png", ".pdf")


def figure_class(who: str) -> Any:
    """Return matplotlib's class of figures, which needs no display.

    Raises:
        StateError: if matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        from tensorlab.environment import install_extra

        raise StateError(who, "matplotlib, which draws, is not installed", install_extra("plot")) from None
    return Figure


def checked_path(who: str, to_file: Any) -> str | None:
    """Return the path of a picture, or None.

    Raises:
        ArgumentTypeError: for something that is not a path.
        ArgumentError: for a path with another ending.
    """
    if to_file is None:
        return None
    if not isinstance(to_file, (str, os.PathLike)):
        raise ArgumentTypeError(f"{who} to_file", "a path as a str or a Path, or None", short_repr(to_file))
    path = os.fspath(to_file)
    if not isinstance(path, str) or not path.lower().endswith(_ENDINGS):
        raise ArgumentError(f"{who} to_file", f"a path that ends with {', '.join(_ENDINGS)}", short_repr(to_file))
    return path


def saved(who: str, figure: Any, path: str | None, dpi: Any) -> Any:
    """Write a figure to a file, unless the path is None, and return it.

    Raises:
        ArgumentError: for dots per inch out of range.
        FileAccessError: if the file cannot be written.
    """
    resolution = finite(f"{who} dpi", dpi, 10, 2400)
    if path is not None:
        try:
            figure.savefig(path, dpi=resolution)
        except OSError as error:
            raise FileAccessError(f"{who} {path!r}", "a file that can be written", str(error)) from None
    return figure
