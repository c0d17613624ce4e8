"""`Model`: a layer that can be compiled, trained and evaluated, and that predicts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tensorlab import terminal
from tensorlab.arguments import check_callable, named
from tensorlab.errors import ArgumentError, nearest, short_repr
from tensorlab.layers import Layer
from tensorlab.models.files import Files


class Model(Files):
    """The base of every model: a layer with `compile`, `fit`, `evaluate` and `predict`.

    A subclass implements `call`. It may also replace `train_step`, `test_step`, `predict_step`, `compute_loss` and
    `compute_metrics`, which `fit`, `evaluate` and `predict` then call.

    Source: Keras, ``keras.Model``.

    Example:
        >>> class Half(tl.Model):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.dense = tl.layers.Dense(1)
        ...     def call(self, inputs):
        ...         return self.dense(inputs)
        ...     def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        ...         return 0.5 * tl.mean(tl.square(y - y_pred))
    """

    @property
    def layers(self) -> list[Layer]:
        """The layers that its attributes hold, also inside of lists and other containers, in order."""
        return self._members()[1]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return one of `layers`, by its name or its index.

        Raises:
            ArgumentError: if there is none, or not exactly one of both is given.

        Source: Keras, ``keras.Model.get_layer``.
        """
        who, layers = f"{self._who}.get_layer", self.layers
        if (name is None) == (index is None):
            raise ArgumentError(who, "a name or an index", f"name={short_repr(name)} and index={short_repr(index)}")
        if index is not None:
            if not isinstance(index, int) or not -len(layers) <= index < len(layers):
                raise ArgumentError(who, f"an index below {len(layers)}, the number of layers", short_repr(index))
            return layers[index]
        for layer in layers:
            if isinstance(name, str) and layer.name == name:
                return layer
        names = [layer.name for layer in layers]
        raise ArgumentError(who, "the name of a layer", short_repr(name), nearest(short_repr(name), names))

    @named
    def summary(self, line_length: int | None = None, print_fn: Callable[[str], Any] | None = None) -> None:
        """Print a table of the layers, their outputs' shapes and their numbers of parameters.

        Args:
            line_length: the largest number of characters in a line; that of the terminal if None.
            print_fn: a function that is called with each line instead.
        """
        from rich.table import Table

        table = Table("Layer (type)", "Output shape", "Parameters", title=f"Model {self.name!r}", title_justify="left")
        table.columns[2].justify = "right"
        for layer, shape in zip(self._members()[1], self._output_shapes(), strict=True):
            count = f"{layer.count_params():,}" if layer.built else "not built"
            table.add_row(f"{layer.name} ({type(layer).__name__})", shape, count)
        trained = sum(math.prod(weight.shape) for weight in self.trainable_weights)
        total = sum(math.prod(weight.shape) for weight in self.weights)
        last = f"Parameters: {total:,} ({trained:,} trainable)" if self.built else "Parameters: not built yet"
        console = terminal.console()
        if line_length is not None:
            if isinstance(line_length, bool) or not isinstance(line_length, int) or not 20 <= line_length <= 10_000:
                who = f"{self._who}.summary line_length"
                raise ArgumentError(who, "an integer from 20 to 10000, or None", short_repr(line_length))
            console.width = line_length
        if print_fn is None:
            console.print(table)
            console.print(last)
            return
        check_callable(f"{self._who}.summary print_fn", "a function of one line, or None", print_fn)
        with console.capture() as captured:
            console.print(table)
            console.print(last)
        for line in captured.get().splitlines():
            print_fn(line)

    def _output_shapes(self) -> list[str]:
        return ["?" for _ in self._members()[1]]
