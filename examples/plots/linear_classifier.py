"""The picture of the linear classifier: the line between two clouds of points, and the losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from plots.style import BLUE, FAINT, GREY, HEADING, INK, ORANGE, Array, counted, plain, titled


class Result(Protocol):
    """The data of the picture: points, their clouds and predictions, the line, and the loss before each step."""

    @property
    def inputs(self) -> Array: ...
    @property
    def targets(self) -> Array: ...
    @property
    def predictions(self) -> Array: ...
    @property
    def weights(self) -> Array: ...
    @property
    def bias(self) -> float: ...
    @property
    def losses(self) -> list[float]: ...
    @property
    def least(self) -> float: ...


def draw(path: Path, result: Result, accuracy: float) -> None:
    """Write the points with the line beside the losses to a PNG file."""
    figure = titled(
        (13, 7.2),
        f"A line that tells {accuracy:.1%} of {len(result.inputs):,} points apart",
        f"{counted(len(result.losses), 'step')} of gradient descent on two weights and a bias",
    )
    grid = figure.add_gridspec(1, 2, left=0.06, right=0.97, top=0.83, bottom=0.105, wspace=0.16, width_ratios=(1.25, 1))
    _points(figure.add_subplot(grid[0]), result)
    _losses(figure.add_subplot(grid[1]), result)
    figure.savefig(path, format="png")


def _points(axes: Axes, result: Result) -> None:
    x, y = result.inputs.T
    second, read_second = result.targets[:, 0] > 0.5, result.predictions[:, 0] > 0.5
    margin = 0.4
    axes.set_xlim(x.min() - margin, x.max() + margin)
    axes.set_ylim(y.min() - margin, y.max() + margin)
    _sides(axes, result)
    size = float(np.clip(24_000 / len(x), 1.5, 26))
    for cloud, color in ((~second, BLUE), (second, ORANGE)):
        axes.scatter(x[cloud], y[cloud], s=size, color=color, alpha=0.55, linewidths=0)
    for target, color, place in ((0, BLUE, (0.02, 0.97)), (1, ORANGE, (0.98, 0.03))):
        side, edge = ("left", "top") if target == 0 else ("right", "bottom")
        words = {"color": color, "ha": side, "va": edge, "fontsize": 11, "weight": "bold"}
        axes.text(*place, f"target {target}", transform=axes.transAxes, **words)
    misread = second != read_second
    circled = misread.sum() <= 60
    if circled:
        rings: dict[str, Any] = {"facecolors": "none", "edgecolors": INK, "linewidths": 1.1}
        axes.scatter(x[misread], y[misread], s=62, **rings)
    axes.set_title("The points and the line", loc="left", pad=10, **HEADING)
    words = f"{'circled: ' if circled and misread.any() else ''}{misread.sum():,} on the wrong side"
    axes.text(1, 1.022, words, transform=axes.transAxes, ha="right", fontsize=10, color=GREY)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=9.5, labelcolor=GREY)


def _sides(axes: Axes, result: Result) -> None:
    """Draw the line w₀ x + w₁ y + b = 0.5, and tint each side."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    x, y = np.meshgrid(np.linspace(left, right, 300), np.linspace(bottom, top, 300))
    (w0, w1), b = result.weights[:, 0], result.bias
    value = w0 * x + w1 * y + b
    axes.contourf(x, y, value, levels=[-np.inf, 0.5, np.inf], colors=[BLUE, ORANGE], alpha=0.07)
    axes.contour(x, y, value, levels=[0.5], colors=[INK], linewidths=2)


def _losses(axes: Axes, result: Result) -> None:
    steps = np.arange(len(result.losses))
    axes.plot(steps, result.losses, "-", color=BLUE, linewidth=2)
    if len(steps) <= 60:
        axes.plot(steps, result.losses, "o", color=BLUE, markersize=4)
    axes.axhline(result.least, color=ORANGE, linewidth=1.5, linestyle=(0, (4, 3)))
    axes.set_yscale("log")
    plain(axes)
    axes.grid(axis="y", which="both", color=FAINT, linewidth=1.2)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    axes.tick_params(which="both", length=0, labelsize=9.5, labelcolor=GREY)
    axes.set_ylim(result.least / 1.45, max(result.losses) * 1.25)
    axes.set_xlim(-0.04 * len(steps), 1.04 * len(steps))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlabel("step", color=GREY)
    axes.set_title("The loss before each step", loc="left", pad=10, **HEADING)
    axes.annotate(
        f"the best of all lines: {result.least:.4f}",
        (0, result.least), (4, -6), textcoords="offset points", va="top", fontsize=10, color=ORANGE,
    )  # fmt: skip
    axes.annotate(
        f"{result.losses[-1]:.4f}",
        (steps[-1], result.losses[-1]), (0, 9), textcoords="offset points", ha="right", fontsize=11, color=BLUE,
    )  # fmt: skip
