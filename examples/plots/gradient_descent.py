"""The picture of gradient descent: a computation graph with values and gradients, and the paths of optimizers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from plots.style import BLUE, GREEN, GREY, HEADING, INK, LINE, ORANGE, Array, plain, titled

Surface = Callable[[Any, Any], Any]

# The positions of the nodes, and the nodes that each is computed from.
PLACES = {
    "x": (0.6, 2.0), "w": (0.6, 0.4), "x1": (3.1, 1.2), "b": (3.1, -0.4), "x2": (5.6, 0.4), "target": (5.6, 2.0),
    "loss": (8.1, 1.2),
}  # fmt: skip
EDGES = [("x", "x1"), ("w", "x1"), ("x1", "x2"), ("b", "x2"), ("x2", "loss"), ("target", "loss")]
WIDTH, HEIGHT = 1.5, 0.8

COLORS = {"SGD": BLUE, "Momentum": ORANGE, "RMSprop": GREEN}
SHADES = LinearSegmentedColormap.from_list("heights", ["#FFFFFF", "#E4E7EA", "#B4BAC0"])


class Node(Protocol):
    """A number of the graph."""

    @property
    def formula(self) -> str: ...
    @property
    def value(self) -> float: ...
    @property
    def gradient(self) -> float: ...


def draw(
    path: Path,
    nodes: Mapping[str, Node],
    paths: dict[str, Array],
    surface: Surface,
    places: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    """Write the graph and the surface with its paths to a PNG file. ``places`` are the dip and the minimum."""
    ends = {name: math.dist(points[-1], places[1]) < 0.25 for name, points in paths.items()}
    arrived = [name for name, there in ends.items() if there]
    title = f"{' and '.join(arrived) or 'None'} of {len(paths)} optimizers reached the minimum"
    if arrived == ["Momentum"]:
        title = "Momentum rolls through the dip that holds the others"
    figure = titled((14, 12), title, "A gradient says which way is down; optimizers differ in what they make of it")
    grid = figure.add_gridspec(
        2, 2, left=0.05, right=0.965, top=0.885, bottom=0.06, hspace=0.16, wspace=0.13,
        height_ratios=(1, 1.4), width_ratios=(1.6, 1),
    )  # fmt: skip
    _graph(figure.add_subplot(grid[0, :]), nodes)
    _paths(figure.add_subplot(grid[1, 0]), paths, surface, places)
    _losses(figure.add_subplot(grid[1, 1]), paths, surface, places[0])
    figure.savefig(path, format="png")


def _graph(axes: Axes, nodes: Mapping[str, Node]) -> None:
    axes.set_xlim(-0.3, 10.6)
    axes.set_ylim(-0.85, 2.65)
    axes.set_axis_off()
    axes.set_title("The chain rule in a graph: values forwards, gradients of the loss backwards", loc="left", **HEADING)
    for source, target in EDGES:
        _edge(axes, PLACES[source], PLACES[target], nodes[source])
    for name, (x, y) in PLACES.items():
        _node(axes, name, nodes[name], x, y)
    for y, color, words in ((1.5, BLUE, "value"), (1.2, ORANGE, "gradient of the loss"), (0.9, INK, "a weight")):
        mark: dict[str, Any] = {"boxstyle": "round,pad=0,rounding_size=0.05", "linewidth": 0, "facecolor": color}
        if color == INK:
            mark |= {"facecolor": "white", "edgecolor": INK, "linewidth": 2}
        axes.add_patch(FancyBboxPatch((9.2, y - 0.05), 0.16, 0.1, **mark))
        axes.text(9.47, y, words, va="center", fontsize=10, color=GREY)


def _node(axes: Axes, name: str, node: Node, x: float, y: float) -> None:
    weight = node.formula == "a weight"
    box: dict[str, Any] = {"boxstyle": "round,pad=0,rounding_size=0.14", "facecolor": "white"}
    axes.add_patch(
        FancyBboxPatch(
            (x - WIDTH / 2, y - HEIGHT / 2), WIDTH, HEIGHT, zorder=3, **box,
            edgecolor=INK if weight else LINE, linewidth=2 if weight else 1.3,
        )
    )  # fmt: skip
    computed = node.formula not in ("a weight", "given")
    label = f"{name} = {node.formula}" if computed else name
    axes.text(x, y + 0.17, label, ha="center", va="center", fontsize=10.5, color=INK, zorder=4)
    numbers: dict[str, Any] = {"va": "center", "fontsize": 14, "weight": "bold", "zorder": 4}
    axes.text(x - 0.12, y - 0.16, f"{node.value:g}", ha="right", color=BLUE, **numbers)
    axes.text(x + 0.12, y - 0.16, f"{node.gradient:+g}".replace("-", "−"), ha="left", color=ORANGE, **numbers)


def _edge(axes: Axes, source: tuple[float, float], target: tuple[float, float], node: Node) -> None:
    """Draw an arrow forward, and below it one backward."""
    begin, end = np.array([source[0] + WIDTH / 2, source[1]]), np.array([target[0] - WIDTH / 2, target[1]])
    end[1] += 0.5 * HEIGHT * np.sign(source[1] - target[1]) * 0.45
    along = (end - begin) / np.hypot(*(end - begin))
    across = np.array([-along[1], along[0]]) * 0.06
    for color, first, last, side in ((BLUE, begin, end, across), (ORANGE, end, begin, -across)):
        gap = 0.07 * (last - first) / np.hypot(*(last - first))
        axes.add_patch(
            FancyArrowPatch(
                tuple(first + side + gap), tuple(last + side - gap), arrowstyle="-|>", mutation_scale=12,
                color=color, linewidth=1.5, shrinkA=0, shrinkB=0, zorder=2,
            )
        )  # fmt: skip


def _paths(
    axes: Axes, paths: dict[str, Array], surface: Surface, places: tuple[tuple[float, float], tuple[float, float]]
) -> None:
    points = np.concatenate([*paths.values(), np.array(places)])
    (left, bottom), (right, top) = points.min(axis=0) - 0.6, points.max(axis=0) + np.array((1.1, 0.6))
    x, y = np.meshgrid(np.linspace(left, right, 400), np.linspace(bottom, top, 300))
    # The square root of the height, so that the floor of the valley has lines too.
    height = np.asarray(surface(x, y))
    height = np.sqrt(height - height.min())
    axes.contourf(x, y, height, 24, cmap=SHADES)
    axes.contour(x, y, height, 24, colors="white", linewidths=0.8)
    for name, path in paths.items():
        dots: dict[str, Any] = {"marker": "o", "markersize": 3.6} if len(path) <= 200 else {}
        axes.plot(*path.T, color=COLORS[name], linewidth=1.7, label=name, **dots)
    start = next(iter(paths.values()))[0]
    axes.plot(*start, "o", color=INK, markersize=9, zorder=5)
    note: dict[str, Any] = {"textcoords": "offset points", "fontsize": 10.5, "color": INK, "weight": "bold"}
    axes.annotate("start", start, (0, 11), ha="center", **note)
    for name, place, offset in zip(("dip", "minimum"), places, ((0, -22), (40, -24)), strict=True):
        axes.plot(*place, "x", color=INK, markersize=9, markeredgewidth=2.2, zorder=5)
        axes.annotate(name, place, offset, ha="center", **note)
    axes.set_title("The surface, and the paths down it", loc="left", pad=10, **HEADING)
    axes.legend(
        frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1.01, 1.006), borderaxespad=0, handlelength=1.4
    )
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=9.5, labelcolor=GREY)


def _losses(axes: Axes, paths: dict[str, Array], surface: Surface, dip: tuple[float, float]) -> None:
    for name, path in paths.items():
        axes.plot(np.asarray(surface(path[:, 0], path[:, 1])), color=COLORS[name], linewidth=2)
    plain(axes)
    axes.set_title("The loss after each step", loc="left", pad=10, **HEADING)
    axes.set_xlabel("step", color=GREY)
    axes.set_ylim(bottom=-0.02 * axes.get_ylim()[1])
    if not any(len(path) > 30 and math.dist(path[-1], dip) < 0.25 for path in paths.values()):
        return
    held = float(surface(*dip))
    note: dict[str, Any] = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points", "fontsize": 10}
    axes.annotate(f"held by the dip: {held:.2f}", (1, held), (0, 9), ha="right", color=GREY, **note)
