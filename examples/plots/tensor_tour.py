"""The picture of the tour: slices of images, broadcasting cell by cell, and maps of the plane."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from plots.style import BLUE, FAINT, GREEN, GREY, HEADING, INK, LINE, ORANGE, Array, titled

import tensorlab as tl

LABEL: dict[str, Any] = {"fontsize": 10.5, "color": INK, "family": "monospace"}


def draw(path: Path, images: tl.Tensor) -> None:
    """Write the picture to a PNG file."""
    figure = titled(
        (14, 12.4), "Tensors: parts of them, and what becomes of them", "Every part is computed by the line above it"
    )
    _slices(figure, images)
    _broadcasting(figure)
    _maps(figure)
    figure.savefig(path, format="png")


def _row(figure: Figure, top: float, title: str, text: str) -> None:
    figure.text(0.035, top, title, **HEADING)
    figure.text(0.035, top - 0.022, text, fontsize=10.5, color=GREY)


# Slices


def _slices(figure: Figure, images: tl.Tensor) -> None:
    _row(figure, 0.895, "Slices", "A part of each axis, and a view of the same memory")
    grid = figure.add_gridspec(1, 4, left=0.035, right=0.975, top=0.83, bottom=0.625, wspace=0.12)
    digit = images[4]
    parts = (
        ("images[4]", digit),
        ("images[4, 14:, 14:]", images[4, 14:, 14:]),
        ("images[4, 7:-7, 7:-7]", images[4, 7:-7, 7:-7]),
    )
    for place, ((label, part), color) in enumerate(zip(parts, (LINE, ORANGE, BLUE), strict=True)):
        axes = figure.add_subplot(grid[place])
        axes.imshow(part, cmap="gray_r", vmin=0, vmax=255)
        _bare(axes, f"{label}  {part.shape}", color)
        axes.set_anchor("W")
        if place == 0:
            axes.add_patch(Rectangle((13.5, 13.5), 14, 14, fill=False, edgecolor=ORANGE, linewidth=2.5))
            axes.add_patch(Rectangle((6.5, 6.5), 14, 14, fill=False, edgecolor=BLUE, linewidth=2.5))
    axes = figure.add_subplot(grid[3])
    batch = images[:64]
    mosaic = tl.permute_dims(batch.reshape((8, 8, 28, 28)), (0, 2, 1, 3)).reshape((8 * 28, 8 * 28))
    axes.imshow(mosaic, cmap="gray_r", vmin=0, vmax=255)
    _bare(axes, f"images[:64]  {batch.shape}", LINE)
    axes.set_anchor("W")


def _bare(axes: Axes, label: str, color: str) -> None:
    axes.set_title(label, loc="left", pad=6, **LABEL)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(color=color, linewidth=1 if color == LINE else 2.5)


# Broadcasting


def _broadcasting(figure: Figure) -> None:
    text = "An axis of length 1, or one that is missing in front, is repeated; no memory is spent on the repetitions"
    _row(figure, 0.575, "Broadcasting", text)
    axes = figure.add_axes((0.035, 0.345, 0.94, 0.19))
    axes.set_xlim(0, 25.2)
    axes.set_ylim(-3.35, 0.95)
    axes.set_aspect("equal", anchor="W")
    axes.set_axis_off()
    column, row = tl.asarray([[0], [10], [20]]), tl.asarray([0, 1, 2, 3])
    total = column + row
    left = 0.1
    for label, tensor, color, sign in (
        ("column", column, ORANGE, "+"),
        ("row", row, BLUE, "="),
        ("column + row", total, GREEN, ""),
    ):
        axes.text(left, 0.3, f"{label}  {tensor.shape}", **LABEL)
        given = np.zeros(total.shape, bool)
        given[tuple(slice(length) for length in (1,) * (2 - tensor.ndim) + tensor.shape)] = True
        for place, value in np.ndenumerate(tl.broadcast_to(tensor, total.shape).numpy()):
            _cell(axes, left + 1.35 * place[1], -place[0], int(value), color, bool(given[place]))
        left += 4 * 1.35
        axes.text(left + 1.25, -1, sign, ha="center", va="center", fontsize=26, color=INK)
        left += 2.5


def _cell(axes: Axes, x: float, y: float, value: int, color: str, given: bool) -> None:
    axes.add_patch(
        Rectangle(
            (x, y - 1), 1.27, 0.92, facecolor=color if given else "white", edgecolor=color,
            linewidth=1.2, linestyle="-" if given else (0, (3, 2)), alpha=1 if given else 0.75,
        )
    )  # fmt: skip
    ink = "white" if given else color
    axes.text(x + 0.635, y - 0.55, str(value), ha="center", va="center", fontsize=12.5, color=ink, weight="bold")


# Maps of the plane

CORNERS = np.array([
    [0.0, 0.0, 1.1, 1.1, 0.3, 0.3, 0.8, 0.8, 0.3, 0.3, 0.0],
    [0.0, 1.9, 1.9, 1.6, 1.6, 1.1, 1.1, 0.8, 0.8, 0.0, 0.0],
])  # fmt: skip


def _outline() -> tl.Tensor:
    """Return many points along the edge of the letter F, as columns, because relu bends straight edges."""
    along = np.linspace(0, CORNERS.shape[1] - 1, 40 * (CORNERS.shape[1] - 1) + 1)
    return tl.asarray([np.interp(along, np.arange(CORNERS.shape[1]), row) for row in CORNERS], dtype="float32")


def _maps(figure: Figure) -> None:
    text = "A matrix turns and stretches, a vector moves; a layer does both, and relu presses flat what is negative"
    _row(figure, 0.315, "Maps of the plane", text)
    grid = figure.add_gridspec(1, 5, left=0.035, right=0.975, top=0.245, bottom=0.02, wspace=0.09)
    c, s = math.cos(math.pi / 6), math.sin(math.pi / 6)
    points, shift, turn = _outline(), tl.asarray([[0.7], [-0.9]]), tl.asarray([[c, -s], [s, c]])
    stretch = tl.asarray([[1.7, 0.0], [0.0, 0.6]])
    maps = (
        ("x + b", points + shift),
        ("R @ x", turn @ points),
        ("S @ x", stretch @ points),
        ("R @ x + b", turn @ points + shift),
        ("relu(R @ x + b)", tl.relu(turn @ points + shift)),
    )
    for place, (label, moved) in enumerate(maps):
        axes = figure.add_subplot(grid[place])
        axes.set_xlim(-1.6, 2.4)
        axes.set_ylim(-1.6, 2.4)
        axes.set_aspect("equal", anchor="NW")
        axes.set_xticks(range(-1, 3))
        axes.set_yticks(range(-1, 3))
        axes.grid(color=FAINT, linewidth=1.2)
        axes.axhline(0, color=LINE, linewidth=1)
        axes.axvline(0, color=LINE, linewidth=1)
        axes.set_axisbelow(True)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, labelbottom=False, labelleft=False)
        _shape(axes, points.numpy(), facecolor="none", edgecolor=GREY, linewidth=1.2, linestyle=(0, (3, 2)))
        _shape(axes, moved.numpy(), facecolor=BLUE, alpha=0.3, linewidth=0)
        _shape(axes, moved.numpy(), facecolor="none", edgecolor=BLUE, linewidth=2)
        axes.set_title(label, loc="left", pad=4, **LABEL)


def _shape(axes: Axes, columns: Array, **style: Any) -> None:
    axes.add_patch(Polygon(columns.T, closed=True, **style))
