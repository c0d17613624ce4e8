"""The picture of `History.plot`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tensorlab import pictures
from tensorlab.errors import ArgumentError, StateError, nearest, short_repr

_TRAINING, _VALIDATION, _INK, _LINE = "#0072B2", "#D55E00", "#1F2933", "#CBD2D9"


def draw_history(history: Mapping[str, Sequence[Any]], to_file: Any, metrics: Any, dpi: Any) -> Any:
    """Draw the metrics; see `History.plot`."""
    who = "History.plot"
    known = [name for name, values in history.items() if all(np.ndim(value) == 0 for value in values)]
    names = list(dict.fromkeys(name.removeprefix("val_") for name in known))
    if not names:
        raise StateError(who, "no epoch has ended", "call it on what fit returns")
    chosen = names if metrics is None else list(metrics)
    for name in chosen:
        if name not in names:
            hint = nearest(str(name), names)
            raise ArgumentError(f"{who} metrics", f"some of {', '.join(names)}", short_repr(name), hint)
    path, figure_class = pictures.checked_path(who, to_file), pictures.figure_class(who)
    from matplotlib.ticker import MaxNLocator

    columns = min(len(chosen), 2)
    rows = -(-len(chosen) // columns)
    figure = figure_class(figsize=(5.2 * columns, 3.4 * rows), layout="constrained")
    for position, name in enumerate(chosen, 1):
        axes = figure.add_subplot(rows, columns, position)
        lines = ((name, _TRAINING, "training"), (f"val_{name}", _VALIDATION, "validation"))
        longest = max(len(history.get(key, ())) for key, *_ in lines)
        for key, color, label in lines:
            values = np.array(history.get(key, ()), float)
            if len(values):  # a validation may be reported after some epochs only
                epochs = np.linspace(longest / len(values), longest, len(values))
                axes.plot(epochs, values, color=color, label=label, linewidth=1.8, marker="o", markersize=3)
        axes.set_title(name, loc="left", fontsize=11, fontweight="bold", color=_INK)
        axes.set_xlabel("epoch", color=_INK)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(color=_LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        if f"val_{name}" in history:
            axes.legend(frameon=False)
    return pictures.saved(who, figure, path, dpi)
