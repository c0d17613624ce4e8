"""The picture of the digit classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter
from plots.style import FAINT, GREY, HEADING, INK, LINE, RIGHT, WRONG, Array, plain, titled

COLUMNS = 9


class Result(Protocol):
    """The data of the picture: the test set, its predictions, and the metrics of every epoch."""

    @property
    def images(self) -> Array: ...
    @property
    def labels(self) -> Array: ...
    @property
    def probabilities(self) -> Array: ...
    @property
    def accuracy(self) -> float: ...
    @property
    def history(self) -> dict[str, list[float]]: ...


def draw(path: Path, title: str, result: Result) -> None:
    """Write the learning curves, the confusion matrix, and test digits with their ten confidences to a PNG file."""
    wrong = int(np.sum(result.probabilities.argmax(axis=1) != result.labels))
    figure = titled(
        (14, 11.2),
        f"{title}: {result.accuracy:.2%} read correctly",
        f"{len(result.labels):,} test digits, {wrong:,} of them misread",
    )
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.08))
    curves = above.add_gridspec(2, 1, left=0.065, right=0.50, bottom=0.11, top=0.80, hspace=0.42)
    _curve(above.add_subplot(curves[0]), result.history, "accuracy", "Accuracy")
    _curve(above.add_subplot(curves[1]), result.history, "loss", "Loss")
    matrix = above.add_gridspec(1, 1, left=0.585, right=0.975, bottom=0.11, top=0.94)
    _confusion(above.add_subplot(matrix[0]), result.labels, result.probabilities.argmax(axis=1))
    _digits(below, result)
    figure.savefig(path, format="png")


def _curve(axes: Axes, history: dict[str, list[float]], metric: str, title: str) -> None:
    epochs = range(1, len(history[metric]) + 1)
    dots: dict[str, Any] = {"marker": "o", "markersize": 4} if len(epochs) <= 12 else {}
    axes.plot(epochs, history[metric], "--", color=WRONG, label="training, while it learns", **dots)
    axes.plot(epochs, history[f"val_{metric}"], "-", color=RIGHT, label="test, after the epoch", **dots)
    axes.set_title(title, loc="left", **HEADING)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.set_xlim(0.5, len(epochs) + 0.5)
    plain(axes)
    if metric == "loss":
        axes.set_ylim(bottom=0)
        axes.set_xlabel("epoch", color=GREY)
    else:
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.98), borderaxespad=0)


def _confusion(axes: Axes, labels: Array, readings: Array) -> None:
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (labels, readings), 1)
    # Only mistakes are shaded, because the diagonal would dominate the scale.
    mistakes = np.ma.masked_equal(counts * (1 - np.eye(10, dtype=int)), 0)
    axes.set_facecolor(FAINT)
    axes.imshow(mistakes, cmap="Oranges", vmin=0, vmax=1.8 * mistakes.max() if mistakes.count() else 1)
    for row, column in np.argwhere(counts):
        hit = row == column
        if hit:
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, color=RIGHT, linewidth=0))
        axes.text(
            column, row, f"{counts[row, column]:,}", ha="center", va="center", fontsize=9.5,
            color="white" if hit else INK, weight="bold" if hit else "normal",
        )  # fmt: skip
    axes.set_title("Confusion matrix", loc="left", **HEADING, pad=8)
    axes.set_xlabel("it is read as", color=GREY)
    axes.set_ylabel("the digit is", color=GREY)
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    axes.set_xticks(np.arange(9) + 0.5, minor=True)
    axes.set_yticks(np.arange(9) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.text(9.7, -0.85, "right", va="center", fontsize=9.5, color=RIGHT)
    right = counts.diagonal() / np.maximum(counts.sum(axis=1), 1)
    for digit, portion in enumerate(right):
        axes.text(9.7, digit, f"{portion:.1%}", va="center", fontsize=9.5, color=RIGHT)


def _digits(figure: SubFigure, result: Result) -> None:
    """Draw two rows: the first test digits, and those with the least confidence in their label."""
    confidence = result.probabilities[np.arange(len(result.labels)), result.labels]
    rows = {
        "The first test digits": np.arange(min(COLUMNS, len(result.labels))),
        "The hardest ones: least confidence in what the digit is": np.argsort(confidence, kind="stable")[:COLUMNS],
    }
    for (title, chosen), top in zip(rows.items(), (0.91, 0.415), strict=True):
        figure.text(0.035, top + 0.045, title, **HEADING)
        place = {"left": 0.035, "right": 0.975, "top": top - 0.03, "bottom": top - 0.365}
        grid = figure.add_gridspec(2, COLUMNS, **place, height_ratios=(1.7, 1), hspace=0.06, wspace=0.22)
        for column, index in enumerate(chosen):
            label, probabilities = int(result.labels[index]), result.probabilities[index]
            _image(figure.add_subplot(grid[0, column]), result.images[index], probabilities, label)
            _confidences(figure.add_subplot(grid[1, column]), probabilities, label)


def _image(axes: Axes, image: Array, probabilities: Array, label: int) -> None:
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=255)
    axes.set_axis_off()
    reading = int(probabilities.argmax())
    # Rounded down, so that only certainty is shown as 100%.
    words = f"{reading}: {int(100 * probabilities[reading])}%"
    if reading == label:
        axes.set_title(f"✓ {words}", fontsize=11, pad=3, color=RIGHT)
    else:
        axes.set_title(f"✗ {words}, is {label}", fontsize=11, pad=3, color=WRONG)


def _confidences(axes: Axes, probabilities: Array, label: int) -> None:
    colors = [LINE] * 10
    colors[int(probabilities.argmax())] = WRONG
    colors[label] = RIGHT
    axes.bar(range(10), probabilities, color=colors, width=0.8)
    axes.set_xlim(-0.6, 9.6)
    axes.set_ylim(0, 1)
    axes.set_xticks(range(10))
    axes.set_yticks([])
    axes.tick_params(length=0, labelsize=8, pad=2)
    axes.get_xticklabels()[label].set(color=RIGHT, weight="bold")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
