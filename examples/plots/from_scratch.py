"""The picture of the network from scratch: how it learns, and its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from plots.style import BLUE, GREY, HEADING, INK, LINE, ORANGE, Array, counted, plain, titled

AGAINST_FOR = LinearSegmentedColormap.from_list("against, for", [BLUE, "#F7F7F7", ORANGE])


class Result(Protocol):
    """The data of the picture: the loss of each batch, the accuracy of each epoch, and the ten templates."""

    losses: list[float]
    accuracies: list[float]
    templates: Array


def draw(path: Path, title: str, result: Result) -> None:
    """Write the losses, the accuracies and a template for each digit to a PNG file."""
    epochs = len(result.accuracies) - 1
    figure = titled(
        (14, 7.4),
        f"{title} from scratch: {result.accuracies[-1]:.1%} read correctly",
        "Two layers, a training step and its loop written by hand; "
        f"{counted(epochs, 'epoch')} of {counted(len(result.losses) // epochs, 'step')}",
    )
    grid = figure.add_gridspec(1, 2, left=0.05, right=0.975, top=0.81, bottom=0.42, wspace=0.1)
    _losses(figure.add_subplot(grid[0]), result, epochs)
    _accuracies(figure.add_subplot(grid[1]), result)
    _templates(figure, result.templates)
    figure.savefig(path, format="png")


def _losses(axes: Axes, result: Result, epochs: int) -> None:
    losses = np.array(result.losses)
    steps = len(losses) // epochs
    at = np.arange(len(losses)) / steps
    axes.plot(at, losses, color=BLUE, alpha=0.25, linewidth=0.8)
    window = min(steps, 100)
    smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
    dots: dict[str, Any] = {"marker": "o", "markersize": 5} if len(losses) <= 25 else {}
    axes.plot(at[window - 1 :], smooth, color=BLUE, linewidth=2, clip_on=False, **dots)
    axes.axhline(np.log(10), color=GREY, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.annotate(
        "guessing: ln 10", (1, np.log(10)), (0, 5), xycoords=axes.get_yaxis_transform(),
        textcoords="offset points", ha="right", fontsize=10, color=GREY,
    )  # fmt: skip
    plain(axes)
    axes.set_ylim(0, float(np.quantile(losses, 0.999)) * 1.05)
    axes.set_xlim(0, epochs)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.set_title("Loss of every batch, and its running mean", loc="left", **HEADING)
    axes.set_xlabel("epochs", color=GREY)


def _accuracies(axes: Axes, result: Result) -> None:
    epochs = np.arange(len(result.accuracies))
    dots: dict[str, Any] = {"marker": "o", "markersize": 5} if len(epochs) <= 25 else {}
    axes.plot(epochs, result.accuracies, color=ORANGE, linewidth=2, **dots)
    axes.annotate(
        f"{result.accuracies[-1]:.1%}", (epochs[-1], result.accuracies[-1]), (0, 9), textcoords="offset points",
        ha="right", fontsize=11, color=ORANGE, weight="bold",
    )  # fmt: skip
    plain(axes)
    axes.set_ylim(0, 1)
    axes.set_xlim(-0.02 * epochs[-1], epochs[-1] * 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_title("Accuracy on the test images after each epoch", loc="left", **HEADING)
    axes.set_xlabel("epochs", color=GREY)


def _templates(figure: Figure, templates: Array) -> None:
    figure.text(0.035, 0.295, "What the weights have become", **HEADING)
    figure.text(
        0.035, 0.26, "The change of the two kernels, multiplied: ink on an orange place speaks for the digit, "
        "ink on a blue place against it", fontsize=10.5, color=GREY,
    )  # fmt: skip
    grid = figure.add_gridspec(1, 10, left=0.035, right=0.975, top=0.2, bottom=0.03, wspace=0.12)
    # Subtract what all ten templates have in common, and the mean of each.
    apart = templates - templates.mean(axis=0)
    apart -= apart.mean(axis=(1, 2), keepdims=True)
    for digit, template in enumerate(apart):
        axes = figure.add_subplot(grid[digit])
        most = float(np.abs(template).max()) or 1.0
        axes.imshow(template, cmap=AGAINST_FOR, vmin=-most, vmax=most, interpolation="bicubic")
        axes.set_title(str(digit), fontsize=12, weight="bold", color=INK, pad=4)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_color(LINE)
