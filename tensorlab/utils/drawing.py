"""`plot_model`: a picture of a model's layers with their shapes and numbers of parameters."""

from __future__ import annotations

import math
import re
from typing import Any

from tensorlab import pictures
from tensorlab.errors import ArgumentTypeError, StateError, short_repr

_INK, _LINE, _HEAD, _BODY, _GROUP = "#1F2933", "#52606D", "#D9E8F6", "#FFFFFF", "#F5F7FA"
_WIDTH, _ROW, _GAP = 4.2, 0.32, 0.34  # in inches


def plot_model(
    model: Any,
    to_file: Any = "model.svg",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    expand_nested: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    dpi: float = 200,
) -> Any:
    """Draw the layers of a model, one below the other, and write the picture to a file.

    It needs matplotlib, the extra ``plot``. No other program is needed, unlike for Keras's function.

    Args:
        model: a model with layers, such as a `Sequential`.
        to_file: the file, which ends with ".svg", ".png" or ".pdf"; None to write none.
        show_shapes: whether to show the shapes of inputs and outputs, as far as they are known.
        show_dtype: whether to show the dtype.
        show_layer_names: whether to show the names of layers beside those of their classes.
        expand_nested: whether to show the layers of models that are layers.
        show_layer_activations: whether to show the activations.
        show_trainable: whether to show if a layer is trained.
        dpi: dots per inch of a PNG file.

    Returns:
        the figure of matplotlib.

    Raises:
        ArgumentTypeError: for something without layers.
        ArgumentError: for a path with another ending, or a number out of range.
        StateError: for a model without layers, or if matplotlib is not installed.
        FileAccessError: if the file cannot be written.

    Source: Keras, ``keras.utils.plot_model``.

    Example:
        >>> model = tl.Sequential([tl.Input((4,)), tl.layers.Dense(8, activation="relu"), tl.layers.Dense(1)])
        >>> figure = tl.utils.plot_model(model, to_file=None, show_shapes=True)
    """
    who = "plot_model"
    if not isinstance(getattr(model, "layers", None), list):
        raise ArgumentTypeError(who, "a model with layers", short_repr(model))
    if not model.layers:
        raise StateError(who, "the model has no layers", "add some, or call it once if it makes them in its call")
    path, figure_class = pictures.checked_path(who, to_file), pictures.figure_class(who)
    options = {
        "shapes": show_shapes,
        "dtype": show_dtype,
        "names": show_layer_names,
        "activations": show_layer_activations,
        "trainable": show_trainable,
    }
    boxes = _boxes(model, expand_nested, options, 0)
    return pictures.saved(who, _drawn(boxes, figure_class), path, dpi)


class _Box:
    """A layer in the picture: a heading, lines below it, how deep it is nested, and the layers whose results it takes.

    ``sources`` is None for the layer before.
    """

    def __init__(self, heading: str, lines: list[str], depth: int) -> None:
        self.heading, self.lines, self.depth = heading, lines, depth
        self.name = ""
        self.sources: list[str] | None = None

    @property
    def height(self) -> float:
        return _ROW * (1 + len(self.lines))


def _boxes(model: Any, expand: bool, options: dict[str, bool], depth: int) -> list[_Box]:
    """Return the boxes of a model's layers, those of an inner model after its own."""
    rows = model._rows()
    found = []
    before = str(model.input_shape) if rows[0].shape != "?" and not rows[0].sources else "?"
    if depth == 0 and before != "?" and type(rows[0].layer).__name__ not in ("Input", "InputLayer"):
        found.append(_Box("Input", [f"Output shape: {before}"] if options["shapes"] else [], depth))
    for layer, shape, sources in rows:
        box = _box(layer, None if sources else before, shape, options, depth)
        box.name = layer.name
        if sources:
            box.sources = re.findall(r"([^,\s\[\]]+)\[\d+\]\[\d+\]", sources)
        found.append(box)
        before = shape
        if expand and isinstance(getattr(layer, "layers", None), list) and layer.layers:
            found += _boxes(layer, expand, options, depth + 1)
    return found


def _box(layer: Any, before: str | None, after: str, options: dict[str, bool], depth: int) -> _Box:
    kind, lines = type(layer).__name__, []
    heading = f"{layer.name} ({kind})" if options["names"] else kind
    activation = getattr(layer, "activation", None)
    if options["activations"] and activation is not None:
        name = getattr(activation, "__name__", type(activation).__name__)
        lines.append(f"Activation: {name}")
    if options["shapes"]:
        lines += [] if before is None else [f"Input shape: {before}"]
        lines.append(f"Output shape: {after}")
    if options["dtype"]:
        lines.append(f"Dtype: {layer.dtype}")
    count = sum(math.prod(weight.shape) for weight in layer.weights)
    if count:
        lines.append(f"Parameters: {count:,}")
    if options["trainable"] and layer.weights:
        lines.append(f"Trainable: {'yes' if layer.trainable else 'no'}")
    return _Box(heading, lines, depth)


def _drawn(boxes: list[_Box], figure_class: Any) -> Any:
    """Return a figure with the boxes one below the other, and an arrow to each from those whose results it takes."""
    from matplotlib.patches import FancyArrowPatch, Rectangle

    deepest, branches = max(box.depth for box in boxes), any(box.sources for box in boxes)
    width = _WIDTH + 0.5 * deepest + (1.6 if branches else 0.4)
    height = sum(box.height + _GAP for box in boxes) - _GAP + 0.4
    figure = figure_class(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.axis("off")
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 11, "color": _LINE, "shrinkA": 0, "shrinkB": 0}
    top = height - 0.2
    places: list[tuple[float, float, float]] = []  # the left edge, the top and the bottom of each box
    for index, box in enumerate(boxes):
        left, bottom = 0.2 + 0.5 * box.depth, top - box.height
        places.append((left, top, bottom))
        heads: dict[str, Any] = {"facecolor": _HEAD, "edgecolor": _LINE, "linewidth": 1}
        axes.add_patch(Rectangle((left, bottom), _WIDTH, box.height, **heads | {"facecolor": _BODY}))
        axes.add_patch(Rectangle((left, top - _ROW), _WIDTH, _ROW, **heads))
        text: dict[str, Any] = {"color": _INK, "va": "center", "fontfamily": "DejaVu Sans"}
        heading = box.heading if len(box.heading) <= 44 else f"{box.heading[:41]}..."
        axes.text(left + _WIDTH / 2, top - _ROW / 2, heading, ha="center", fontsize=10, fontweight="bold", **text)
        for row, line in enumerate(box.lines, 1):
            shown = line if len(line) <= 58 else f"{line[:55]}..."
            axes.text(left + 0.14, top - _ROW * (row + 0.5), shown, ha="left", fontsize=9, **text)
        for source in _sources(boxes, index):
            its_left, its_top, its_bottom = places[source]
            if source == index - 1:
                ends = (its_left + _WIDTH / 2, its_bottom), (left + _WIDTH / 2, top)
                axes.add_patch(FancyArrowPatch(*ends, **style))
            else:
                ends = (its_left + _WIDTH, (its_top + its_bottom) / 2), (left + _WIDTH, top - _ROW / 2)
                axes.add_patch(FancyArrowPatch(*ends, connectionstyle="arc3,rad=-0.3", **style))
        top = bottom - _GAP
    return figure


def _sources(boxes: list[_Box], index: int) -> list[int]:
    """Return the positions of the boxes whose results a box takes."""
    sources = boxes[index].sources
    if sources is None:
        return [index - 1] if index else []
    return [number for number, box in enumerate(boxes[:index]) if box.name in sources]
