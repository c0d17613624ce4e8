"""The style of the pictures. The colours are those of Okabe and Ito, which everybody can distinguish."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Array: TypeAlias = np.ndarray[Any, Any]

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
RIGHT, WRONG = BLUE, ORANGE
INK, GREY, LINE, FAINT = "#2B2F33", "#6B7177", "#C4C8CC", "#F3F4F5"
HEADING: dict[str, Any] = {"color": INK, "fontsize": 11.5, "weight": "bold"}


def titled(size: tuple[float, float], title: str, subtitle: str) -> Figure:
    """Create a figure of a size in inches, with a title at the top left and a line of text below it."""
    figure = Figure(figsize=size, dpi=120, facecolor="white")
    width, height = size
    left = 0.49 / width
    figure.text(left, 1 - 0.37 / height, title, fontsize=19, weight="bold", color=INK)
    figure.text(left, 1 - 0.64 / height, subtitle, fontsize=12, color=GREY)
    return figure


def plain(axes: Axes) -> None:
    """Replace the frame of a plot by horizontal lines."""
    axes.grid(axis="y", color=FAINT, linewidth=1.2)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.tick_params(length=0, labelsize=9.5, labelcolor=GREY)


def counted(count: int, word: str) -> str:
    """Return ``1 step`` or ``2 steps``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
