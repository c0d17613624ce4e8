"""The picture of `bench_scaling`: times by batch, width, depth, data and threads, and the ratio of each network."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

COLORS = ("#1F6FB4", "#D9822B")
GREY = "#777777"
Measured = Mapping[str, Sequence[float]]


def draw(
    path: Path, base: Any, networks: Mapping[Any, Measured], data: Mapping[int, Measured], cores: Mapping[int, Measured]
) -> None:
    """Write the picture to a file, whose ending says the format.

    Args:
        path: the file.
        base: the network that the others vary.
        networks: the seconds per step in each turn, by network and library.
        data: the seconds per image, by the number of images.
        cores: the seconds per step, by the number of threads.
    """
    figure = Figure((13, 7.5), layout="constrained")
    figure.suptitle(
        f"Training with Adam, 784 inputs, 10 classes; {base} unless varied. Lower lines are faster.", x=0.01, ha="left"
    )
    axes = figure.subplots(2, 3)
    for place, (name, label) in zip(
        axes.flat[:3],
        (("batch", "batch"), ("width", "width of hidden layers"), ("depth", "hidden layers")),
        strict=True,
    ):
        others = [each for each in ("batch", "width", "depth") if each != name]
        varied = {
            getattr(network, name): taken
            for network, taken in networks.items()
            if all(getattr(network, other) == getattr(base, other) for other in others)
        }
        _lines(place, varied, label, "ms a step", 1e3)
    _lines(axes[1, 0], data, "images, shuffled", "µs an image", 1e6, log=False)
    _lines(axes[1, 1], cores, "threads", "ms a step", 1e3, log=False)
    _ratios(axes[1, 2], networks)
    axes[0, 0].legend(frameon=False)
    figure.savefig(path)


def _lines(axes: Axes, measured: Mapping[int, Measured], label: str, unit: str, scale: float, log: bool = True) -> None:
    """Draw a line of medians for each library, with the range of its turns."""
    values = sorted(measured)
    for color, library in zip(COLORS, next(iter(measured.values())), strict=False):
        times = [[scale * time for time in measured[value][library]] for value in values]
        axes.plot(values, [statistics.median(each) for each in times], "o-", color=color, label=library, markersize=4)
        axes.fill_between(values, [min(each) for each in times], [max(each) for each in times], color=color, alpha=0.15)
    axes.set_xscale("log")
    axes.set_xticks(values, [f"{value:,}" for value in values], fontsize=8)
    axes.xaxis.set_minor_locator(NullLocator())
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlabel(label)
    axes.set_title(unit, loc="left", fontsize=10)
    _plain(axes)


def _ratios(axes: Axes, networks: Mapping[Any, Measured]) -> None:
    """Draw the ratio of each network as a bar from 1."""
    names = [str(network) for network in networks]
    libraries = list(next(iter(networks.values())))
    if len(libraries) < 2:
        axes.set_axis_off()
        return
    ours, theirs = libraries[:2]
    found = [
        statistics.median(b / a for a, b in zip(taken[ours], taken[theirs], strict=True)) for taken in networks.values()
    ]
    places = range(len(names))
    axes.barh(places, [ratio - 1 for ratio in found], left=1, color=[COLORS[ratio < 1] for ratio in found], height=0.7)
    for place, ratio in zip(places, found, strict=True):
        axes.annotate(
            f"{ratio:.2f}", (ratio, place), (3 if ratio >= 1 else -3, 0), textcoords="offset points",
            ha="left" if ratio >= 1 else "right", va="center", fontsize=8,
        )  # fmt: skip
    axes.axvline(1, color=GREY, linewidth=1)
    axes.set_yticks(places, names, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.set_title(f"time of {theirs} / time of {ours}", loc="left", fontsize=10)
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
