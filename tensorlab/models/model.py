"""`Model`: a layer that can be compiled, trained, evaluated and asked."""

from __future__ import annotations

import math

from rich.table import Table

from tensorlab import terminal
from tensorlab.arguments import named
from tensorlab.layers import Layer
from tensorlab.models.training import Training


class Model(Training):
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

    @named
    def summary(self) -> None:
        """Print a table of the layers, their outputs' shapes and their numbers of parameters."""
        table = Table("Layer (type)", "Output shape", "Parameters", title=f"Model {self.name!r}", title_justify="left")
        table.columns[2].justify = "right"
        for layer, shape in zip(self._members()[1], self._output_shapes(), strict=True):
            count = f"{layer.count_params():,}" if layer.built else "not built"
            table.add_row(f"{layer.name} ({type(layer).__name__})", shape, count)
        console = terminal.console()
        console.print(table)
        trained = sum(math.prod(weight.shape) for weight in self.trainable_weights)
        total = sum(math.prod(weight.shape) for weight in self.weights)
        console.print(f"Parameters: {total:,} ({trained:,} trainable)" if self.built else "Parameters: not built yet")

    def _output_shapes(self) -> list[str]:
        return ["?" for _ in self._members()[1]]
